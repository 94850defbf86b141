"""What the compiled modules of a wheel must be, found by reading them: the same questions for Linux and Windows."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property, partial
from pathlib import PurePosixPath

from scripts.facts.deepspeed_releases import OpSupport
from scripts.facts.facts import Facts
from scripts.plan.context import parse_arches
from scripts.verify.binaries import read_binary
from scripts.verify.binary import Binary
from scripts.verify.check import Verdict, verdict
from scripts.verify.fatbin import Architectures
from scripts.versions import X86_64, machine_of, minor_of
from scripts.wheel.content import UNREADABLE, BuildInfo, WheelContent, is_module_of

ORIGIN = re.compile(r"(?:\$ORIGIN|\$\{ORIGIN\})(?=/|$)")

ANY = "any"  # the platform of a tag that names none

Question = Callable[[], Verdict]
Fault = Callable[[Binary], str]  # what is wrong with a module; empty for nothing


@dataclass(frozen=True, kw_only=True)
class Modules:
    """The compiled modules of an opened wheel, read at the first question."""

    content: WheelContent
    passed_over: frozenset[str] = frozenset()  # members that another check found damaged

    @cached_property
    def binaries(self) -> tuple[Binary, ...]:
        """What the modules state of themselves."""
        return tuple(
            read_binary(self.content.files, member)
            for member in self.content.extensions
            if member not in self.passed_over
        )


def module_checks(modules: Modules, facts: Facts, arches: str | None) -> tuple[tuple[str, Question], ...]:
    """What is asked of the files and their GPU code, each question with its name; `arches` are the promised ones."""
    return (
        ("module format", partial(check_format, modules)),
        ("debug information", partial(check_debug, modules)),
        ("run paths", partial(check_run_paths, facts, modules)),
        ("memory", partial(check_unsafe, modules)),
        ("needed libraries", partial(check_needed, facts, modules)),
        *([("runtime calls", partial(check_calls, facts, modules))] if modules.content.system == "windows" else []),
        ("GPU architectures", partial(check_architectures, facts, arches, modules)),
    )


def check_format(modules: Modules) -> Verdict:
    """Every module is for the processor that the tag names, and has the function that Python looks for."""
    tagged = {machine_of(tag.platform) or tag.platform for tag in modules.content.tags} - {ANY} or {X86_64}

    def fault(binary: Binary) -> str:
        if binary.fault:
            return binary.fault
        if modules.content.system not in ("", binary.system):
            return f"is a module of {binary.system.title()}"
        if {binary.machine} != tagged:
            return f"is for {binary.machine}, not {' and '.join(sorted(tagged))}"
        if reason := binary.program or binary.refused:
            return reason
        wanted = f"PyInit_{binary.module}"
        return "" if wanted in binary.init else f"does not export {wanted}"

    return _about(modules.binaries, fault, f"{' and '.join(sorted(tagged))}, each exports its PyInit function")


def check_debug(modules: Modules) -> Verdict:
    """No debug information: it makes nine tenths of a module, and names directories of the build machine."""
    return about_modules(modules, lambda binary: ", ".join(binary.debug), "none")


def check_run_paths(facts: Facts, modules: Modules) -> Verdict:
    """No RPATH or RUNPATH of the machine that built it, and none that leaves the package.

    But to the libraries of a package that the op's row names (`run_paths`), which the wheel requires.
    """
    info = modules.content.build_info()

    def fault(binary: Binary) -> str:
        support = _support(facts, op_of(binary, info), info, modules) if info else None
        asked = support.run_paths if support else ()
        leaving = (path for path in binary.run_paths if path not in asked and not _stays_inside(binary.member, path))
        return ", ".join(f"run path {path}" for path in leaving)

    return about_modules(modules, fault, "none")


def _stays_inside(member: str, run_path: str) -> bool:
    """Whether the run path begins at the module and ends below deepspeed/: what lies outside is anybody's."""
    origin = ORIGIN.match(run_path)
    if not origin or "$" in run_path[origin.end() :]:
        return False
    folder = posixpath.normpath(posixpath.join(posixpath.dirname(member), "." + run_path[origin.end() :]))
    return folder == "deepspeed" or folder.startswith("deepspeed/")


def check_unsafe(modules: Modules) -> Verdict:
    """No stack that is run, no text relocation, no memory that is both written and run."""
    return about_modules(modules, lambda binary: ", ".join(binary.unsafe), "none of it is both written and run")


# ---------------------------------------------------------------- libraries


def check_needed(facts: Facts, modules: Modules) -> Verdict:
    """Every library that a module needs is one that the system, Python or the wheel's torch brings.

    By the rows of `libraries.yaml`; none comes from a GPU driver or belongs to another CUDA major.
    """
    info = modules.content.build_info()
    if info is None:
        return False, UNREADABLE
    context = library_context(modules, info)
    rows = [row for row in facts.libraries if row.when.holds(context)]
    python = _python_of(modules)

    def fault(binary: Binary) -> str:
        op = op_of(binary, info)
        return ", ".join(reason for name in binary.needed if (reason := refusal(name, op)))

    def refusal(name: str, op: str | None) -> str:
        named = [row for row in rows if any(_matches(name, p, python, modules.content.system) for p in row.names)]
        if any(row.refused is None and (not row.ops or op in row.ops) for row in named):
            return ""
        why = next((row.refused for row in named if row.refused), f"neither {_bringers(context)} brings it")
        return f"needs {name}: {why}"

    names = sorted({library for binary in modules.binaries for library in binary.needed}, key=str.lower)
    return about_modules(modules, fault, ", ".join(names))


def library_context(modules: Modules, info: BuildInfo) -> dict[str, str | bool]:
    """What conditions of libraries.yaml may ask."""
    context: dict[str, str | bool] = {"os": modules.content.system, "accelerator": info.accelerator}
    context["torch"] = minor_of(str(info.torch.get("version")))
    if info.accelerator == "cuda":
        context["cuda-major"] = str(info.torch.get("cuda_version")).partition(".")[0]
    return context


def brought_libraries(facts: Facts, modules: Modules, info: BuildInfo) -> Callable[[str], bool]:
    """Whether a library is one that installing what the wheel requires brings."""
    context, python = library_context(modules, info), _python_of(modules)
    names = [name for row in facts.libraries if row.installed and row.when.holds(context) for name in row.names]
    return lambda library: any(_matches(library, name, python, modules.content.system) for name in names)


def _python_of(modules: Modules) -> str:
    return ",".join(sorted(tag.abi.removeprefix("cp") for tag in modules.content.tags))


def _bringers(context: dict[str, str | bool]) -> str:
    torch = f"torch for CUDA {context['cuda-major']}" if "cuda-major" in context else "torch"
    return f"the system, Python nor {torch}"


def _matches(name: str, pattern: str, python: str, system: str) -> bool:
    wanted = pattern.replace("{python}", python)
    return fnmatchcase(name.lower(), wanted.lower()) if system == "windows" else fnmatchcase(name, wanted)


def check_calls(facts: Facts, modules: Modules) -> Verdict:
    """No function of the C++ runtime is called without the one that belongs to it.

    So no module for Windows takes a mutex that no call made, which crashes with an older `msvcp140.dll`.
    """

    def fault(binary: Binary) -> str:
        broken = (row for row in facts.paired_calls if row.calls in binary.imports)
        return "; ".join(f"{row.calls} {row.reason}" for row in broken if not binary.imports & set(row.beside))

    return about_modules(modules, fault, "none that lacks its counterpart")


# ---------------------------------------------------------------- GPU code


def check_architectures(facts: Facts, arches: str | None, modules: Modules) -> Verdict:
    """Every op with CUDA sources holds code for exactly the promised architectures, every other op none."""
    info = modules.content.build_info()
    if info is None:
        return False, UNREADABLE

    if arches and info.accelerator != "cuda":
        return False, f"the manifest promises {arches}, and the wheel is for {info.accelerator}"

    def fault(binary: Binary) -> str:
        row = _support(facts, op_of(binary, info), info, modules)
        if binary.gpu_fault:
            return binary.gpu_fault
        if row is None:
            return ""
        if row.kind != "cuda":
            return f"holds {binary.architectures}, and no CUDA source" if binary.architectures else ""
        if not binary.architectures:
            return "holds no GPU code"
        return _difference(binary.architectures, expected_architectures(arches, row.min_sm)) if arches else ""

    held = summary((b.module, str(b.architectures)) for b in modules.binaries)
    passed, detail = about_modules(modules, fault, held)
    if passed and info.accelerator == "cuda" and not arches:
        return None, f"compared with nothing, as no manifest promises any; {detail}"
    return passed, detail


def expected_architectures(arches: str, min_sm: int | None) -> Architectures:
    """The code that upstream's flags ask for: machine code of each architecture, PTX too where the list has +PTX.

    An op that begins at `min_sm` leaves older ones out.
    """
    asked = {major * 10 + minor: ptx for (major, minor), ptx in parse_arches(arches).items()}
    kept = {arch: ptx for arch, ptx in asked.items() if arch >= (min_sm or 0)}
    return Architectures(sass=frozenset(kept), ptx=frozenset(arch for arch, ptx in kept.items() if ptx))


def _difference(found: Architectures, expected: Architectures) -> str:
    missing = Architectures(sass=expected.sass - found.sass, ptx=expected.ptx - found.ptx)
    surplus = Architectures(sass=found.sass - expected.sass, ptx=found.ptx - expected.ptx)
    words = [f"has no {missing}" if missing else "", f"was not to have {surplus}" if surplus else ""]
    return " and ".join(word for word in words if word)


# ---------------------------------------------------------------- shared


def about_modules(modules: Modules, fault: Fault, good: str) -> Verdict:
    """Passed with the words for good when no module has a fault; the others are named with theirs.

    A module that cannot be read is the module format's fault alone.
    """
    readable = [binary for binary in modules.binaries if not binary.fault]
    if modules.binaries and not readable:
        return None, "no module can be read"
    return _about(readable, fault, good)


def _about(binaries: Iterable[Binary], fault: Fault, good: str) -> Verdict:
    found = [(binary.member, fault(binary)) for binary in binaries]
    if not found:
        return None, "no compiled modules inside"
    return verdict([f"{PurePosixPath(member).name}: {text}" for member, text in found if text], good)


def summary(found: Iterable[tuple[str, str]]) -> str:
    """What each module has, those with the same together."""
    groups: dict[str, list[str]] = {}
    for module, text in found:
        groups.setdefault(text, []).append(module)
    names = {text: modules[0] if len(modules) == 1 else f"{len(modules)} modules" for text, modules in groups.items()}
    return "; ".join(f"{name}: {text}" for text, name in names.items())


def op_of(binary: Binary, info: BuildInfo) -> str | None:
    """The op whose module it is."""
    return next((op for op in info.ops if is_module_of(binary.member, op)), None)


def _support(facts: Facts, op: str | None, info: BuildInfo, modules: Modules) -> OpSupport | None:
    """What is known of the op; None for one that is not ours to judge."""
    known = facts.ops.get(op or "")
    return known.support_for(info.accelerator, modules.content.version.public) if known else None
