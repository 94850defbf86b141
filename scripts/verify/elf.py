"""Reads a Linux extension module: an ELF shared object."""

from __future__ import annotations

import io
from collections.abc import Iterator

from elftools.elf.dynamic import DynamicTag
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import Section, SymbolTableSection

from scripts.verify.binary import Binary, gpu_code, printed_levels
from scripts.verify.elf_symbols import (
    dynamic_entries,
    dynamic_texts,
    needed_versions,
    symbol_versions,
    undefined_symbols,
)
from scripts.verify.fatbin import SECTIONS
from scripts.verify.instructions import read_code

DEBUG = (".debug_", ".zdebug_", ".rela.debug_")
EXECUTABLE = 0x4  # SHF_EXECINSTR
RUN, WRITE = 0x1, 0x2  # PF_X, PF_W
HERE = "."  # what the dynamic linker takes an empty part of a run path for: wherever the process is
TEXTREL = 0x4  # DF_TEXTREL
OSABIS = ("ELFOSABI_SYSV", "ELFOSABI_LINUX")  # glibc loads no other
MACHINES = {"EM_X86_64": "x86-64", "EM_AARCH64": "arm64", "EM_386": "x86 (32 bits)"}


def read_elf(member: str, content: bytes) -> Binary:
    """What the module states of itself; raises what pyelftools raises for a damaged file."""
    file = ELFFile(io.BytesIO(content))
    sections = list(file.iter_sections())
    entries = dynamic_entries(sections)
    run_paths = dynamic_texts(sections, "DT_RPATH", "rpath") + dynamic_texts(sections, "DT_RUNPATH", "runpath")
    debug = [s.name for s in sections if s.name.startswith(DEBUG)]
    architectures, gpu_fault = gpu_code(s.data() for s in sections if s.name in SECTIONS)
    defined = _defined(sections)
    return Binary(
        member=member,
        system="linux",
        machine=MACHINES.get(str(file["e_machine"]), str(file["e_machine"])),
        init=tuple(sorted(name for name in defined if name.startswith("PyInit_"))),
        needed=dynamic_texts(sections, "DT_NEEDED", "needed"),
        versions=needed_versions(sections),
        defined=defined,
        undefined=undefined_symbols(sections),
        symbol_versions=symbol_versions(sections),
        run_paths=tuple(part or HERE for path in run_paths if path for part in path.split(":")),
        program=_program(file),
        refused=_refused(file, content),
        unsafe=tuple(_unsafe(file, entries)),
        debug=(f"{len(debug)} debug sections",) if debug else (),
        architectures=architectures,
        gpu_fault=gpu_fault,
        code=read_code(s.data() for s in sections if _is_code(s)),
        prints=printed_levels(content),
    )


def _program(file: ELFFile) -> str:
    if file["e_type"] != "ET_DYN":
        return f"is of type {file['e_type']}, not a shared object"
    has_loader = any(segment["p_type"] == "PT_INTERP" for segment in file.iter_segments())
    return "is a program with a loader of its own, not a module" if has_loader else ""


def _refused(file: ELFFile, content: bytes) -> str:
    """Why the dynamic linker does not load it, or what stands behind all that it is made of."""
    ident = file["e_ident"]
    if ident["EI_OSABI"] not in OSABIS or ident["EI_VERSION"] != "EV_CURRENT":
        return f"is for another system: {ident['EI_OSABI']}, {ident['EI_VERSION']}"
    parts = [section["sh_offset"] + section.data_size for section in file.iter_sections() if _is_in_file(section)]
    parts += [segment["p_offset"] + segment["p_filesz"] for segment in file.iter_segments()]
    parts += [file[f"e_{kind}off"] + file[f"e_{kind}entsize"] * file[f"e_{kind}num"] for kind in ("sh", "ph")]
    end = max(parts)
    return f"has {len(content) - end} bytes behind its end" if len(content) > end else ""


def _is_in_file(section: Section) -> bool:
    return section["sh_type"] not in ("SHT_NOBITS", "SHT_NULL")


def _unsafe(file: ELFFile, entries: list[DynamicTag]) -> Iterator[str]:
    """What newer systems refuse to load, and no compiler makes unasked."""
    segments = [(segment["p_type"], segment["p_flags"]) for segment in file.iter_segments()]
    stacks = [flags for kind, flags in segments if kind == "PT_GNU_STACK"]
    if not stacks or any(flags & RUN for flags in stacks):
        yield "an executable stack, which glibc 2.41 refuses to load"
    if any(kind == "PT_LOAD" and flags & RUN and flags & WRITE for kind, flags in segments):
        yield "a segment that is written and run"
    flags = [entry.entry.d_val for entry in entries if entry.entry.d_tag == "DT_FLAGS"]
    if any(entry.entry.d_tag == "DT_TEXTREL" for entry in entries) or any(value & TEXTREL for value in flags):
        yield "text relocations"


def _is_code(section: Section) -> bool:
    return section["sh_type"] == "SHT_PROGBITS" and bool(section["sh_flags"] & EXECUTABLE)


def _defined(sections: list[Section]) -> frozenset[str]:
    tables = [s for s in sections if isinstance(s, SymbolTableSection) and s["sh_type"] == "SHT_DYNSYM"]
    symbols = [symbol for table in tables for symbol in table.iter_symbols()]
    return frozenset(str(symbol.name) for symbol in symbols if symbol["st_shndx"] != "SHN_UNDEF")
