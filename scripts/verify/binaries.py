"""`Binary`: what an ELF extension module asks of the machine it is loaded on."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSection, DynamicTag
from elftools.elf.elffile import ELFFile

MAGIC = b"\x7fELF"
DEBUG = (".debug_", ".zdebug_", ".rela.debug_")
# what zipfile raises for a member that is damaged, encrypted or packed in a way it does not know
DAMAGED = (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError)


@dataclass(frozen=True, kw_only=True)
class Binary:
    """One ELF module of a wheel; `fault` says why it could not be read."""

    member: str
    needed: tuple[str, ...] = ()
    run_paths: tuple[str, ...] = ()
    debug_sections: tuple[str, ...] = ()
    fault: str = ""


def read_binary(archive: zipfile.ZipFile, member: str) -> Binary | None:
    """What the module says of itself; None when it is not an ELF file (a Windows module, say)."""
    try:
        content = archive.read(member)
    except DAMAGED as error:
        return Binary(member=member, fault=f"cannot be read from the wheel ({error})")
    if not content.startswith(MAGIC):
        return None
    try:
        return _parse(member, ELFFile(io.BytesIO(content)))
    except (ELFError, ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
        return Binary(member=member, fault=f"not a sound ELF file ({error})")


def _parse(member: str, file: ELFFile) -> Binary:
    sections = list(file.iter_sections())
    entries = [tag for s in sections if isinstance(s, DynamicSection) for tag in s.iter_tags()]
    run_paths = _texts(entries, "DT_RPATH", "rpath") + _texts(entries, "DT_RUNPATH", "runpath")
    return Binary(
        member=member,
        needed=_texts(entries, "DT_NEEDED", "needed"),
        run_paths=tuple(part for path in run_paths for part in path.split(":") if part),
        debug_sections=tuple(s.name for s in sections if s.name.startswith(DEBUG)),
    )


def _texts(entries: list[DynamicTag], kind: str, attribute: str) -> tuple[str, ...]:
    return tuple(str(getattr(entry, attribute)) for entry in entries if entry.entry.d_tag == kind)
