"""Small real things to build with: archives, wheels, source trees, recipes, and loopback servers for the outside."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from scripts.console import PlainConsole
from scripts.wheel_build.cache import OpCache
from scripts.wheel_build.prepare import CompileSettings
from scripts.wheel_build.progress import Progress
from scripts.wheel_build.recipe import OpRecipe, Recipe, Unit
from tests.loopback_server import listening

GXX = shutil.which("g++") or "g++"


def write_tree(folder: Path, files: Mapping[str, str]) -> Path:
    """The folder, now holding these files."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def tar_bytes(members: Mapping[str, str], *, compression: str = "gz") -> bytes:
    """A tar archive with these members, the same bytes each time: gzip is told no time of day."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:" if compression == "gz" else f"w:{compression}") as tar:  # type: ignore[call-overload]
        for name, text in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return gzip.compress(buffer.getvalue(), mtime=0) if compression == "gz" else buffer.getvalue()


def source_members(version: str, inside: str | None = None) -> dict[str, str]:
    """The members of a small DeepSpeed source archive; `inside` is what its version.txt says."""
    top = f"DeepSpeed-{version}"
    padding = "\n".join(str(number * number) for number in range(4000))
    return {f"{top}/version.txt": f"{inside or version}\n", f"{top}/setup.py": "print(1)\n", f"{top}/data.txt": padding}


def make_wheel(
    path: Path,
    files: Mapping[str, str | bytes],
    *,
    executable: Sequence[str] = (),
    date_time: tuple[int, int, int, int, int, int] = (2024, 5, 6, 7, 8, 10),
) -> Path:
    """A wheel-like zip with these members in this order."""
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, date_time)
            info.external_attr = (0o100755 if name in executable else 0o100664) << 16
            wheel.writestr(info, content)
    return path


@dataclass
class Page:
    """What a loopback server answers at one path."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    sent: int | None = None  # bytes after which the connection is dropped


@dataclass
class Site:
    """A loopback server's pages, its address, and the paths that were asked for."""

    pages: dict[str, Page]
    url: str = ""
    requests: list[str] = field(default_factory=list)


@contextmanager
def serving(pages: Mapping[str, Page]) -> Iterator[Site]:
    """A real HTTP server on loopback."""
    site = Site(pages=dict(pages))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.requests.append(self.path)
            page = site.pages.get(self.path, Page(body=b"nothing here", status=404))
            self.send_response(page.status)
            headers: dict[str, str] = {"Content-Length": str(len(page.body)), **page.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(page.body[: page.sent])
            self.close_connection = True

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    with listening(server):
        yield site


def quiet_progress(folder: Path) -> Progress:
    """A progress whose console is a text buffer."""
    return Progress(title="test", log_file=folder / "test.log", console=PlainConsole(file=io.StringIO(), width=200))


def make_unit(root: Path, source: str, recorded: Path, *, compiler: str = GXX, extra: Sequence[str] = ()) -> Unit:
    """One translation unit as upstream's build would record it."""
    target = recorded / Path(source).with_suffix(".o")
    argv = (compiler, "-fPIC", "-O1", f"-I{root / 'csrc' / 'includes'}", *extra, "-c", source, "-o", str(target))
    return Unit(source=source, object=target, argv=argv)


def make_op(
    root: Path, name: str, sources: Sequence[str], recorded: Path, *, compiler: str = GXX, extra: Sequence[str] = ()
) -> OpRecipe:
    """An op of these sources, linked to a shared object."""
    recorded = recorded / name
    units = tuple(make_unit(root, source, recorded, compiler=compiler, extra=extra) for source in sources)
    binary = recorded / f"{name}_op.so"
    link = (GXX, "-shared", *(str(unit.object) for unit in units), "-o", str(binary))
    file = f"deepspeed/ops/{name}_op.so"
    return OpRecipe(op=name, module=f"{name}_op", file=file, units=units, link=link, binary=binary)


def make_recipe(ops: Sequence[OpRecipe]) -> Recipe:
    """A recipe of these ops."""
    return Recipe(version="0.19.8", ops=tuple(ops), torch={}, python={}, setuptools="80.0.0")


def make_settings(root: Path, work: Path, **changes: Any) -> CompileSettings:  # noqa: ANN401 - fields of several types
    """Settings for a small project: no edits of flags, no precompiled header, a cache beside the work folder."""
    defaults: dict[str, Any] = {
        "root": root,
        "objects": work / "objects",
        "headers": work / "headers",
        "cache": OpCache(work / "cache"),
        "jobs": 2,
        "identity": {"compiler": "g++ of the test"},
        "directories": {"source": str(root), "recorded": str(work)},
        "system": "linux",
        "edits": (),
        "cpu": (),
        "link_words": {},
        "expected": {},
        "torch_headers": "torch",
        "peaks": {"compile": 1 << 28, "nvcc": 1 << 28},
        "env": {"LC_ALL": "C"},
    }
    return CompileSettings(**{**defaults, **changes})


def counting_compiler(folder: Path, *, before: str = "") -> tuple[Path, Path]:
    """A program named g++ that notes each call in a file and runs `before` (shell), then the real g++."""
    folder.mkdir(parents=True, exist_ok=True)
    program, calls = folder / "g++", folder / "calls"
    program.write_text(f'#!/bin/sh\necho "$*" >> {calls}\n{before}\nexec {GXX} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return program, calls


def count_calls(calls: Path) -> int:
    """How often a counting compiler was called."""
    return len(calls.read_text(encoding="utf-8").splitlines()) if calls.exists() else 0


def repository_variables() -> dict[str, str]:
    """The environment of a driver process that imports `scripts` and `tests`."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), "PYTHONUNBUFFERED": "1"}


def driver_command(program: str, *arguments: str) -> list[str]:
    """A Python process that runs `program`."""
    return [sys.executable, "-c", program, *arguments]
