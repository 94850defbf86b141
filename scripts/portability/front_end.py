"""The compiler that reads C++ as cl does: clang in its cl mode, with libc++ and the C headers for Windows."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from scripts.command import Command, ask
from scripts.errors import PrerequisiteError
from scripts.facts.facts import Facts
from scripts.facts.portability_rows import Dialect
from scripts.portability.header_folders import OWN, c_headers, own_digest

TARGET = "x86_64-pc-windows-msvc"
PCH_OPTION = ("-Xclang", "-fpch-instantiate-templates")  # once, not in every source


@dataclass(frozen=True, kw_only=True)
class FrontEnd:
    """A clang-cl that was found, and the words that every source is read with."""

    program: str
    identity: str  # version, and the headers of our own
    words: tuple[str, ...]

    def check(self, source: Path, dialect: Dialect, options: tuple[str, ...], precompiled: Path | None) -> Command:
        """Read one source; nothing is written."""
        pch = ("-Xclang", "-include-pch", "-Xclang", str(precompiled)) if precompiled else ()
        return Command(argv=(self.program, *self.words, *dialect.options, *pch, *options, "-fsyntax-only", str(source)))

    def precompile(self, header: Path, dialect: Dialect, options: tuple[str, ...], output: Path) -> Command:
        """Write the precompiled form of a header."""
        emit = (*PCH_OPTION, "-Xclang", "-emit-pch", "/TP", "/c", str(header), f"/Fo{output}")
        return Command(argv=(self.program, *self.words, *dialect.options, *options, *emit))


def find_front_end(facts: Facts, cache: Path) -> FrontEnd:
    """The front end of this machine; raises PrerequisiteError, with the line that installs it, where there is none."""
    row = facts.front_end
    program = next((found for name in row.programs if (found := shutil.which(name))), None)
    said = ask([program, "--version"]).text or "" if program else ""
    version, folder = re.search(r"version (\d+)", said), re.search(r"InstalledDir: (.+)", said)
    if not program or not version or not folder or int(version[1]) < row.oldest:
        raise _missing(f"clang in its cl mode ({row.programs[0]}), {row.oldest} or newer", row.install)
    root = Path(folder[1]).parent
    library, builtin = root / "include" / "c++" / "v1", root / "lib" / "clang" / version[1] / "include"
    for what, place in (("libc++'s headers", library / "vector"), ("mingw's headers", Path(row.c_headers, "stdlib.h"))):
        if not place.is_file():
            raise _missing(f"{what} ({place})", row.install)
    search = (library, builtin, OWN, c_headers(facts, cache))
    words = (
        f"--target={TARGET}",
        f"-fms-compatibility-version={row.reads_as}",
        *("/nologo", "/X", "-nobuiltininc"),
        *(word for place in search for word in ("-imsvc", str(place))),
        *row.options,
        "-Wno-everything",
        *(f"-Werror={name}" for name in row.errors),
        "-ferror-limit=20",
    )
    identity = f"{said.splitlines()[0]} {row.reads_as} {row.options} {row.errors} {row.without} {own_digest()}"
    return FrontEnd(program=program, identity=identity, words=words)


def _missing(what: str, line: str) -> PrerequisiteError:
    return PrerequisiteError(f"{what} is not on this machine; install it: {line}")
