"""What pip and uv refuse, or install each in its own way, although the zip and its digests are sound."""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.metadata import InvalidMetadata, Metadata, parse_email
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from scripts.verify.check import Verdict, verdict
from scripts.wheel.content import WheelContent

OUR_MAJOR = 1  # of the wheel format: pip and uv refuse another
WHEEL_VERSION = re.compile(r"([0-9]+)\.([0-9]+)")
MOST = 40  # minors of a Python, and patch releases of one, are asked against Requires-Python
# what decides whether, and where, a wheel is installed; what else is unusual in METADATA hinders nobody
DECIDING = ("metadata_version", "requires_python", "provides_extra")


def check_installers(content: WheelContent) -> Verdict:
    """pip and uv both install the wheel, in the same way, on the Pythons of its tags."""
    return verdict([*_of_wheel(content), *_of_metadata(content)], "what pip and uv ask of a wheel holds")


def _of_wheel(content: WheelContent) -> Iterator[str]:
    stated = content.headers("WHEEL")
    for name in ("Wheel-Version", "Root-Is-Purelib"):
        if len(stated.get_all(name, [])) > 1:
            yield f"WHEEL has {name} twice: each installer takes its own"
            return
    version = WHEEL_VERSION.fullmatch(str(stated.get("Wheel-Version", "")).strip())
    if version is None:
        yield f"WHEEL has Wheel-Version {stated.get('Wheel-Version')!r}: pip and uv refuse what is no version"
    elif int(version[1]) != OUR_MAJOR:
        yield f"WHEEL has Wheel-Version {version[0]}: pip and uv refuse another than {OUR_MAJOR}.x"
    pure = str(stated.get("Root-Is-Purelib", "")).strip().lower()
    if pure not in ("true", "false"):
        yield f"WHEEL has Root-Is-Purelib {stated.get('Root-Is-Purelib')!r}, neither true nor false"
    elif pure == "true" and content.extensions:
        yield "WHEEL has Root-Is-Purelib true, and there are compiled modules: they would be installed as pure Python"


def _of_metadata(content: WheelContent) -> Iterator[str]:
    text = content.metadata_file("METADATA") or ""
    if "\0" in text or "\N{REPLACEMENT CHARACTER}" in text:
        yield "METADATA is not all text in UTF-8"
    raw, unparsed = parse_email(text)
    for name in DECIDING:
        key = name.replace("_", "-")
        if key in unparsed:
            yield f"METADATA has {key.title()} {unparsed[key]}, which cannot be read"
    try:
        metadata = Metadata.from_raw(raw, validate=False)
    except (InvalidMetadata, ValueError) as error:
        yield f"METADATA cannot be read: {error}"
        return
    for name in DECIDING:
        try:
            getattr(metadata, name)
        except InvalidMetadata as error:
            yield f"METADATA has {error.field} that cannot be read: {error}"
    yield from _python(content)


def _python(content: WheelContent) -> Iterator[str]:
    """Whether the Pythons that the tags name are those that METADATA asks for: a minor with all its patch releases."""
    stated = content.headers("METADATA").get("Requires-Python")
    try:
        asked = SpecifierSet(stated or "")
    except InvalidSpecifier:
        return  # told above
    for tag in sorted(content.tags, key=str):
        found = re.fullmatch(r"(?:cp|py)([0-9])([0-9]*)", tag.interpreter)
        if not found:
            continue
        suited = [asked.contains(version) for version in _versions(found[1], found[2])]
        if not (all(suited) if found[2] else any(suited)):
            yield f"METADATA asks for Python {stated}, the tag is {tag.interpreter}"


def _versions(major: str, minor: str) -> Iterator[Version]:
    """The Pythons that a tag may mean: all patch releases of a minor, or all minors of a major."""
    if minor:
        yield from (Version(f"{major}.{minor}.{patch}") for patch in range(MOST))
    else:
        yield from (Version(f"{major}.{number}") for number in range(MOST))
