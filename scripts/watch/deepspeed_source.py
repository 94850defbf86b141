"""What the source of a DeepSpeed release says: its ops, what they are made from, the toolkits that it tolerates."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.command import Command, Log, check, no_log, run
from scripts.errors import SourceError
from scripts.facts.deepspeed_releases import Patch
from scripts.fetch.archive import unpack
from scripts.portability.units import PROGRAM
from scripts.wheel_build.headers import reach
from scripts.wheel_build.patch import apply_patch
from scripts.wheel_build.source import fetch_source

ASKED_FOR = {"cuda": "12.8", "cpu": ""}  # accelerator -> CUDA; upstream's sources do not depend on its minor
ARCHES = "8.0;9.0"
MINORS, DEFAULTS = "cuda_minor_mismatch_ok", "DEFAULT_COMPUTE_CAPABILITIES"
OLDEST_MAJOR = 11  # of the toolkits that the rows name


@dataclass(frozen=True, kw_only=True)
class SourceOp:
    """One op for one accelerator."""

    name: str
    variable: str
    module: str
    sources: tuple[str, ...]
    content: str  # a digest of all that its compilers read of the tree, and of upstream's words; empty: not known


@dataclass(frozen=True, kw_only=True)
class SourceFacts:
    """One release."""

    version: str
    root: Path  # of its source, as upstream has it
    cuda_minors: tuple[str, ...]
    default_arches: str
    ops: Mapping[str, Mapping[str, SourceOp]]  # accelerator -> op


def read_source(
    version: str,
    digest: str | None,
    downloads: Path,
    folder: Path,
    cpu_flags: Sequence[str],
    torch: str,
    log: Log = no_log,
) -> SourceFacts:
    """What the sdist of the release says, unpacked into `folder`; raises SourceError when it cannot be had or read."""
    archive = fetch_source(version, downloads, kinds=("sdist",), pinned_sdist=digest, log=log)
    root = folder / version
    unpack(archive.path, root)
    builder = _module(root / "op_builder" / "builder.py")
    minors = _assigned(builder, MINORS)
    if not isinstance(minors, dict):
        raise SourceError(
            f"DeepSpeed {version}: op_builder/builder.py states no {MINORS} any more", id="source-mismatch"
        )
    return SourceFacts(
        version=version,
        root=root,
        cuda_minors=tuple(text for major, texts in sorted(minors.items()) if major >= OLDEST_MAJOR for text in texts),
        default_arches=str(_assigned(builder, DEFAULTS) or ""),
        ops={accelerator: _ops(root, accelerator, torch, cuda, cpu_flags) for accelerator, cuda in ASKED_FOR.items()},
    )


def changed_ops(before: SourceFacts, after: SourceFacts, accelerator: str) -> tuple[str, ...]:
    """The ops whose content is not that of the release before: no cache has them. One that cannot be told is one."""
    old = before.ops[accelerator]
    return tuple(
        name
        for name, op in after.ops[accelerator].items()
        if not op.content or name not in old or old[name].content != op.content
    )


def misplaced(patches: Sequence[Patch], facts: SourceFacts) -> dict[str, str]:
    """By id, the patches that find nothing to change in the source, applied in order, and why. It is changed by it."""
    found = {}
    for patch in patches:
        try:
            apply_patch(patch, facts.root, facts.version)
        except SourceError as error:
            found[patch.id] = str(error)
    return found


def _ops(root: Path, accelerator: str, torch: str, cuda: str, cpu_flags: Sequence[str]) -> dict[str, SourceOp]:
    output = root / f".ops-{accelerator}.json"
    words = (accelerator, torch, cuda, ",".join(cpu_flags), str(output), "linux")
    command = Command(argv=(sys.executable, str(PROGRAM), *words), cwd=root, env={"TORCH_CUDA_ARCH_LIST": ARCHES})
    check(command, run(command))
    described: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
    return {name: _op(name, row, root) for name, row in described.items()}


def _op(name: str, described: Mapping[str, Any], root: Path) -> SourceOp:
    sources = tuple(described.get("sources", ()))  # none of one whose builder wants what is not here
    there = bool(sources) and all((root / each).is_file() for each in sources)
    return SourceOp(
        name=name,
        variable=described["variable"],
        module=described["module"],
        sources=sources,
        content=_content(described, sources, root) if there else "",
    )


def _content(described: Mapping[str, Any], sources: Sequence[str], root: Path) -> str:
    folders = [(root / folder).resolve() for folder in described["include_dirs"]]
    digest = hashlib.sha256(json.dumps([sources, described["options"]]).encode())
    for source in sources:
        for path in reach((root / source).resolve(), folders, root.resolve()).files:
            digest.update(os.path.relpath(path, root).encode() + path.read_bytes())
    return digest.hexdigest()


def _module(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError) as error:
        raise SourceError(f"{path.name} of DeepSpeed cannot be read: {error}", id="source-mismatch") from None


def _assigned(module: ast.Module, name: str) -> object:
    """The value that a name has at the top of a module; None without one, or with one that is calculated."""
    for node in module.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            try:
                return ast.literal_eval(node.value)
            except ValueError:
                return None
    return None
