"""What is asked of the disks before a build installs anything: what is written where, and how much of it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from scripts.dirs import CACHE_VARIABLE, CHECKOUT, OUTPUT_VARIABLE, Dirs
from scripts.disk_space import Place, disk_of, require_room, require_writable
from scripts.fetch.installer import Installer
from scripts.plan.target import Target
from scripts.wheel_build.build_plan import BuildPlan

# learn.microsoft.com, GetTempPath: compilers of Windows ask for TMP before TEMP, which Python asks for first
OF_SYSTEM = {"windows": "TMP", "linux": "TMPDIR"}
TEMPORARY = OF_SYSTEM["windows" if os.name == "nt" else "linux"]
ENVIRONMENTS = CHECKOUT / ".nox"


def require_disks(
    plans: Sequence[BuildPlan], dirs: Dirs, installer: Installer, *, make: bool = True, one_torch: bool = False
) -> None:
    """Raise PrerequisiteError unless all directories that building these plans writes can be written and have room.

    With `one_torch` the packages of a Python go before those of the next are installed.
    """
    if not plans:  # every wheel that was asked for is there and unchanged
        return
    subject = plans[0].target.id if len(plans) == 1 else f"{len(plans)} targets"
    places = [*places_of(plans, dirs, installer, one_torch=one_torch)]
    require_writable(subject, places, make=make)
    require_room(subject, places)


def places_of(
    plans: Sequence[BuildPlan], dirs: Dirs, installer: Installer, *, one_torch: bool = False
) -> Iterator[Place]:
    """The directories that building the plans, one after the other, writes to."""
    cache, output = f"{CACHE_VARIABLE} names another", f"{OUTPUT_VARIABLE} names another"
    temporary = f"{TEMPORARY} names another"
    most = {what: max(plan.room.get(what, 0) for plan in plans) for what in ("work", "headers", "temporary")}
    toolkits = _toolkits(plans)
    wheels = sum(plan.room["wheel"] for plan in plans)
    if toolkits and disk_of(dirs.wheelhouse) == disk_of(dirs.toolkits):  # the first comes when their archives are gone
        archives, first = max(plan.room.get("archives", 0) for plan in plans), plans[0].room["wheel"]
        wheels = first + max(0, wheels - first - archives)
    yield Place(directory=dirs.wheelhouse, bytes=wheels, what="what is filed", moved_by=output)
    yield Place(directory=dirs.logs, bytes=0, what="logs", moved_by=output)
    yield Place(directory=dirs.sources, bytes=0, what="source archives", moved_by=cache)
    yield Place(directory=dirs.cache / "unfinished", bytes=most["work"], what="unfinished work", moved_by=cache)
    if most["headers"]:
        yield Place(directory=dirs.headers, bytes=most["headers"], what="precompiled headers", moved_by=cache)
    if toolkits:
        yield Place(directory=dirs.toolkits, bytes=toolkits, what="CUDA toolkits", moved_by=cache)
    yield Place(directory=temporary_directory(), bytes=most["temporary"], what="files of compilers", moved_by=temporary)
    yield from _packages(plans, dirs, installer, cache, one_torch=one_torch)


def temporary_directory(name: str = TEMPORARY) -> Path:
    """Where compilers put their files: what the variable names, since they ask no further when it is of no use."""
    return Path(os.environ.get(name) or tempfile.gettempdir())


def _toolkits(plans: Sequence[BuildPlan]) -> int:
    """Bytes of the CUDA toolkits that have to be fetched."""
    fetched = {p.toolchain.cuda: p.room["toolkit"] for p in plans if p.toolchain.cuda and not p.toolchain.toolkit}
    return sum(fetched.values())


def _packages(
    plans: Sequence[BuildPlan], dirs: Dirs, installer: Installer, moved_by: str, *, one_torch: bool
) -> Iterator[Place]:
    """The environments and the package client's cache; on one disk with it, uv links files instead of copying them."""
    linked, packages = None, "packages"
    if installer.uv:
        linked = disk_of(installer.cache)
        kinds = {(p.target.torch, p.target.cuda, p.target.python): p.room["packages"] for p in plans}
        there = environment_of(plans[0].target) if len(plans) == 1 else None
        moved = "UV_CACHE_DIR names another"
        size = (max if one_torch else sum)(kinds.values())
        yield Place(directory=installer.cache, bytes=size, what=packages, moved_by=moved, there=there)
    copies = [0 if disk_of(ENVIRONMENTS) == linked else plan.room["packages"] for plan in plans]
    copied = (max if one_torch else sum)(copies)
    checkout = "it lies in the checkout, which can be moved"
    yield Place(directory=ENVIRONMENTS, bytes=copied, what="build environments", moved_by=checkout)
    proofs = [plan for plan in plans if plan.runs_wheel]
    if proofs and disk_of(dirs.cache) != linked:
        proof = max(proofs, key=lambda plan: plan.room["packages"])
        place, what = dirs.work(proof.target.id) / "proof", "the environment of the verification"
        size = proof.room["packages"]
        yield Place(directory=place.parent.parent, bytes=size, what=what, moved_by=moved_by, there=place)


def environment_of(target: Target) -> Path:
    """Where Nox makes the build environment of a target."""
    return ENVIRONMENTS / target.id.replace(".", "-")
