"""What the CPU code of a wheel may ask for, and whether it is as wide as it is said to be."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial

from scripts.facts.cpu_levels import CpuException, CpuLevel
from scripts.facts.facts import Facts
from scripts.verify.binary import Binary
from scripts.verify.check import Verdict
from scripts.verify.instructions import can_read_code
from scripts.verify.modules import Modules, Question, about_modules, op_of, summary
from scripts.wheel.content import UNREADABLE, BuildInfo, WheelContent

NOT_READ = "iced-x86, which reads machine code, is not installed here"


def cpu_checks(modules: Modules, facts: Facts, promised: str | None) -> tuple[tuple[str, Question], ...]:
    """What is asked of the CPU code, each question with its name; `promised` is a level of cpu.yaml."""
    level = facts.cpu_levels.get(promised or "")
    checks = (("CPU instructions", check_instructions), ("CPU vector code", check_vector_code))
    return tuple((name, partial(_asked, check, facts, level, modules)) for name, check in checks)


def _asked(
    check: Callable[[Facts, CpuLevel | None, Modules, BuildInfo], Verdict],
    facts: Facts,
    level: CpuLevel | None,
    modules: Modules,
) -> Verdict:
    """What the check finds, where there is a build record and something to read the code with."""
    info = modules.content.build_info()
    if info is None:
        return False, UNREADABLE
    return check(facts, level, modules, info) if can_read_code() else (None, NOT_READ)


def check_instructions(facts: Facts, level: CpuLevel | None, modules: Modules, info: BuildInfo) -> Verdict:
    """No instruction needs a CPU feature beyond the level, but in ops whose source asks for it by itself.

    These are rows of `cpu.yaml`. Where no manifest promises a level, it is AVX2 with FMA.
    """
    refused = (level or _without_promise(facts)).refuses
    excepted = {row.op for row in facts.cpu_exceptions if _holds(row, modules.content)}

    def fault(binary: Binary) -> str:
        found = {name: count for name, count in binary.code.features.items() if name.startswith(refused)}
        if not found or op_of(binary, info) in excepted:
            return ""
        if level is None:
            return f"{_counts(found)}: it crashes on processors without them, and no manifest says that it may"
        return f"{_counts(found)}, which a CPU of level {level.name} does not have"

    counts = ((binary.module, _counts(binary.code.features) or "no vector instructions") for binary in modules.binaries)
    return about_modules(modules, fault, f"level {level.name if level else 'not promised'}; {summary(counts)}")


def check_vector_code(facts: Facts, level: CpuLevel | None, modules: Modules, info: BuildInfo) -> Verdict:
    """The CPU optimizers hold vector code as wide as the level that is promised, or else that they print."""
    held = {
        binary.member: _widest(facts, binary, row.multiply_adds)
        for binary in modules.binaries
        if (row := facts.vector_ops.get(op_of(binary, info) or ""))
    }
    if not held:
        return None, "no CPU optimizer inside"

    def fault(binary: Binary) -> str:
        found, stated = held.get(binary.member), level or _printed(facts, binary)
        if found is None or stated is None or found.vector_bits >= stated.vector_bits:
            return ""
        return f"says {stated.prints}, holds {_code_of(found)}"

    return about_modules(
        modules, fault, summary((b.module, _code_of(held[b.member])) for b in modules.binaries if b.member in held)
    )


def crashing_ops(facts: Facts, content: WheelContent, flags: Collection[str] | None) -> Mapping[str, str]:
    """The ops whose code a processor with these flags does not understand, each with the reason; to be known before.

    Nothing where the flags or the code cannot be read. An op whose source asks the processor by itself is none of them.
    """
    info = content.build_info()
    if info is None or flags is None or not can_read_code():
        return {}
    lacked = {level for level in facts.cpu_levels.values() if not set(level.cpuinfo_flags) <= set(flags)}
    able = [level for level in facts.cpu_levels.values() if level not in lacked]
    if not lacked or not able:
        return {}
    refused = able[-1].refuses
    asking = {row.op for row in facts.cpu_exceptions if row.asks_first and _holds(row, content)}
    found = {}
    for binary in Modules(content=content).binaries:
        counts = {name: count for name, count in binary.code.features.items() if name.startswith(refused)}
        op = op_of(binary, info)
        if counts and op and op not in asking:
            found[op] = f"{_counts(counts)}, which this processor does not have: it would crash"
    return found


def _holds(row: CpuException, content: WheelContent) -> bool:
    return row.versions.contains(content.version.public, prereleases=True)


def _without_promise(facts: Facts) -> CpuLevel:
    """What a wheel may ask for whose builder states nothing."""
    return next(level for level in facts.cpu_levels.values() if level.without_promise)


def _printed(facts: Facts, binary: Binary) -> CpuLevel | None:
    return next((level for level in facts.cpu_levels.values() if level.prints in binary.prints), None)


def _widest(facts: Facts, binary: Binary, least: int) -> CpuLevel:
    """The highest level that the module's fused multiply-adds reach; the scalar one at least."""
    counts = binary.code.multiply_add
    levels = sorted(facts.cpu_levels.values(), key=lambda level: level.vector_bits)
    return [level for level in levels if not level.vector_bits or counts.get(level.vector_bits, 0) >= least][-1]


def _code_of(level: CpuLevel) -> str:
    return f"{level.prints} code"


def _counts(instructions: Mapping[str, int]) -> str:
    return ", ".join(f"{instructions[name]} {name}" for name in sorted(instructions))
