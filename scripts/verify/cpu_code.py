"""What the CPU code of a wheel may ask for, and whether it is as wide as it is said to be."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from scripts.facts.cpu_levels import CpuLevel
from scripts.facts.facts import Facts
from scripts.verify.binary import Binary
from scripts.verify.check import Verdict
from scripts.verify.instructions import can_read_code
from scripts.verify.modules import Modules, Question, about_modules, op_of, summary
from scripts.wheel.content import UNREADABLE

NOT_READ = "iced-x86, which reads machine code, is not installed here"


def cpu_checks(modules: Modules, facts: Facts, promised: str | None) -> tuple[tuple[str, Question], ...]:
    """What is asked of the CPU code, each question with its name; `promised` is a level of cpu.yaml."""
    level = facts.cpu_levels.get(promised or "")
    return (
        ("CPU instructions", partial(check_instructions, facts, level, modules)),
        ("CPU vector code", partial(check_vector_code, facts, level, modules)),
    )


def check_instructions(facts: Facts, level: CpuLevel | None, modules: Modules) -> Verdict:
    """No instruction needs a CPU feature beyond the level, but in ops whose source asks for it by itself."""
    info = modules.content.build_info()
    if info is None:
        return False, UNREADABLE
    if not can_read_code():
        return None, NOT_READ
    refused = (level or _without_promise(facts)).refuses
    version = modules.content.version.public
    excepted = {row.op for row in facts.cpu_exceptions if row.versions.contains(version, prereleases=True)}

    def fault(binary: Binary) -> str:
        found = {name: count for name, count in binary.code.features.items() if name.startswith(refused)}
        if not found or op_of(binary, info) in excepted:
            return ""
        if level is None:
            return f"{_counts(found)}: it crashes on processors without them, and no manifest says that it may"
        return f"{_counts(found)}, which a CPU of level {level.name} does not have"

    counts = ((binary.module, _counts(binary.code.features) or "no vector instructions") for binary in modules.binaries)
    return about_modules(modules, fault, f"level {level.name if level else 'not promised'}; {summary(counts)}")


def check_vector_code(facts: Facts, level: CpuLevel | None, modules: Modules) -> Verdict:
    """The CPU optimizers hold vector code as wide as the level that is promised, or else that they print."""
    info = modules.content.build_info()
    if info is None:
        return False, UNREADABLE
    if not can_read_code():
        return None, NOT_READ
    owners = {binary.member: facts.vector_ops.get(op_of(binary, info) or "") for binary in modules.binaries}
    if not any(owners.values()):
        return None, "no CPU optimizer inside"

    def fault(binary: Binary) -> str:
        row = owners[binary.member]
        stated = level or _printed(facts, binary)
        if row is None or stated is None:
            return ""
        found = _widest(facts, binary, row.multiply_adds)
        wanting = found.vector_bits < stated.vector_bits
        return f"says {stated.prints}, holds {_code_of(found)}" if wanting else ""

    held = [
        (binary.module, _code_of(_widest(facts, binary, row.multiply_adds)))
        for binary in modules.binaries
        if (row := owners[binary.member])
    ]
    return about_modules(modules, fault, summary(held))


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
