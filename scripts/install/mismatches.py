"""In which ways a wheel does not fit an environment, each with its reason and how far it is from fitting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from packaging.version import Version

from scripts.graphics import Graphics
from scripts.install.environment import Environment
from scripts.install.served_cards import named, serves_none, without_code
from scripts.plan.distance import WEIGHTS, distance
from scripts.plan.target import Target
from scripts.versions import manylinux_level
from scripts.wheel.record import WheelRecord

# what a level asks of the processor; tests/install compares it with scripts/data/cpu.yaml
CPU_FLAGS = {"scalar": (), "avx2": ("avx2",), "avx512": ("avx512f", "avx2")}
Axes = Mapping[str, Sequence[str]]  # the values that are offered, in order
NO_AXES: Axes = {}
Abis = Mapping[str, Mapping[str, int]]  # torch minor -> variant -> _GLIBCXX_USE_CXX11_ABI of torch's own Linux wheels
NO_ABIS: Abis = {}
Drivers = Mapping[str, Mapping[str, str]]  # CUDA version -> system -> the oldest driver that runs its programs
NO_DRIVERS: Drivers = {}
RELEASE, PYTHON = "target.deepspeed", "target.python"  # of a record, what the questions read
# and what is nearly always alike in wheels that differ in those: ten thousand wheels have a few hundred different
REST = (
    *("target.torch", "target.cuda", "target.platform", "platform_tag"),
    *("glibc", "libstdcxx", "cpu_level", "arches"),
)
READ = (RELEASE, PYTHON, *REST)


@dataclass(frozen=True, kw_only=True)
class Mismatch:
    """One way in which a wheel does not fit."""

    what: str  # "torch", "cuda", "driver", "python", "platform", "c-library", "cpu", "gpu", "deepspeed"
    reason: str
    distance: float  # above 0: as scripts/plan/distance.py counts an axis, and here what the page cannot know


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of every wheel: the answer is the same for all of which it reads the same."""

    reads: tuple[str, ...]  # of a record, "target.python"
    answer: Callable[[WheelRecord], tuple[Mismatch, ...]]


def questions(
    environment: Environment,
    deepspeed: str = "",
    axes: Axes = NO_AXES,
    abis: Abis = NO_ABIS,
    drivers: Drivers = NO_DRIVERS,
) -> tuple[Question, ...]:
    """All that decides whether a wheel fits; what is offered (`axes`) sets the distance."""
    return (
        Question(reads=(RELEASE,), answer=lambda r: _told(_deepspeed(r, deepspeed, axes))),
        Question(
            reads=REST,
            answer=lambda r: _told(
                _torch(r, environment, axes),
                _cuda(r, environment, axes),
                _driver(r.target, environment, drivers),
                _platform(r, environment, axes),
                _c_library(r, environment),
                _cxx_library(r, environment),
                _cpu(r, environment),
                *_gpus(r, environment),
                _abi(r.target, environment, abis),
            ),
        ),
        Question(reads=(PYTHON,), answer=lambda r: _told(_python(r, environment, axes))),
    )


def mismatches(record: WheelRecord, asked: Sequence[Question]) -> tuple[Mismatch, ...]:
    """Every way in which the wheel does not fit; none when it does."""
    return tuple(mismatch for question in asked for mismatch in question.answer(record))


def _told(*found: Mismatch | None) -> tuple[Mismatch, ...]:
    return tuple(mismatch for mismatch in found if mismatch)


@cache
def _version(text: str) -> Version:
    """The version; ten thousand wheels name a few dozen."""
    return Version(text)


def _changed(axis: str, mine: str, other: str, reason: str, axes: Axes) -> Mismatch:
    return Mismatch(what=axis, reason=reason, distance=distance(axis, mine, other, axes.get(axis, ())))


def _deepspeed(record: WheelRecord, wanted: str, axes: Axes) -> Mismatch | None:
    release = record.target.deepspeed
    if not wanted or f"{release}.".startswith(f"{wanted}."):
        return None
    return _changed("deepspeed", wanted, release, f"it is DeepSpeed {release}, not {wanted}", axes)


def _torch(record: WheelRecord, environment: Environment, axes: Axes) -> Mismatch | None:
    minor = record.target.torch_minor
    if environment.torch is None:
        return Mismatch(what="torch", reason=f"it is for torch {minor}, and no torch is installed", distance=2)
    mine = environment.torch
    if mine.minor != minor:
        return _changed("torch", mine.minor, minor, f"it is for torch {minor}, not {mine.version}", axes)
    if mine.gone:
        reason = f"files of torch {mine.version} are gone, {mine.gone[0]} among them"
        return Mismatch(what="torch", reason=reason, distance=WEIGHTS["torch"])
    if not mine.pre_release:
        return None
    reason = f"it is for the release of torch {minor}; {mine.version} came before it, and its binary interface differs"
    return Mismatch(what="torch", reason=reason, distance=WEIGHTS["torch"])


def _cuda(record: WheelRecord, environment: Environment, axes: Axes) -> Mismatch | None:
    """torch and the wheel must be of one CUDA variant; without torch, a machine with a GPU is for CUDA."""
    cuda, torch = record.target.cuda, environment.torch
    if torch is None:
        return _for_machine(record.target, environment.machine.graphics)
    if torch.variant == cuda:
        return None
    return _changed("cuda", torch.variant, cuda, f"it is for {cuda}, and this torch is for {torch.variant}", axes)


def _for_machine(target: Target, graphics: Graphics) -> Mismatch | None:
    if graphics.driver_cuda is None and not graphics.is_unknown:
        if target.cuda_version is None:
            return None
        reason = f"it is for CUDA {target.cuda_version}, and no NVIDIA driver is here"
        return Mismatch(what="cuda", reason=reason, distance=20)
    if target.cuda_version is None:
        return Mismatch(what="cuda", reason="it is for CPU only, and an NVIDIA GPU is here", distance=1)
    if graphics.is_unknown:
        reason = f"it is for CUDA {target.cuda_version}; which CUDA the driver of this GPU supports is unknown"
        return Mismatch(what="driver", reason=reason, distance=5)
    return None


def _driver(target: Target, environment: Environment, drivers: Drivers) -> Mismatch | None:
    """A driver runs what is built for its own CUDA major or an older one.

    Source: docs.nvidia.com, "CUDA Compatibility", minor version compatibility.
    """
    wanted, graphics = target.cuda_version, environment.machine.graphics
    if wanted is None or graphics.driver_cuda is None:
        return None
    if _version(wanted).major <= _version(graphics.driver_cuda).major:
        return None
    oldest = drivers.get(wanted, {}).get(target.system)
    needs = f"which needs driver {oldest} or newer" if oldest else "which needs a newer driver"
    here = f"this one{f' ({graphics.driver})' if graphics.driver else ''} supports up to {graphics.driver_cuda}"
    return Mismatch(what="driver", reason=f"it is for CUDA {wanted}, {needs}; {here}", distance=10)


def _abi(target: Target, environment: Environment, abis: Abis) -> Mismatch | None:
    """On Linux a torch of the same release and CUDA from elsewhere, such as conda-forge, may have the other C++ ABI."""
    torch = environment.torch
    if torch is None or (torch.minor, torch.variant) != (target.torch_minor, target.cuda) or target.system != "linux":
        return None
    wanted, found = abis.get(target.torch_minor, {}).get(target.cuda), torch.cxx11_abi
    if wanted is None or found is None or wanted == found:
        return None
    reason = f"it is for a torch with _GLIBCXX_USE_CXX11_ABI={wanted}, and this one was built with {found}"
    return Mismatch(what="torch", reason=reason, distance=WEIGHTS["torch"])


def _python(record: WheelRecord, environment: Environment, axes: Axes) -> Mismatch | None:
    if environment.implementation != "cpython":
        return Mismatch(what="python", reason=f"it is for CPython, not {environment.implementation}", distance=30)
    python, mine = record.target.python, environment.version
    if python == mine:
        return None
    return _changed("python", mine, python, f"it is for Python {python}, not {mine}", axes)


def _platform(record: WheelRecord, environment: Environment, axes: Axes) -> Mismatch | None:
    platform, mine = record.target.platform, environment.platform
    if platform == mine:
        return None
    return _changed("platform", mine, platform, f"it is for {platform}, not {mine}", axes)


def _c_library(record: WheelRecord, environment: Environment) -> Mismatch | None:
    """A wheel runs with the C library of its tag's level, and pip asks for that; where it has none, of its symbols."""
    if record.target.system != "linux" or environment.c_library is None:
        return None
    kind, _, mine = environment.c_library.partition(" ")
    wanted = manylinux_level(record.platform_tag or "") or record.glibc
    if kind == "musl":
        here = "the C library of this system is musl (Alpine, say), which torch has no wheels for either"
        return Mismatch(what="c-library", reason=f"it needs glibc, and {here}", distance=100)
    if not mine or not wanted or _version(mine) >= _version(wanted):
        return None
    reason = f"it needs glibc {wanted} or newer, and this system has {mine}, which only a newer system changes"
    return Mismatch(what="c-library", reason=reason, distance=100)


def _cxx_library(record: WheelRecord, environment: Environment) -> Mismatch | None:
    wanted, mine = record.libstdcxx, environment.cxx_library
    if record.target.system != "linux" or not wanted or not mine or _version(mine) >= _version(wanted):
        return None
    here = f"libstdc++ of this environment has symbols up to GLIBCXX_{mine}"
    return Mismatch(what="c-library", reason=f"it needs GLIBCXX_{wanted}, and the {here}", distance=100)


def _cpu(record: WheelRecord, environment: Environment) -> Mismatch | None:
    flags = environment.machine.cpu_flags
    lacking = [flag for flag in CPU_FLAGS.get(record.cpu_level, ()) if flags is not None and flag not in flags]
    if not lacking:
        return None
    return Mismatch(what="cpu", reason=f"it needs {', '.join(lacking)}, which this processor lacks", distance=100)


def _gpus(record: WheelRecord, environment: Environment) -> tuple[Mismatch, ...]:
    """Every card, where it runs on none of them; beside one that it runs on another one stays unused."""
    graphics = environment.machine.graphics
    cards = without_code(graphics, record.arches) if serves_none(graphics, record.arches) else ()
    return tuple(
        Mismatch(
            what="gpu",
            reason=f"it has no code for {named([gpu])}; it has {' '.join(record.arches)}",
            distance=50,
        )
        for gpu in cards
    )
