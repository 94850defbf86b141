"""Asks every source: the package index, the PyTorch index, NVIDIA's archive, and lists of Pythons and hosted images."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from scripts.command import Log, no_log
from scripts.facts.facts import Facts
from scripts.fetch.download import read_small
from scripts.fetch.index_client import open_index, packages_of
from scripts.watch.upstream_answers import (
    Releases,
    ServedFile,
    ServedImage,
    ServedRelease,
    Variants,
    World,
    asked,
)

if TYPE_CHECKING:
    from pypi_simple import DistributionPackage

LARGE = 64_000_000  # bytes of a page: the PyTorch index lists every file of torch on one
LONGEST = 2000  # characters of a link that are read
LINK = re.compile(r"""href=["']([^"']{1,1500})["']""", re.IGNORECASE)
DIGEST = re.compile(r"[0-9a-f]{64}")
LONGEST_NAME = 250  # of a file; a longer one can stand for more tags than there is memory for
VARIANT = re.compile(r"cpu|cu[0-9]{3}")
MANIFEST = re.compile(r"redistrib_(\d+\.\d+\.\d+)\.json")
STUDIO = re.compile(r"^\| Visual Studio (\w+) (\d{4})\s*\| (\d+\.\d+)[.\d]*\s*\|", re.MULTILINE)
COMPONENT = re.compile(r"^\| (Microsoft\.VisualStudio\.Component[\w.]+)\s*\|", re.MULTILINE)
RUNTIME = re.compile(r"^\| Microsoft Visual C\+\+ \d+ \w+ Runtime\s*\| x64\s*\| (\d+\.\d+)", re.MULTILINE)
LABEL = re.compile(r"`((?:windows|ubuntu)-\d[\d.]*)`")


def ask_the_world(facts: Facts, log: Log = no_log) -> World:
    """The answers of all sources that the data name; one that cannot be reached, or understood, is told as such."""
    pages = {page.read_as: page.address for page in facts.watched_pages}

    def index(project: str) -> Callable[[], Releases]:
        return lambda: releases_of(project)

    def page(name: str) -> str:
        return text_of(pages[name])

    return World(
        deepspeed=asked("deepspeed on the package index", index("deepspeed"), log),
        torch=asked("torch on the package index", index("torch"), log),
        toolkits=asked("cuda-toolkit on the package index", index("cuda-toolkit"), log),
        compilers=asked("nvidia-cuda-nvcc on the package index", index("nvidia-cuda-nvcc"), log),
        variants=asked(pages["torch-files"], lambda: variants_in(page("torch-files"), pages["torch-files"]), log),
        archives=asked(pages["cuda-archives"], lambda: archives_in(page("cuda-archives")), log),
        pythons=asked(pages["python-releases"], lambda: pythons_in(page("python-releases")), log),
        labels=asked(pages["image-labels"], lambda: labels_in(page("image-labels")), log),
        images={
            row.image: asked(row.address, lambda row=row: image_in(text_of(row.address)), log)  # type: ignore[misc]
            for row in facts.watched_images.values()
        },
    )


def text_of(address: str) -> str:
    """A page; raises PrerequisiteError when it is not given."""
    return read_small(address, LARGE).decode("utf-8", "replace")


def releases_of(project: str) -> Releases:
    """Every release of a project on the package index that is not yanked; raises ValueError when there is none."""
    files: dict[str, list[DistributionPackage]] = defaultdict(list)
    with open_index() as client:
        for package in packages_of(project, client):
            if not package.is_yanked and package.version and package.package_type in ("sdist", "wheel"):
                files[package.version].append(package)
    if not files:
        raise ValueError(f"the index has no {project}")
    found: dict[str, ServedRelease] = {}
    for version in _in_order(files):
        release = _release(version, files[version])
        found[release.version] = release
    return found


def _release(version: str, files: Iterable[DistributionPackage]) -> ServedRelease:
    files = list(files)
    days = [file.upload_time.date() for file in files if file.upload_time and file.package_type == "wheel"]
    sdists = [_file(file) for file in files if file.package_type == "sdist"]
    parsed = Version(version)
    return ServedRelease(
        version=full_release(parsed),
        day=min(days, default=None),
        sdist=sdists[0] if sdists else None,
        wheels=tuple(_file(file) for file in files if file.package_type == "wheel"),
        final=not parsed.is_prerelease,
    )


def full_release(version: Version) -> str:
    """`13.0.3` of `13.0.3.0`, as NVIDIA writes some; a candidate stays as it is."""
    release = version.release
    plain = len(release) == 4 and release[3] == 0 and not version.is_prerelease
    return ".".join(map(str, release[:3])) if plain else str(version)


def _in_order(versions: Iterable[str]) -> list[str]:
    valid = []
    for text in versions:
        try:
            valid.append((Version(text), text))
        except InvalidVersion:
            continue
    return [text for _, text in sorted(valid)]


def _file(package: DistributionPackage) -> ServedFile:
    digest = (package.digests or {}).get("sha256", "")
    day = package.upload_time.date() if package.upload_time else None
    return ServedFile(name=package.filename, url=package.url, size=package.size or 0, sha256=digest, day=day)


def variants_in(page: str, address: str) -> Variants:
    """torch's wheels on a page of links, by release, system and variant; raises ValueError when there is none."""
    found: dict[str, dict[str, dict[str, list[ServedFile]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for href, digest in links_in(page):
        name = unquote(href).rsplit("/", 1)[-1]
        try:
            project, version, _, tags = parse_wheel_filename(name[:LONGEST_NAME])
        except InvalidWheelFilename:
            continue
        system = next((one for tag in tags if (one := system_of(tag.platform))), "")
        if canonicalize_name(project) != "torch" or version.is_prerelease or not system:
            continue
        if VARIANT.fullmatch(version.local or ""):
            file = ServedFile(name=name, url=urljoin(address, href), size=0, sha256=digest)
            found[version.public][system][str(version.local)].append(file)
    if not found:
        raise ValueError("it lists no wheel of torch")
    return {
        release: {system: {variant: tuple(files) for variant, files in row.items()} for system, row in systems.items()}
        for release, systems in found.items()
    }


def links_in(page: str) -> Iterator[tuple[str, str]]:
    """The address of each link of a page, and the sha256 behind it, empty where there is none."""
    for part in re.split(r"<a\s", page, flags=re.IGNORECASE)[1:]:
        if found := LINK.search(part[:LONGEST]):
            href, _, digest = found[1].partition("#sha256=")
            yield href.partition("#")[0], digest if DIGEST.fullmatch(digest) else ""


def system_of(platform: str) -> str:
    """The system of the data that a wheel's platform tag means; empty for any other."""
    if platform == "win_amd64":
        return "windows"
    return "linux" if "linux" in platform and platform.endswith("x86_64") else ""


def archives_in(page: str) -> tuple[str, ...]:
    """The toolkits whose manifests a page lists; raises ValueError when there is none."""
    found = tuple(_in_order(set(MANIFEST.findall(page))))
    if not found:
        raise ValueError("it lists no manifest")
    return found


def pythons_in(page: str) -> tuple[str, ...]:
    """The minors of a release calendar; raises ValueError for another document."""
    document = json.loads(page)
    found = tuple(_in_order(name for name in document if re.fullmatch(r"3\.\d+", name)))
    if not found:
        raise ValueError("it holds no release of Python 3")
    return found


def labels_in(page: str) -> tuple[str, ...]:
    """The labels of hosted images; raises ValueError when the page names none."""
    found = tuple(sorted(set(LABEL.findall(page))))
    if not found:
        raise ValueError("it names no image")
    return found


def image_in(page: str) -> ServedImage:
    """What the list of an image's software says; raises ValueError when it names no Visual Studio."""
    studio = STUDIO.search(page)
    runtimes = _in_order(RUNTIME.findall(page))
    if not studio or not runtimes:
        raise ValueError("it names no Visual Studio, or no run-time library")
    return ServedImage(
        visual_studio=f"{studio[2]} {studio[1]} {studio[3]}",
        components=frozenset(COMPONENT.findall(page)),
        toolset=runtimes[-1],
    )
