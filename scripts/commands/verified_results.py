"""`python -m scripts.commands.verified_results REPORT.json HOW`: puts what a verification said into docs/verified.json.

REPORT.json is what `invoke verify WHEEL --level full --with workloads,integrations,autotuning --json` printed, of one
wheel; HOW says on what machine and with which packages, for docs/verify.md, which is written anew, as is the README.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.utils import parse_wheel_filename
from packaging.version import Version

from scripts.commands.reference import main as write_pages
from scripts.commands.verify_page import ON_A_GPU, VERIFIED, read_gpu_results, read_results, unreported
from scripts.facts.load import load_facts
from scripts.files import write_whole


def with_report(
    results: Mapping[str, Mapping[str, Any]], report: Mapping[str, Any], how: str
) -> dict[str, Mapping[str, Any]]:
    """The results with those of the report's wheel in the place of its release's, the newest release first."""
    release = parse_wheel_filename(report["wheel"])[1].public
    known = load_facts().verification_parts
    parts = {name: run for name, run in report["parts"].items() if name in known}
    found = {**results, release: {"how": how, "wheel": report["wheel"], "parts": parts}}
    return {name: found[name] for name in sorted(found, key=Version, reverse=True)}


def main(arguments: Sequence[str]) -> None:
    """Write docs/verified.json, and the pages that are made of it."""
    report = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    document = with_report(read_results(VERIFIED), report, arguments[1])
    write_whole(VERIFIED, (json.dumps(document, indent=2) + "\n").encode())
    write_pages()
    absent = unreported(document, read_gpu_results(ON_A_GPU), load_facts().verification_parts.values())
    if absent:
        raise SystemExit(f"written, but nothing is known of {', '.join(absent)}")


if __name__ == "__main__":
    main(sys.argv[1:])
