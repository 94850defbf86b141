"""`one_file`: the tasks of whoever wants a wheel as one file that any Python from 3.10 on runs, without a clone.

It is a zip that Python runs as it is: our modules that those tasks reach, the pure Python packages that these import,
and our data as JSON. Nothing that builds is reached from there. The same checkout and packages give the same bytes.
"""

from __future__ import annotations

import ast
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path, PurePath

from scripts.carried import HOME
from scripts.errors import DataError, PrerequisiteError
from scripts.schema.data_document import as_json
from scripts.schema.readers import Problems
from scripts.schema.yaml_document import read_document

NAME = "deepspeed-wheels.pyz"
START = "scripts.one_file_main"
SITE = "site.json"
INSIDE = "scripts/install/inside"  # what runs with the Python of the environment that is asked about
DATA = HOME / "scripts" / "data"
ERRORS = "errors.yaml"  # for docs/errors.md alone
LEFT_OUT = {
    "scripts.commands.build_checks": "what building needs is asked in a clone",
    "scripts.schema.yaml_document": "its data is JSON",
}
# Distributions by the module that is imported; of those that have compiled modules, their Python sources work alone.
PACKAGES = {
    "certifi": "certifi",
    "charset_normalizer": "charset-normalizer",
    "elftools": "pyelftools",
    "filelock": "filelock",
    "idna": "idna",
    "packaging": "packaging",
    "pefile": "pefile",
    "platformdirs": "platformdirs",
    "pynvml": "nvidia-ml-py",
    "requests": "requests",
    "rich": "rich",
    "sv_ttk": "sv-ttk",
    "truststore": "truststore",
    "urllib3": "urllib3",
}
WITHOUT = {
    "iced_x86": "compiled: the checks of machine code are skipped",
    "psutil": "compiled: scripts/process_tree.py ends a program's own group",
    "pypi_simple": "looks for sources, to build of",
}
NOT_NEEDED = ("example.py", "peutils.py")  # nvidia-ml-py's and pefile's
DATA_FILES = (".pem", ".tcl", ".png")  # of packages, beside their modules
FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # a zip knows no earlier one
MAIN = """\
import sys

if sys.version_info < (3, 10):
    sys.exit("%s needs Python 3.10 or newer, and this is %s; run it with another, and name the environment that"
             " DeepSpeed is for, of any version, with --python" % (sys.argv[0], sys.version.split()[0]))

from scripts.one_file_main import main

sys.exit(main(sys.argv[1:]))
"""


def one_file(url: str) -> bytes:
    """The file for the site at `url`, where it looks for wheels; raises PrerequisiteError without a package."""
    return _zipped({**_members(), SITE: json.dumps({"url": url}).encode()})


@cache
def _members() -> Mapping[str, bytes]:
    """All that is the same for every site."""
    members = {
        "__main__.py": MAIN.encode(),
        "LICENSE": (HOME / "LICENSE").read_bytes(),
        **{f"{INSIDE}/{path.name}": path.read_bytes() for path in (HOME / INSIDE).glob("*.py")},
        **_own_modules(),
        **_own_data(),
    }
    for distribution in PACKAGES.values():
        members |= _package(distribution)
    return members


def reached() -> dict[str, Path]:
    """Our modules that the tasks of the one file import, at whatever moment, and where they are."""
    found: dict[str, Path] = {}
    waiting = [START]
    while waiting:
        name = waiting.pop()
        path = _module(name)
        if path is None or name in found or name in LEFT_OUT:
            continue
        found[name] = path
        waiting += [each for each in imports(path) if each.split(".")[0] == "scripts"]
    return dict(sorted(found.items()))


def imports(path: Path) -> Iterator[str]:
    """The names of modules that a module imports while it runs, and of what it takes from them."""
    for node in _running(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below this one, but not what is only for type checkers."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _running(child)


def _module(name: str) -> Path | None:
    path = HOME.joinpath(*name.split("."))
    return next((each for each in (path.with_suffix(".py"), path / "__init__.py") if each.is_file()), None)


def _own_modules() -> dict[str, bytes]:
    paths = set(reached().values())
    for path in list(paths):
        parents = path.relative_to(HOME).parents
        paths |= {found for parent in parents if (found := HOME / parent / "__init__.py").is_file()}
    return {path.relative_to(HOME).as_posix(): path.read_bytes() for path in paths}


def _own_data() -> dict[str, bytes]:
    files = [HOME / "matrix.yaml", *(path for path in DATA.glob("*.yaml") if path.name != ERRORS)]
    return {path.with_suffix(".json").relative_to(HOME).as_posix(): _as_carried(path) for path in files}


def _as_carried(path: Path) -> bytes:
    problems = Problems()
    document = read_document(path, problems)
    if problems:
        raise DataError(path.name, problems)
    return as_json(document).encode()


def _package(name: str) -> Mapping[str, bytes]:
    """The Python modules of an installed distribution, the data that they read, and its licence."""
    try:
        files = metadata.distribution(name).files or []
    except metadata.PackageNotFoundError:
        raise PrerequisiteError(
            f"{name} is not installed here, and {NAME} has it inside: python -m pip install -r requirements-run.txt",
            id="package-not-installed",
        ) from None
    kept = (file for file in files if ".." not in file.parts)
    return {member: Path(str(file.locate())).read_bytes() for file in kept if (member := _member(file, name))}


def _member(file: PurePath, distribution: str) -> str:
    """Where a file of a distribution goes; nowhere for what neither runs nor says whose it is."""
    if file.parts[0].endswith(".dist-info"):
        licence = file.name.upper().startswith(("LICEN", "COPYING", "NOTICE", "METADATA"))
        return f"licenses/{distribution}/{file.name}" if licence else ""
    needed = file.suffix in (".py", *DATA_FILES) and str(file) not in NOT_NEEDED
    return file.as_posix() if needed else ""


def _zipped(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    buffer.write(b"#!/usr/bin/env python3\n")
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, FIRST_DAY)
            info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
            archive.writestr(info, members[name], compresslevel=9)
    return buffer.getvalue()
