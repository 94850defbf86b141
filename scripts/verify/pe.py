"""Reads a Windows extension module: a PE file, on any system."""

from __future__ import annotations

from collections.abc import Iterator

import pefile

from scripts.verify.binary import Binary, gpu_code, printed_levels
from scripts.verify.fatbin import SECTIONS
from scripts.verify.instructions import read_code

DIRECTORIES = ("IMPORT", "DELAY_IMPORT", "EXPORT", "DEBUG")
EXECUTABLE = 0x20000000  # IMAGE_SCN_MEM_EXECUTE
WRITABLE = 0x80000000  # IMAGE_SCN_MEM_WRITE
DLL = 0x2000  # IMAGE_FILE_DLL
RUNNABLE, NO_RELOCATIONS = 0x2, 0x1  # IMAGE_FILE_EXECUTABLE_IMAGE, _RELOCS_STRIPPED
ANY_PLACE, SIGNED, DRIVER = 0x40, 0x80, 0x2000  # IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE, _FORCE_INTEGRITY, _WDM_DRIVER
NX_COMPATIBLE = 0x100  # IMAGE_DLLCHARACTERISTICS_NX_COMPAT
CODEVIEW = 2  # the debug entry that names a .pdb file
MACHINES = {0x8664: "x86-64", 0x014C: "x86 (32 bits)", 0xAA64: "arm64"}


def read_pe(member: str, content: bytes) -> Binary:
    """What the module states of itself; raises ValueError, or what pefile trips over, for a damaged file."""
    try:
        file = pefile.PE(data=content, fast_load=True)  # never closed: that would only collect all garbage, 0.1 s
    except pefile.PEFormatError as error:
        raise ValueError(str(error)) from None
    file.parse_data_directories([pefile.DIRECTORY_ENTRY[f"IMAGE_DIRECTORY_ENTRY_{name}"] for name in DIRECTORIES])
    machine = file.FILE_HEADER.Machine
    architectures, gpu_fault = gpu_code(_content(s) for s in file.sections if _name(s) in SECTIONS)
    return Binary(
        member=member,
        system="windows",
        machine=MACHINES.get(machine, hex(machine)),
        init=_init(file),
        needed=_needed(file),
        imports=frozenset(name for _, name in _imports(file)),
        imported=_imports(file),
        program="" if file.FILE_HEADER.Characteristics & DLL else "is a program, not a DLL",
        refused=next(_refused(file), ""),
        unsafe=tuple(_unsafe(file)),
        debug=_debug(file),
        architectures=architectures,
        gpu_fault=gpu_fault,
        code=read_code(_content(s) for s in file.sections if s.Characteristics & EXECUTABLE),
        prints=printed_levels(content),
    )


def _refused(file: pefile.PE) -> Iterator[str]:
    """Why Windows does not load it, or not wherever there is room."""
    flags, marks = file.FILE_HEADER.Characteristics, file.OPTIONAL_HEADER.DllCharacteristics
    if not flags & RUNNABLE:
        yield "is marked as not whole: its linker found errors"
    if flags & NO_RELOCATIONS:
        yield "has no relocations: Windows can place it at one address only"
    if marks & SIGNED:
        yield "is loaded only with a signature, and has none"
    if marks & DRIVER:
        yield "is a driver"


def _unsafe(file: pefile.PE) -> Iterator[str]:
    if any(s.Characteristics & EXECUTABLE and s.Characteristics & WRITABLE for s in file.sections):
        yield "a section that is written and run"
    if not file.OPTIONAL_HEADER.DllCharacteristics & ANY_PLACE:
        yield "no mark that it may be placed anywhere (ASLR)"
    if not file.OPTIONAL_HEADER.DllCharacteristics & NX_COMPATIBLE:
        yield "no mark that its stack and data are not run (NX)"


def _name(section: pefile.SectionStructure) -> str:
    return bytes(section.Name).rstrip(b"\0").decode("ascii", errors="replace")


def _content(section: pefile.SectionStructure) -> bytes:
    """What of the section is in use: the rest of the file's last block is padding."""
    return bytes(section.get_data())[: section.Misc_VirtualSize]


def _imported(file: pefile.PE) -> list[pefile.ImportDescData]:
    return [e for kind in ("IMPORT", "DELAY_IMPORT") for e in getattr(file, f"DIRECTORY_ENTRY_{kind}", ())]


def _needed(file: pefile.PE) -> tuple[str, ...]:
    return tuple(_text(entry.dll) for entry in _imported(file))


def _imports(file: pefile.PE) -> frozenset[tuple[str, str]]:
    names = ((entry.dll, symbol.name) for entry in _imported(file) for symbol in entry.imports if symbol.name)
    return frozenset((_text(library), _text(name)) for library, name in names)


def _text(name: bytes) -> str:
    return name.decode("ascii", errors="replace")


def _init(file: pefile.PE) -> tuple[str, ...]:
    table = getattr(file, "DIRECTORY_ENTRY_EXPORT", None)
    names = [bytes(symbol.name) for symbol in table.symbols if symbol.name] if table else []
    return tuple(sorted(_text(name) for name in names if name.startswith(b"PyInit_")))


def _debug(file: pefile.PE) -> tuple[str, ...]:
    """The debug sections of mingw, and the .pdb of Microsoft's linker where it is named by its path."""
    entries = [e for e in getattr(file, "DIRECTORY_ENTRY_DEBUG", ()) if e.struct.Type == CODEVIEW and e.entry]
    paths = [bytes(e.entry.PdbFileName).rstrip(b"\0").decode("utf-8", errors="replace") for e in entries]
    sections = [name for s in file.sections if (name := _name(s)).startswith((".debug_", "/"))]
    found = [f"the path of a build machine, {path}" for path in paths if "\\" in path or "/" in path]
    return tuple(found + ([f"{len(sections)} debug sections"] if sections else []))
