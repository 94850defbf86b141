"""`Binary`: what an extension module asks of the machine it is loaded on, and what code it holds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from scripts.verify.fatbin import NO_GPU_CODE, Architectures, read_architectures
from scripts.verify.instructions import NOTHING_READ, MachineCode

PRINTED_LEVEL = re.compile(rb"\0(AVX512|AVX2|scalar)\0")  # what the CPU optimizers print of themselves


@dataclass(frozen=True, kw_only=True)
class Binary:
    """One compiled module of a wheel; `fault` is why it could not be read, `gpu_fault` why its GPU code could not."""

    member: str
    system: str = ""  # "linux" | "windows"
    machine: str = ""  # "x86-64", or what the file names instead
    init: tuple[str, ...] = ()  # exported PyInit_ functions
    needed: tuple[str, ...] = ()
    versions: frozenset[tuple[str, str]] = frozenset()  # "libc.so.6", "GLIBC_2.34"; stated by Linux modules
    defined: frozenset[str] = frozenset()  # symbols that others find in it; stated by Linux modules
    undefined: frozenset[str] = frozenset()  # symbols that it takes from elsewhere; stated by Linux modules
    symbol_versions: frozenset[tuple[str, str]] = frozenset()  # of those, the version in which each is wanted, if any
    imports: frozenset[str] = frozenset()  # functions it calls of other libraries; known of Windows modules
    imported: frozenset[tuple[str, str]] = frozenset()  # the same, each with its library; known of Windows modules
    run_paths: tuple[str, ...] = ()
    program: str = ""  # why it is a program, or another thing than a module that Python loads
    refused: str = ""  # why the system does not load it, or what does not belong into it
    unsafe: tuple[str, ...] = ()  # memory that would be both written and run, in words
    debug: tuple[str, ...] = ()  # what a debugger would find, in words
    architectures: Architectures = NO_GPU_CODE
    gpu_fault: str = ""
    code: MachineCode = NOTHING_READ
    prints: tuple[str, ...] = ()  # the CPU levels among its texts, in DeepSpeed's spelling, "AVX2"
    fault: str = ""

    @property
    def module(self) -> str:
        """The module's name, `cpu_adam_op`."""
        return PurePosixPath(self.member).name.split(".")[0]


def gpu_code(sections: Iterable[bytes]) -> tuple[Architectures, str]:
    """The architectures in the sections, and the fault when one cannot be read."""
    try:
        return read_architectures(sections), ""
    except ValueError as error:
        return NO_GPU_CODE, str(error)


def printed_levels(content: bytes) -> tuple[str, ...]:
    """The CPU levels that a module's texts name. GCC may hide a short one in an instruction: none is not "scalar"."""
    return tuple(sorted({match.decode() for match in PRINTED_LEVEL.findall(content)}))
