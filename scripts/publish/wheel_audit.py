"""Whether a wheel is what its manifest and its target say: read again before it is published, and never run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from scripts.facts.load import load_facts
from scripts.verify.check import Report
from scripts.verify.promises import promises_of
from scripts.verify.static import verify_file
from scripts.wheel.content import open_wheel
from scripts.wheel.core_metadata import metadata_entry
from scripts.wheel.record import WheelRecord

KINDS = ("tag", "sdist")  # of source


def audit_of(wheel: Path, record: WheelRecord) -> Report:
    """The audit of the file as it is here, its code compared with what the manifest promises of it."""
    return verify_file(wheel, promises_of(record))


def contradictions(wheel: Path, record: WheelRecord) -> Iterator[str]:
    """Whatever the manifest says that the file, its target or a row of the data does not say."""
    with open_wheel(wheel) as content:
        info = content.build_info()
        required = {canonicalize_name(requirement.name) for requirement in content.requirements()}
    stated = metadata_entry(wheel)["requires_python"]
    python = None if stated is None else _normal(stated)
    for what, said, found in (
        ("wheel.bytes", record.bytes, wheel.stat().st_size),
        ("metadata.requires_python", record.requires_python, python),
        ("ops", sorted(record.ops), sorted(info.ops) if info else None),
        ("torch", record.torch.partition("+")[0], record.target.torch),
    ):
        if said != found:
            yield f"{what} is {said!r} in its manifest, and {found!r} here"
    if foreign := sorted(required - _known_packages()):
        yield f"it requires {', '.join(foreign)}, which environment.yaml does not have among what DeepSpeed requires"
    yield from _unknown(record)


def _normal(specifiers: str) -> str:
    """As records write it; what is no range of versions as it is."""
    try:
        return str(SpecifierSet(specifiers))
    except InvalidSpecifier:
        return specifiers


def _known_packages() -> set[str]:
    """What a DeepSpeed wheel may make an installer fetch."""
    facts = load_facts()
    requirements = facts.build_requirements
    rows = (*requirements.packages, *requirements.also_required, *(row.add for row in facts.added_requirements))
    return {canonicalize_name(Requirement(row).name) for row in rows}


def _unknown(record: WheelRecord) -> Iterator[str]:
    """What no row knows, so that nothing could be compared with it."""
    facts = load_facts()
    if record.cpu_level not in facts.cpu_levels:
        yield f"cpu_level is {record.cpu_level!r} in its manifest, which cpu.yaml does not have"
    if record.target.cuda != "cpu" and not record.arches:
        yield "arches is empty in its manifest, though it is for CUDA"
    if record.source.kind not in KINDS:
        yield f"source.kind is {record.source.kind!r} in its manifest; it is one of {', '.join(KINDS)}"
    release = facts.deepspeed.get(record.target.deepspeed)
    pinned = release.sdist_sha256 if release else None
    if record.source.kind == "sdist" and pinned and record.source.sha256 != pinned:
        yield f"source.sha256 is {record.source.sha256} in its manifest, and {pinned} in deepspeed.yaml"
