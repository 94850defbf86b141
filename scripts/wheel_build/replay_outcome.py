"""What differs between a recorded build and this machine, and whether two builds ended alike."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from scripts.errors import InterruptedBuildError
from scripts.wheel_build.replay import STEPS, Package, Replay, ReplayMachine

FULL_DISK = "disk-full"  # the id of that error
NOTHING = "none"  # shown for what one side does not have
SHOWN = 200  # characters of a variable's value
PLACE = re.compile(r"/|[A-Za-z]:[\\/]")  # begins the value of a variable that names places of a machine


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing that was otherwise there."""

    what: str
    recorded: str
    here: str

    def __str__(self) -> str:
        return " ".join(f"{self.what}: {self.recorded} there, {self.here} here".split())


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether a build ended as the recorded one; None where it was not repeated so far."""

    same: bool | None
    words: str


def differences(recorded: Replay, here: Replay) -> tuple[Difference, ...]:
    """What a repetition here does not have as it was there; packages are not among them, they are installed anew."""
    return tuple(_differences(recorded, here))


def differences_behind(recorded: Replay, ended: Replay) -> tuple[Difference, ...]:
    """What differed that only the repetition itself could find out: a fetched toolkit, the installed packages."""
    toolkit = () if ended.steps is None or "toolchain" not in ended.steps else (recorded.toolchain, ended.toolchain)
    packages = package_differences(recorded.packages, ended.packages) if recorded.packages and ended.packages else ()
    return (*(_of_values("toolchain", *toolkit) if toolkit else ()), *packages)


def package_differences(recorded: tuple[Package, ...], here: tuple[Package, ...]) -> tuple[Difference, ...]:
    """The packages whose version or file is another."""
    there, found = {one.name: one for one in recorded}, {one.name: one for one in here}
    pairs = ((name, there.get(name), found.get(name)) for name in sorted({*there, *found}))
    return tuple(
        Difference(what=f"package {name}", recorded=_package(was), here=_package(now))
        for name, was, now in pairs
        if was is None or now is None or was.version != now.version or _other_file(was, now)
    )


def _other_file(was: Package, now: Package) -> bool:
    return bool(was.sha256 and now.sha256) and not {*was.sha256} & {*now.sha256}


def _package(package: Package | None) -> str:
    if package is None:
        return NOTHING
    return package.version + (f" (sha256 {package.sha256[0][:12]})" if package.sha256 else "")


def _differences(recorded: Replay, here: Replay) -> Iterator[Difference]:
    if recorded.commit != here.commit:
        yield Difference(what="commit", recorded=recorded.commit or NOTHING, here=here.commit or NOTHING)
    if recorded.changed:
        yield Difference(what="checkout", recorded="files changed since that commit", here="they are not known")
    if here.changed:
        yield Difference(what="checkout", recorded="as committed", here="files changed since that")
    yield from _of_machines(recorded.machine, here.machine)
    yield from _of_values("toolchain", recorded.toolchain, here.toolchain)
    yield from _of_values("variable", _told(recorded.variables), _told(here.variables))
    for what in ("arches", "cpu_level"):
        if getattr(recorded, what) and getattr(recorded, what) != getattr(here, what):
            yield Difference(
                what=what.replace("_", " "),
                recorded=getattr(recorded, what),
                here=getattr(here, what) or NOTHING,
            )
    if recorded.packages and not all(one.sha256 for one in recorded.packages):
        yield Difference(what="packages", recorded="without their digests", here="installed by version alone")
    if not recorded.packages:
        yield Difference(what="packages", recorded="not known", here="as the index has them")


def _of_machines(there: ReplayMachine, here: ReplayMachine) -> Iterator[Difference]:
    for what, title in (("system", "system"), ("image", "runner image"), ("python", "Python"), ("uv", "uv")):
        was, now = getattr(there, what) or NOTHING, getattr(here, what) or NOTHING
        if was != now:
            yield Difference(what=title, recorded=was, here=now)


def _of_values(kind: str, there: Mapping[str, str] | None, here: Mapping[str, str] | None) -> Iterator[Difference]:
    if there is None:  # the recorded build did not come to it
        return
    found = here or {}
    for name in sorted({*there, *found}):
        was, now = there.get(name, NOTHING), found.get(name, NOTHING)
        if was != now:
            yield Difference(what=f"{kind} {name}", recorded=was[:SHOWN], here=now[:SHOWN])


def _told(variables: Mapping[str, str] | None) -> dict[str, str] | None:
    if variables is None:
        return None
    return {name: value for name, value in variables.items() if not PLACE.match(value)}


def ending_there(recorded: Replay) -> str:
    """How a recorded build ended, which nobody knows of one that was stopped from outside."""
    known = recorded.error is not None or recorded.exit_code is not None
    return ending(recorded) if known else "not known, it was stopped before its end"


def ending(replay: Replay) -> str:
    """How a build ended, in words."""
    if replay.error is None:
        return "built" if replay.exit_code == 0 else "no error"
    ops = f" ({', '.join(replay.failed_ops)})" if replay.failed_ops else ""
    cause = f", {replay.diagnosis.cause}" if replay.diagnosis else ""
    where = f"in {replay.error.step}" if replay.error.step else "before its first step"
    return f"error[{replay.error.id}] {where}{ops}{cause}"


def compare(recorded: Replay, here: Replay, until: str = "") -> Verdict:
    """Whether the repetition, which may have gone `until` a step only, ended as the recorded build."""
    if recorded.error and recorded.error.id == InterruptedBuildError.id:
        recorded = replace(recorded, error=None, exit_code=None)  # somebody stopped it: nobody knows how it would end
    if recorded.error is None and recorded.exit_code is None:
        return Verdict(same=None, words=f"{ending(here)}; how it ended there is not known")
    reached = STEPS.index(until) if until else len(STEPS)
    failed = recorded.error
    if failed and failed.step in STEPS and STEPS.index(failed.step) > reached and here.error is None:
        words = f"{ending(recorded)} there; repeated until {until}, where nothing failed"
        return Verdict(same=None, words=words)
    if failed is None and here.error is None:
        return _both_built(recorded, here, until)
    same = _essence(recorded, here) == _essence(here, recorded)
    words = f"the same: {ending(here)}" if same else f"another: {ending(recorded)} there, {ending(here)} here"
    return Verdict(same=same, words=words)


def _both_built(recorded: Replay, here: Replay, until: str) -> Verdict:
    if until:
        return Verdict(same=True, words=f"nothing failed until {until}, as there")
    if recorded.wheel and here.wheel and recorded.wheel.sha256 == here.wheel.sha256:
        return Verdict(same=True, words=f"the same: {here.wheel.file}, byte for byte")
    return Verdict(same=True, words="the same: built, with other bytes in the wheel")


def _essence(replay: Replay, other: Replay) -> object:
    """What must be alike; of the ops those that both builds had. Which of them find a disk full is chance."""
    error = (replay.error.id, replay.error.step) if replay.error else None
    cause = replay.diagnosis.cause if replay.diagnosis else None
    full = replay.error is not None and replay.error.id == FULL_DISK
    return error, cause, set() if full else {op for op in replay.failed_ops if op in (other.ops or {})}
