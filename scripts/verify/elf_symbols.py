"""What an ELF module takes from other libraries: its undefined symbols, and the versions that it asks for."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

from elftools.elf.dynamic import DynamicSection, DynamicTag
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection, GNUVerSymSection
from elftools.elf.sections import Section, Symbol, SymbolTableSection

from scripts.verify.binary import Binary

WEAK = "STB_WEAK"  # may be missing: the module has to ask before it calls


def read_links(member: str, content: bytes) -> Binary:
    """What the module asks of other libraries, and nothing else of it; raises as `read_elf`."""
    sections = list(ELFFile(io.BytesIO(content)).iter_sections())
    return Binary(
        member=member,
        system="linux",
        needed=dynamic_texts(sections, "DT_NEEDED", "needed"),
        versions=needed_versions(sections),
        undefined=undefined_symbols(sections),
    )


def dynamic_texts(sections: Iterable[Section], kind: str, attribute: str) -> tuple[str, ...]:
    """The texts of all entries of the kind in the dynamic section."""
    return tuple(str(getattr(entry, attribute)) for entry in dynamic_entries(sections) if entry.entry.d_tag == kind)


def dynamic_entries(sections: Iterable[Section]) -> list[DynamicTag]:
    """Every entry of the dynamic section."""
    return [tag for s in sections if isinstance(s, DynamicSection) for tag in s.iter_tags()]


def needed_versions(sections: Iterable[Section]) -> frozenset[tuple[str, str]]:
    """Each library with each version that is asked of it, such as libc.so.6 and GLIBC_2.34."""
    return frozenset(_versions(sections))


def undefined_symbols(sections: Iterable[Section]) -> frozenset[str]:
    """The symbols that another library must have for the module to be loaded."""
    tables = (s for s in sections if isinstance(s, SymbolTableSection) and s["sh_type"] == "SHT_DYNSYM")
    symbols = (symbol for table in tables for symbol in table.iter_symbols())
    return frozenset(str(symbol.name) for symbol in symbols if _is_asked_for(symbol))


def symbol_versions(sections: Iterable[Section]) -> frozenset[tuple[str, str]]:
    """Of the undefined symbols those that are asked for in a version, each with it: fopen and GLIBC_2.2.5."""
    known = list(sections)
    table = next((s for s in known if isinstance(s, SymbolTableSection) and s["sh_type"] == "SHT_DYNSYM"), None)
    numbers = next((s for s in known if isinstance(s, GNUVerSymSection)), None)
    names = {
        int(version["vna_other"]): str(version.name)
        for section in known
        if isinstance(section, GNUVerNeedSection)
        for _, versions in section.iter_versions()
        for version in versions
    }
    if table is None or numbers is None or not names:
        return frozenset()
    pairs = zip(table.iter_symbols(), numbers.iter_symbols(), strict=False)
    found = ((str(symbol.name), names.get(number["ndx"])) for symbol, number in pairs if _is_asked_for(symbol))
    return frozenset((name, version) for name, version in found if version)


def _is_asked_for(symbol: Symbol) -> bool:
    return bool(symbol.name) and symbol["st_shndx"] == "SHN_UNDEF" and symbol["st_info"]["bind"] != WEAK


def _versions(sections: Iterable[Section]) -> Iterator[tuple[str, str]]:
    for section in sections:
        if isinstance(section, GNUVerNeedSection):
            for library, versions in section.iter_versions():
                yield from ((str(library.name), str(version.name)) for version in versions)
