"""The Visual Studios of this machine and their x64 compilers: by vswhere, the known directories and the registry."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from packaging.version import InvalidVersion, Version

from scripts.command import ask
from scripts.facts.facts import Facts
from scripts.host import registry_values

FOLDER = "Microsoft Visual Studio"
PRODUCT = "Microsoft.VisualStudio.Product."
VERSIONS_KEY = r"SOFTWARE\Microsoft\VisualStudio\SxS\VS7"
SETUP_KEY = r"SOFTWARE\Microsoft\VisualStudio\Setup"
COMPILER = Path("bin", "Hostx64", "x64", "cl.exe")
TIMEOUT_SECONDS = 60
# Incomplete installations are asked for too: what counts is whether a compiler is there, and a message can name them.
# Without -products * there would be no Build Tools, without -prerelease no Preview; -utf8 instead of the code page.
VSWHERE = ("-all", "-products", "*", "-prerelease", "-format", "json", "-utf8")

FoundBy = Literal["vswhere", "folder", "registry"]


@dataclass(frozen=True, kw_only=True)
class VisualStudio:
    """One installed Visual Studio."""

    root: Path
    name: str  # "Visual Studio Community 2022"
    version: str  # "17.14.36202.13"; only "17" when nothing but its directory is known
    edition: str  # "Community" | "BuildTools" | ...
    toolsets: tuple[str, ...]  # full versions of its x64 compilers, newest first, "14.44.35207"
    found_by: FoundBy

    @property
    def major(self) -> str:
        """The major version, by which the installer's components differ: `17`."""
        return self.version.partition(".")[0]

    @property
    def vcvars(self) -> Path:
        """The script that sets the environment of the x64 compilers."""
        return self.root / "VC" / "Auxiliary" / "Build" / "vcvars64.bat"

    def compiler(self, toolset: str) -> Path:
        """The x64 cl.exe of one of its toolsets."""
        return toolset_folder(self.root) / toolset / COMPILER


def find_visual_studios(facts: Facts) -> tuple[VisualStudio, ...]:
    """Every Visual Studio of this machine, newest first; none on any other system than Windows."""
    return search(program_folders(os.environ), facts) if os.name == "nt" else ()


def program_folders(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Both directories for programs, the one for 64-bit ones first.

    A 32-bit program is told the other one by `ProgramFiles`, so `ProgramW6432` is asked before it.
    """
    names = ("ProgramW6432", "ProgramFiles", "ProgramFiles(x86)")
    return tuple(dict.fromkeys(Path(value) for name in names if (value := environment.get(name))))


def search(programs: Sequence[Path], facts: Facts) -> tuple[VisualStudio, ...]:
    """The Visual Studios that vswhere, directories below `programs` or the registry know, each once, newest first."""
    found: dict[str, VisualStudio] = {}
    for studio in (*from_vswhere(programs, facts), *from_folders(programs, facts), *from_registry(facts)):
        found.setdefault(os.path.normcase(studio.root), studio)
    return tuple(sorted(found.values(), key=_newest, reverse=True))


def from_vswhere(programs: Sequence[Path], facts: Facts) -> Iterator[VisualStudio]:
    """What Microsoft's own tool lists; nothing when it is not there or does not answer."""
    for program in (directory / FOLDER / "Installer" / "vswhere.exe" for directory in programs):
        if program.is_file():
            yield from parse_vswhere(ask([str(program), *VSWHERE], seconds=TIMEOUT_SECONDS).output, facts)
            return


def parse_vswhere(answer: str, facts: Facts) -> Iterator[VisualStudio]:
    """The installations in vswhere's JSON that have compilers or can get them; SSMS or a test agent cannot."""
    try:
        entries = json.loads(answer.removeprefix("\ufeff"))
    except ValueError:
        return
    for entry in entries if isinstance(entries, list) else ():
        studio = _from_document(entry, "vswhere", facts)
        if studio:
            yield studio


def from_folders(programs: Sequence[Path], facts: Facts) -> Iterator[VisualStudio]:
    """What stands in the known directories: every release and edition of msvc.yaml, below each of `programs`."""
    for release in facts.visual_studios.values():
        for edition in facts.editions:
            for programs_folder in programs:
                root = programs_folder / FOLDER / release.folder / edition
                if (root / "Common7").is_dir() or (root / "VC").is_dir():
                    yield _studio(root, release.version, "folder", edition=edition, release=release.name)


def from_registry(facts: Facts) -> Iterator[VisualStudio]:
    """What the installer wrote down: the directory of each major version, and what it knows of every installation."""
    names = {release.version: release.name for release in facts.visual_studios.values()}
    for version, directory in registry_values(VERSIONS_KEY).items():
        major, root = version.partition(".")[0], Path(directory)
        if major in names and root.is_dir():
            yield _studio(root, version, "registry", edition=root.name, release=names[major])
    shared = Path(os.environ.get("PROGRAMDATA", ""), "Microsoft", "VisualStudio", "Packages")
    cache = Path(registry_values(SETUP_KEY).get("CachePath") or shared)
    for state in sorted(cache.glob("_Instances/*/state.json")) if cache.is_absolute() else ():
        studio = _from_state(state, facts)
        if studio:
            yield studio


def toolset_folder(root: Path) -> Path:
    """Where an installation keeps its toolsets, a directory for each."""
    return root / "VC" / "Tools" / "MSVC"


def installed_toolsets(root: Path) -> tuple[str, ...]:
    """Full versions of the toolsets whose x64 compiler is there, newest first."""
    directory = toolset_folder(root)
    names = [entry.name for entry in directory.iterdir()] if directory.is_dir() else []
    usable = [name for name in names if _version(name) and (directory / name / COMPILER).is_file()]
    return tuple(sorted(usable, key=Version, reverse=True))


def _from_state(state: Path, facts: Facts) -> VisualStudio | None:
    try:
        return _from_document(json.loads(state.read_text(encoding="utf-8-sig")), "registry", facts)
    except (OSError, ValueError):
        return None


def _from_document(entry: object, found_by: FoundBy, facts: Facts) -> VisualStudio | None:
    """An installation as vswhere and the installer both describe it; None when it is gone or can hold no compiler."""
    if not isinstance(entry, dict) or not isinstance(entry.get("installationPath"), str):
        return None
    root, product = Path(entry["installationPath"]), entry.get("product")
    product_id = str(entry.get("productId") or (product.get("id") if isinstance(product, dict) else "") or "")
    edition = product_id.removeprefix(PRODUCT) if product_id.startswith(PRODUCT) else root.name
    version, name = str(entry.get("installationVersion") or "0"), entry.get("displayName")
    studio = _studio(root, version, found_by, edition=edition, name=name if isinstance(name, str) else None)
    return studio if root.is_dir() and (studio.toolsets or edition in facts.editions) else None


def _studio(
    root: Path, version: str, found_by: FoundBy, *, edition: str, release: str = "", name: str | None = None
) -> VisualStudio:
    name = name or " ".join(word for word in ("Visual Studio", edition, release) if word)
    return VisualStudio(
        root=root, name=name, version=version, edition=edition, toolsets=installed_toolsets(root), found_by=found_by
    )


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _newest(studio: VisualStudio) -> tuple[Version, Iterable[Version]]:
    return _version(studio.version) or Version("0"), tuple(Version(toolset) for toolset in studio.toolsets)
