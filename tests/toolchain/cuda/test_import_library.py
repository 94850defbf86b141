"""An import library made from a DLL links as one that a toolchain makes: same symbols, same DLL that is called."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.errors import PrerequisiteError
from scripts.toolchain.cuda.import_library import Export, import_library, read_exports, write_import_library

PREFIX = "x86_64-w64-mingw32-"
GCC, DLLTOOL, OBJDUMP = (shutil.which(PREFIX + name) for name in ("gcc", "dlltool", "objdump"))
LLD = shutil.which("lld-link")
HELPER = re.compile(r"^(\.|__IMPORT|__NULL|_head|_nm_)|THUNK|(_iname|_dll)$")
mingw = pytest.mark.skipif(not (GCC and DLLTOOL and OBJDUMP), reason="needs Debian's gcc-mingw-w64-x86-64-win32")

SOURCE = """
__declspec(dllexport) int answer_value = 42;
__declspec(dllexport) int answer(void) { return answer_value; }
__declspec(dllexport) int a_rather_long_name_of_a_function(int more) { return answer_value + more; }
int hidden(void) { return 1; }
"""
DEFINITIONS = """EXPORTS
answer
answer_value DATA
a_rather_long_name_of_a_function
hidden @40 NONAME
renamed = answer
"""
CALLER = """
extern int answer(void), a_rather_long_name_of_a_function(int), renamed(void);
extern __declspec(dllimport) int answer_value;
int main(void) { return answer() + a_rather_long_name_of_a_function(1) + renamed() - 2 * answer_value - 42; }
"""


def ran(*argv: str | Path | None) -> str:
    return subprocess.run([str(word) for word in argv], check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def dll(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real DLL as CUDA's are called, with code, data, an export without a name and one under another name."""
    folder = tmp_path_factory.mktemp("dll")
    (folder / "a.c").write_text(SOURCE)
    (folder / "a.def").write_text(DEFINITIONS)
    path = folder / "nvrtcwithlongname64_130_0.dll"
    ran(GCC, "-shared", "-o", path, folder / "a.c", folder / "a.def")
    return path


def linked_by_name(exports: tuple[Export, ...]) -> dict[str, bool]:
    return {export.name: export.code for export in exports if export.name}


@mingw
def test_exports_are_read_with_their_kind(dll: Path) -> None:
    name, exports = read_exports(dll)
    assert name == dll.name
    expected = {"answer": True, "a_rather_long_name_of_a_function": True, "renamed": True, "answer_value": False}
    assert linked_by_name(exports) == expected
    assert [export.ordinal for export in exports if not export.name] == [40]


@mingw
def test_a_program_linked_with_it_imports_from_the_dll(dll: Path, tmp_path: Path) -> None:
    (tmp_path / "main.c").write_text(CALLER)
    write_import_library(dll, tmp_path / "answer.lib")
    ran(GCC, "-o", tmp_path / "main.exe", tmp_path / "main.c", tmp_path / "answer.lib")
    imports = ran(OBJDUMP, "-p", tmp_path / "main.exe").split("DLL Name: ")
    ours = next(part for part in imports if part.startswith(dll.name)).split("\n\n")[0]
    assert all(name in ours for name in ("answer", "answer_value", "a_rather_long_name_of_a_function", "renamed"))
    if sys.platform == "win32":
        shutil.copy(dll, tmp_path)
        assert subprocess.run([tmp_path / "main.exe"], check=False).returncode == 43


@mingw
@pytest.mark.skipif(not LLD, reason="needs lld-link, which links as Microsoft's linker does")
def test_a_linker_of_the_microsoft_kind_takes_it(dll: Path, tmp_path: Path) -> None:
    (tmp_path / "main.c").write_text(CALLER.replace("main", "entry"))
    write_import_library(dll, tmp_path / "answer.lib")
    ran(GCC, "-O1", "-c", "-o", tmp_path / "main.obj", tmp_path / "main.c")
    ran(
        LLD,
        "/entry:entry",
        "/subsystem:console",
        "/machine:x64",
        "/nodefaultlib",
        f"/out:{tmp_path / 'main.exe'}",
        tmp_path / "main.obj",
        tmp_path / "answer.lib",
    )
    assert dll.name in ran(OBJDUMP, "-p", tmp_path / "main.exe")


def defined_symbols(library: Path) -> set[str]:
    """The names that a library gives, as nm lists them, without what each tool calls its own helpers."""
    words = [line.split() for line in ran(PREFIX + "nm", library).splitlines()]
    return {line[-1] for line in words if len(line) == 3 and line[1] in "TIDRB" and not HELPER.search(line[-1])}


@mingw
def test_its_symbols_are_those_that_dlltool_makes(dll: Path, tmp_path: Path) -> None:
    names = "\n".join(name if code else f"{name} DATA" for name, code in linked_by_name(read_exports(dll)[1]).items())
    (tmp_path / "a.def").write_text(f"LIBRARY {dll.name}\nEXPORTS\n{names}\n")
    ran(DLLTOOL, "-d", tmp_path / "a.def", "-l", tmp_path / "theirs.a")
    write_import_library(dll, tmp_path / "ours.lib")
    assert defined_symbols(tmp_path / "ours.lib") == defined_symbols(tmp_path / "theirs.a")
    assert "__imp_answer" in defined_symbols(tmp_path / "ours.lib")


# ---------------------------------------------------------------- the form, read back without any tool

EXPORTS = (
    Export(name="zeta", ordinal=1, code=True),
    Export(name="Alpha", ordinal=2, code=True),
    Export(name=None, ordinal=3, code=True),
    Export(name="value", ordinal=4, code=False),
)
OURS = {"__imp_zeta", "zeta", "__imp_Alpha", "Alpha", "__imp_value"}


def members(library: bytes) -> Iterator[tuple[int, str, bytes]]:
    """Offset, name and content of each member."""
    assert library.startswith(b"!<arch>\n")
    at = 8
    while at < len(library):
        header = library[at : at + 60]
        assert header[58:] == b"`\n"
        size = int(header[48:58])
        yield at, header[:16].decode().strip(), library[at + 60 : at + 60 + size]
        at += 60 + size + size % 2


def first_table(content: bytes) -> dict[str, int]:
    (count,) = struct.unpack_from(">I", content)
    offsets = struct.unpack_from(f">{count}I", content, 4)
    return dict(zip((name.decode() for name in content[4 + 4 * count :].split(b"\0")), offsets, strict=False))


def second_table(content: bytes) -> dict[str, int]:
    (places,) = struct.unpack_from("<I", content)
    offsets = struct.unpack_from(f"<{places}I", content, 4)
    (count,) = struct.unpack_from("<I", content, 4 + 4 * places)
    indices = struct.unpack_from(f"<{count}H", content, 8 + 4 * places)
    names = [name.decode() for name in content[8 + 4 * places + 2 * count :].split(b"\0")[:-1]]
    assert names == sorted(names, key=str.encode)
    return {name: offsets[index - 1] for name, index in zip(names, indices, strict=True)}


@pytest.mark.parametrize("dll_name", ["curand64_10.dll", "nvrtc64_130_0.dll", "a.dll"])
def test_both_symbol_tables_lead_to_the_same_members(dll_name: str) -> None:
    library = import_library(dll_name, EXPORTS)
    found = list(members(library))
    first, second = first_table(found[0][2]), second_table(found[1][2])
    assert first == second
    assert first.keys() >= OURS
    assert set(first.values()) <= {offset for offset, _, _ in found}


@pytest.mark.parametrize("dll_name", ["curand64_10.dll", "nvrtc64_130_0.dll"])
def test_each_member_names_the_dll(dll_name: str) -> None:
    library = import_library(dll_name, EXPORTS)
    names = [name for _, name, _ in members(library) if name not in ("/", "//")]
    long_names = [content for _, name, content in members(library) if name == "//"]
    assert set(names) == ({f"{dll_name}/"} if len(dll_name) < 16 else {"/0"})
    assert long_names == ([] if len(dll_name) < 16 else [dll_name.encode() + b"\0"])


def test_a_short_import_says_machine_name_and_kind() -> None:
    library = import_library("curand64_10.dll", EXPORTS)
    place = first_table(next(members(library))[2])
    by_offset = {offset: content for offset, _, content in members(library)}
    for name, code in (("zeta", True), ("Alpha", True), ("value", False)):
        content = by_offset[place[f"__imp_{name}"]]
        signature, mark, _, machine, _, size, _, kind = struct.unpack_from("<HHHHIIHH", content)
        assert (signature, mark, machine, size) == (0, 0xFFFF, 0x8664, len(content) - 20)
        assert kind == (0 if code else 1) | 1 << 2
        assert content[20:] == name.encode() + b"\0curand64_10.dll\0"


def test_the_same_exports_give_the_same_bytes() -> None:
    assert import_library("a.dll", EXPORTS) == import_library("a.dll", EXPORTS)


def test_what_is_no_dll_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.dll").write_bytes(b"MZ and no more")
    with pytest.raises(PrerequisiteError, match=r"a\.dll is not a complete DLL"):
        write_import_library(tmp_path / "a.dll", tmp_path / "a.lib")
    assert not (tmp_path / "a.lib").exists()


@mingw
def test_a_program_that_exports_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "main.c").write_text("int main(void) { return 0; }")
    ran(GCC, "-o", tmp_path / "a.exe", tmp_path / "main.c")
    with pytest.raises(PrerequisiteError, match="exports nothing by name"):
        write_import_library(tmp_path / "a.exe", tmp_path / "a.lib")
