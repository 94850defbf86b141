"""The environment that a build left, for the next build with the same needs: taken only when it is as it was left.

Its stamp lists every file. One that is missing, changed or more spoils it, except what Python compiles of modules: such
files come with their use, so those that nobody listed are removed, and Python makes them again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from scripts.command import Log
from scripts.fetch.installer import Installer
from scripts.host import interpreter_identity
from scripts.stamp import damage_of, more_in, stamp_tree, stamped_note
from scripts.wheel_build.build_plan import BuildPlan
from scripts.wheel_build.replay import Package

COMPILED = "*.pyc"
CLIENTS = ("PIP_", "UV_")  # how variables begin that tell a package client what to install, and from where


def needs_of(plan: BuildPlan, installer: Installer, interpreter: str) -> str:
    """The digest of what decides what is installed: two plans with the same may use one environment."""
    needs = {
        "torch": [plan.target.torch, plan.target.cuda],
        "routes": [[route.requirement, route.index] for route in plan.routes],
        "requirements": plan.requirements,
        "interpreter": interpreter_identity(interpreter),
        "installer": [installer.uv, dict(installer.variables())],
        "variables": {name: value for name, value in os.environ.items() if name.startswith(CLIENTS)},
    }
    return hashlib.sha256(json.dumps(needs, sort_keys=True).encode()).hexdigest()


def keep_environment(root: Path, needs: str, packages: Sequence[Package]) -> None:
    """Write down that the environment holds these packages, which satisfy the needs, and what its files are now.

    Where that cannot be written the next build makes its own.
    """
    with suppress(OSError):
        stamp_tree(root, {"needs": needs, "packages": [asdict(one) for one in packages]})


def spoiled(root: Path) -> str:
    """What of the environment is not as it was left, but for what Python compiled; empty when all of it is."""
    strange = [name for name in more_in(root) if not name.endswith(COMPILED[1:])]
    return damage_of(root) or (f"{strange[0]} is more" if strange else "")


def kept_packages(root: Path, needs: str, log: Log) -> tuple[Package, ...]:
    """The packages of the environment when it satisfies the needs and is as it was left; none when it must be made."""
    note = stamped_note(root)
    if note is None:
        return ()
    if note["needs"] != needs:
        log("  the environment of the build before holds something else: made anew")
        return ()
    for name in [name for name in more_in(root) if name.endswith(COMPILED[1:])]:
        (root / name).unlink()
    if damage := spoiled(root):
        log(f"  the environment of the build before is not as it was left ({damage}): made anew")
        return ()
    return tuple(Package(**{**one, "sha256": tuple(one["sha256"])}) for one in note["packages"])
