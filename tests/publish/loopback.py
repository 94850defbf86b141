"""A registry, a torch index and a site on this machine: small real wheels, served to real pip and real uv."""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import os
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scripts.host import platform_tag, this_host
from scripts.plan.target import Target
from tests.loopback_server import listening
from tests.wheel.wheelhouse import wheel_file

HERE = {"python": this_host().python, "platform": platform_tag()}
KNOWN_PLATFORM = HERE["platform"] in ("linux_x86_64", "win_amd64")


def make_target(**changes: str) -> Target:
    """A CUDA target that fits this Python and platform, but for the changes."""
    fields = {"deepspeed": "0.16.5", "torch": "2.6.0", "cuda": "cu124", **HERE, **changes}
    return Target(**fields)


def make_wheel(folder: Path, name: str, members: Mapping[str, str], requires: Sequence[str] = ()) -> Path:
    """A whole wheel called `name`, with RECORD and METADATA."""
    project, version, *_, tag = name.removesuffix(".whl").split("-", 2)
    info = f"{project}-{version}.dist-info"
    metadata = [f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}", "Requires-Python: >=3.8"]
    content = {
        **members,
        f"{info}/METADATA": "\n".join([*metadata, *(f"Requires-Dist: {row}" for row in requires), ""]),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: {tag}\n",
    }
    rows = [f"{member},sha256={_hash(text.encode())},{len(text.encode())}" for member, text in content.items()]
    content[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""])
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / name, "w") as archive:
        for member, text in content.items():
            archive.writestr(zipfile.ZipInfo(member), text)
    return folder / name


def _hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def make_deepspeed(folder: Path, target: Target) -> Path:
    """A wheel like ours: named for its target, its torch pinned to the minor, one more requirement of the registry."""
    label = f"label = {target.wheel_version!r}\n"
    requires = [f"torch=={target.torch_minor}.*", "hjson"]
    return make_wheel(folder, wheel_file(target), {"deepspeed/__init__.py": label}, requires)


def make_torch(folder: Path, version: str) -> Path:
    """A torch that knows its version and its CUDA and nothing else."""
    label = version.partition("+")[2]
    cuda = f"{label[2:-1]}.{label[-1]}" if label.startswith("cu") else None
    members = {
        "torch/__init__.py": f"from torch import version\n__version__ = {version!r}\n",
        "torch/version.py": f"__version__ = {version!r}\ncuda = {cuda!r}\n",
    }
    return make_wheel(folder, f"torch-{version}-py3-none-any.whl", members)


def make_sdist(folder: Path, name: str, version: str) -> None:
    """An sdist whose build fails, as DeepSpeed's does for nearly everyone."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / f"{name}-{version}.tar.gz", "w:gz") as archive:
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
        for member, data in (("PKG-INFO", text), ("setup.py", b"raise SystemExit('no compiler')\n")):
            entry = tarfile.TarInfo(f"{name}-{version}/{member}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))


def write_registry(root: Path) -> None:
    """A plain index page in each project's folder, as any registry has them."""
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        files = sorted(path.name for path in folder.iterdir() if path.name != "index.html")
        links = "".join(f'<a href="{name.replace("+", "%2B")}">{name}</a>\n' for name in files)
        (folder / "index.html").write_text(f"<!DOCTYPE html><html><body>\n{links}</body></html>\n", encoding="utf-8")


class Loopback(ThreadingHTTPServer):
    """Serves a folder, and remembers the path of every request."""

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), functools.partial(_Handler, directory=str(root)))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        if isinstance(self.server, Loopback):
            self.server.asked.append(self.path)


@contextmanager
def served(root: Path) -> Iterator[Loopback]:
    server = Loopback(root)
    with listening(server):
        yield server


def use_client(monkeypatch: pytest.MonkeyPatch, registry: str, cache: Path) -> None:
    """Give this process the environment of such a client, and nothing of this machine's own settings."""
    for name in [each for each in os.environ if each.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    for name, value in client_variables(registry, cache).items():
        monkeypatch.setenv(name, value)


def client_variables(registry: str, cache: Path) -> dict[str, str]:
    """The environment of a client whose default index is `registry` and that nothing of this machine reaches."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    return {
        **kept,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": registry,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_CACHE_DIR": "1",
        "UV_NO_CONFIG": "1",
        "UV_DEFAULT_INDEX": registry,
        "UV_CACHE_DIR": str(cache),
        "UV_PYTHON_DOWNLOADS": "never",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


def as_run(words: Sequence[str], python: Path) -> list[str]:
    """The words of a command that people paste, as run for the environment of `python`: our pip, or uv, told of it."""
    if words[0] == "uv":
        return [*uv_program(), *words[1:3], "--python", str(python), *words[3:]]
    return [sys.executable, "-m", "pip", "--python", str(python), *words[3:]]


def uv_program() -> list[str]:
    return [sys.executable, "-m", "uv"]
