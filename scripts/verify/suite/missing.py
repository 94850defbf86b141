"""Why a module does not load on Windows, whose loader reports that something was not found, but not what.

The DLLs that the module's file names are looked for one by one, and so are those that the ones found name in turn.
Imported by load_ops; standard library only.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

Loads = Callable[[str], bool]
IMPORTS = 1  # the index of the import table among the data directories


def missing_libraries(module: Path, directories: list[Path], loads: Loads) -> list[str]:
    """Names of the DLLs that `module` needs and that are nowhere; behind one, the DLL that needs it if another does.

    `directories` are where the loader looks, `loads` says whether it finds a DLL by its name. Empty when all are there.
    """
    found, waiting, seen = [], [(module, "")], set()
    while waiting:
        file, wanted_by = waiting.pop(0)
        for name in imported(file):
            if name.lower() in seen:
                continue
            seen.add(name.lower())
            if loads(name):
                continue
            found_at = next((directory / name for directory in directories if (directory / name).is_file()), None)
            if found_at is None:
                found.append(f"{name}{wanted_by}")
            else:
                waiting.append((found_at, f" (which {name} needs)"))
    return found


def imported(file: Path) -> list[str]:
    """The names in the import table of a PE file; empty for any other file."""
    try:
        content = file.read_bytes()
        return list(_names(content))
    except (OSError, struct.error, ValueError):
        return []


def _names(content: bytes) -> Iterator[str]:
    head = struct.unpack_from("<I", content, 60)[0]
    if content[:2] != b"MZ" or content[head : head + 4] != b"PE\0\0":
        return
    count, size = struct.unpack_from("<H12xH", content, head + 6)
    optional = head + 24
    directories = optional + (112 if struct.unpack_from("<H", content, optional)[0] == 0x20B else 96)
    rows = [struct.unpack_from("<IIII", content, optional + size + 40 * i + 8) for i in range(count)]
    table = struct.unpack_from("<I", content, directories + 8 * IMPORTS)[0]
    found_at = _offset(table, rows) if table else None
    while found_at is not None:
        name = struct.unpack_from("<I", content, found_at + 12)[0]
        start = _offset(name, rows) if name else None
        if start is None:
            return
        yield content[start : content.index(b"\0", start)].decode("ascii")
        found_at += 20


def _offset(address: int, rows: list[tuple[int, ...]]) -> int | None:
    """The offset in the file of an address of the loaded image."""
    inside = (raw + address - start for size, start, kept, raw in rows if start <= address < start + max(size, kept))
    return next(inside, None)


def loader_directories() -> list[Path]:
    """Where Windows looks for the DLLs of a module, beside what it has loaded already."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    system = Path(os.environ.get("SYSTEMROOT", "C:\\Windows")) / "System32"
    return [Path(torch.__file__).parent / "lib", Path(sys.base_prefix), Path(sys.prefix) / "Library" / "bin", system]
