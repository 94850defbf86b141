"""What the modules of a Linux wheel ask of the system, against the platform tag that it has."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import PurePosixPath

from packaging.version import Version

from scripts.facts.facts import Facts
from scripts.verify.binary import Binary
from scripts.verify.check import Verdict, verdict
from scripts.verify.manylinux import lacking_at, level_of, libraries_of_torch, needs_of
from scripts.verify.modules import Modules, Question, library_context
from scripts.versions import manylinux_level
from scripts.wheel.content import UNREADABLE


def linux_checks(modules: Modules, facts: Facts) -> tuple[tuple[str, Question], ...]:
    """What is asked of a Linux wheel's modules, each question with its name."""
    checks: tuple[tuple[str, Callable[[Facts, Modules], Verdict]], ...] = (("platform tag", check_platform_tag),)
    return tuple((name, partial(check, facts, modules)) for name, check in checks)


def check_platform_tag(facts: Facts, modules: Modules) -> Verdict:
    """Every system that the platform tag names has what the modules ask of it; torch brings the rest.

    What is asked of glibc, libstdc++ and libgcc is judged by auditwheel's policies (`manylinux.yaml`).
    """
    info = modules.content.build_info()
    if info is None:
        return False, UNREADABLE
    readable = [binary for binary in modules.binaries if not binary.fault]
    if not readable:
        return None, "no compiled modules that can be read"
    torch = libraries_of_torch(facts.libraries, library_context(modules, info))
    levels = [level for tag in modules.content.tags if (level := manylinux_level(tag.platform))]
    if not levels:
        return _without_level(facts, readable, torch)
    stated = min(levels, key=Version)
    if Version(stated) > Version(facts.manylinux[-1].glibc):
        return False, f"glibc {stated} is none that is known here: the newest is {facts.manylinux[-1].glibc}"
    faults = [f"{_name(binary)}: {what}" for binary in readable for what in _beyond(facts, binary, stated, torch)]
    return verdict(faults, f"glibc {stated} is enough: {needs_of(readable)}")


def _beyond(facts: Facts, binary: Binary, stated: str, torch: frozenset[str]) -> list[str]:
    lacking = lacking_at(binary, stated, facts.manylinux, torch)
    return [f"needs {what}, which systems of glibc {stated} lack" for what in lacking]


def _without_level(facts: Facts, binaries: list[Binary], torch: frozenset[str]) -> Verdict:
    found = level_of(binaries, facts.manylinux, torch)
    if found.glibc:
        return True, f"names no level; its modules are of {found.tag}"
    return True, f"names no level, and there is none: {'; '.join(found.reasons)}"


def _name(binary: Binary) -> str:
    return PurePosixPath(binary.member).name
