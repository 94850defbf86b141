"""Whether a wheel that lies filed is the one that building its target again would make."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from scripts.dirs import CHECKOUT, Dirs
from scripts.facts.load import load_facts
from scripts.files import has_digest, sha256_of, tree_digest
from scripts.host import find_interpreter, interpreter_identity
from scripts.outgoing import redacted_values
from scripts.toolchain.compilers import Toolchain
from scripts.toolchain.programs import library_digests, program_digests
from scripts.wheel.manifest import manifest_path
from scripts.wheel.wheelhouse import wheel_in
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.build_plan import BuildPlan
from scripts.wheel_build.search_path import all_words, told_folders, words_of
from scripts.wheel_build.told_files import library_folders, told_files
from scripts.wheel_build.variables import read_by_compilers

INPUTS = "inputs"  # the manifest's key
OF_THE_WAY = frozenset(("jobs", "cache", "wait", "minutes", "verify"))  # options that do not change the wheel


def find_unchanged(plan: BuildPlan, dirs: Dirs) -> Path | None:
    """The filed wheel of the plan, verified as far as is asked, when nothing that decides it has changed; or None."""
    wheel = wheel_in(dirs.wheelhouse / f"{plan.target.folder}{plan.directory}", plan.target)
    return wheel if wheel and _is_unchanged(wheel, plan) else None


def inputs_digest(plan: BuildPlan, toolchain: Toolchain, manifest: Mapping[str, Any]) -> str:
    """The digest of what decided a wheel, and of what was found: all that its manifest says of it.

    `manifest` is the wheel's, as a JSON document, with this digest or not yet; `toolchain` is what was found when it
    was built. The plan follows from the target, the options, the toolchain, this checkout's code and its rows, and what
    the caller told setup.py and compilers; of these, not of the plan, is the digest, so nothing that a plan holds can
    be forgotten here.
    """
    setup = _read_by_setup()
    words = ("", *words_of(setup.values()))
    options = {field.name: getattr(plan.options, field.name) for field in fields(BuildOptions)}
    host, toolkit = toolchain.host.directories.get("compiler"), toolchain.toolkit
    compilers = [*([host] if host else []), *([str(toolkit.compiler)] if toolkit else [])]
    ingredients = {
        "target": plan.target.id,
        "options": {name: value for name, value in options.items() if name not in OF_THE_WAY},
        "checkout": _checkout_digest(),
        "toolchain": dict(toolchain.identity),
        "programs": program_digests(compilers),
        "libraries": library_digests([host]) if host else {},
        "folders": [tree_digest(folder) for folder in (*told_folders(words, plan.variables, Path()), *_named(setup))],
        "files": [sha256_of(file) for file in told_files(all_words(words, plan.variables))],
        "link": [_listing(folder) for folder in library_folders(words)],
        "setup": setup,
        "variables": read_by_compilers(plan.compiler_variables, plan.variables, os.environ),
        "interpreter": interpreter_identity(find_interpreter(plan.target.python) or ""),
        "source": plan.deepspeed.sdist_sha256,
        "manifest": redacted_values({name: value for name, value in manifest.items() if name != INPUTS}),
    }
    return hashlib.sha256(json.dumps(ingredients, sort_keys=True).encode()).hexdigest()


def _is_unchanged(wheel: Path, plan: BuildPlan) -> bool:
    try:
        manifest = json.loads(manifest_path(wheel).read_bytes())
        proof, rows = manifest["proof"], load_facts().verification_levels.values()
        ranks = {name: rank for rank, row in enumerate(rows) for name in (row.name, row.alias)}
        if proof["passed"] is not True or ranks[proof["level"]] < ranks[plan.level]:
            return False
        same: bool = manifest[INPUTS] == inputs_digest(plan, plan.toolchain, manifest)
        return same and has_digest(wheel, manifest["wheel"]["sha256"])
    except (OSError, ValueError, LookupError, TypeError):  # no manifest, a damaged one, or one of before 0.2
        return False


def _read_by_setup() -> dict[str, str]:
    """What the caller told setup.py, setuptools and torch's build extension."""
    names = load_facts().setup_variables
    return {name: value for name, value in os.environ.items() if any(fnmatchcase(name, one) for one in names)}


def _named(setup: Mapping[str, str]) -> list[Path]:
    """Where the headers lie of a project that a variable names, CUTLASS_PATH=/opt/cutlass."""
    return [Path(value) / "include" for value in setup.values() if os.path.isabs(value)]  # noqa: PTH117 - a text


def _listing(folder: Path) -> list[list[str | int]]:
    """What lies in a folder of libraries: they are large, so their sizes and times stand for their content."""
    try:
        found = [(entry.name, entry.stat()) for entry in os.scandir(folder) if entry.is_file()]
    except OSError:
        return []
    return sorted([name, one.st_size, one.st_mtime_ns] for name, one in found)


def _checkout_digest() -> str:
    """The digest of the code and the data that make wheels: all of scripts/, and matrix.yaml."""
    files = sorted(path for path in (CHECKOUT / "scripts").rglob("*") if path.suffix in {".py", ".yaml", ".txt", ".h"})
    listed = [(path.relative_to(CHECKOUT).as_posix(), sha256_of(path)) for path in (CHECKOUT / "matrix.yaml", *files)]
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()
