"""Cuts GitHub's OpenAPI description to the operations in use: `python -m tests.github.cut_openapi FILE`.

FILE is `generated/api.github.com.json` of the npm package @octokit/openapi 23.0.2 (MIT, see NOTICE); the result is
`openapi.json` beside this script. Examples are left out, nothing else is changed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OPERATIONS = {
    "/repos/{owner}/{repo}/releases": ("get", "post"),
    "/repos/{owner}/{repo}/releases/tags/{tag}": ("get",),
    "/repos/{owner}/{repo}/releases/{release_id}": ("get", "patch", "delete"),
    "/repos/{owner}/{repo}/releases/{release_id}/assets": ("get", "post"),
    "/repos/{owner}/{repo}/releases/assets/{asset_id}": ("get", "patch", "delete"),
    "/repos/{owner}/{repo}/actions/runs/{run_id}/artifacts": ("get",),
    "/repos/{owner}/{repo}/actions/runs/{run_id}/jobs": ("get",),
    "/repos/{owner}/{repo}/actions/jobs/{job_id}": ("get",),
    "/repos/{owner}/{repo}/actions/jobs/{job_id}/logs": ("get",),
    "/repos/{owner}/{repo}/actions/artifacts/{artifact_id}/{archive_format}": ("get",),
    "/repos/{owner}/{repo}/issues": ("get",),
    "/repos/{owner}/{repo}/issues/{issue_number}/comments": ("get", "post"),
    "/repos/{owner}/{repo}/issues/comments/{comment_id}": ("patch",),
}
CUT = Path(__file__).with_name("openapi.json")
LEFT_OUT = {"examples", "externalDocs", "x-github"}


def cut(whole: dict[str, Any]) -> dict[str, Any]:
    """The operations, and every component that they reach."""
    paths = {path: {method: whole["paths"][path][method] for method in methods} for path, methods in OPERATIONS.items()}
    found = {"openapi": whole["openapi"], "info": whole["info"], "servers": whole["servers"], "paths": _bare(paths)}
    components: dict[str, dict[str, Any]] = {}
    waiting = list(_references(found["paths"]))
    while waiting:
        _, _, kind, name = waiting.pop().split("/")
        if name not in components.setdefault(kind, {}):
            components[kind][name] = _bare(whole["components"][kind][name])
            waiting += _references(components[kind][name])
    return {**found, "components": components}


def _bare(value: Any) -> Any:  # noqa: ANN401  any JSON
    """Without examples and links; no field of a release or an asset is called like one of these."""
    if isinstance(value, list):
        return [_bare(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    return {key: _bare(entry) for key, entry in value.items() if key not in LEFT_OUT}


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for entry in value:
            yield from _references(entry)


if __name__ == "__main__":
    document = cut(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    CUT.write_text(json.dumps(document, sort_keys=True, separators=(",", ":")) + "\n", encoding="utf-8")
