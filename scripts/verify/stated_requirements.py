"""What installing a wheel installs beside it: what its release asks for, and the torch its ops were compiled with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.facts.facts import Facts
from scripts.facts.load import load_facts
from scripts.verify.check import Verdict, verdict
from scripts.verify.source_match import SourceMatch
from scripts.versions import minor_of
from scripts.wheel.content import UNREADABLE, WheelContent, read_requirement

TORCH = "torch"  # a check of its own tells of it
PLACE_OF_OTHERS = ("Provides-Dist", "Obsoletes-Dist")  # old headers that say a package takes another's place
IMPORTED = ("Import-Name", "Import-Namespace")  # PEP 794: what the package is imported as
OURS = "deepspeed"


def check_requirements(match: SourceMatch) -> Verdict:
    """Each Requires-Dist can be read and is one of the release's, each of these is there; an index says where from."""
    content = match.recorded.content
    stated = content.headers("METADATA").get_all("Requires-Dist", [])
    faults = [f"{text!r} cannot be read" for text in stated if read_requirement(text) is None]
    faults += [f"{r.name} would come from {r.url}" for text in stated if (r := read_requirement(text)) and r.url]
    faults += _claims(content)
    if not faults and match.source and match.source.requires:
        faults += _unlike_release(content, match.source.requires, load_facts())
    return verdict(faults, f"{len(stated)}, each by name")


def _claims(content: WheelContent) -> Iterator[str]:
    headers = content.headers("METADATA")
    for name in PLACE_OF_OTHERS:
        for value in headers.get_all(name, []):
            yield f"METADATA has {name} {value}, and DeepSpeed stands for no other package"
    for name in IMPORTED:
        for value in headers.get_all(name, []):
            if value.partition(";")[0].strip().partition(".")[0] != OURS:
                yield f"METADATA has {name} {value}, and DeepSpeed is imported as {OURS}"


def _unlike_release(content: WheelContent, requires: tuple[str, ...], facts: Facts) -> Iterator[str]:
    """Where it asks for something else than the release's own requirements, and what our wheels add to them."""
    release = content.version.public
    wanted = {canonicalize_name(r.name): r for r in map(Requirement, requires)}
    added = _added(facts)
    found: dict[str, Requirement] = {}
    for requirement in content.requirements():
        name = canonicalize_name(requirement.name)
        if name == TORCH:
            continue
        if name in found:
            yield f"it requires {found[name]} and {requirement}"
        found[name] = requirement
        expected = wanted.get(name) or added.get(name)
        if expected is None:
            yield f"it requires {requirement}, which DeepSpeed {release} does not"
        elif (requirement.specifier, requirement.marker) != (expected.specifier, expected.marker):
            yield f"it requires {requirement}, DeepSpeed {release} {expected}"
    for name in sorted(set(wanted) - {*found, TORCH}):
        yield f"it does not require {wanted[name]}, which DeepSpeed {release} does"


def _added(facts: Facts) -> Mapping[str, Requirement]:
    """By name, what a wheel may require beside its release's own: what upstream's setup.py and our builds add."""
    texts = [*facts.build_requirements.also_required, *(row.add for row in facts.added_requirements)]
    rows = (row for op in facts.ops.values() for rows in op.support.values() for row in rows)
    texts += [text for row in rows for text in row.packages]
    return {canonicalize_name(r.name): r for r in map(Requirement, texts)}


def check_torch(content: WheelContent) -> Verdict:
    """Requires-Dist pins torch to the minor that the ops were compiled with."""
    info = content.build_info()
    if info is None:
        return False, UNREADABLE
    if not content.extensions:
        return None, "nothing compiled inside: any torch will do"
    requirements = [r for r in content.requirements() if canonicalize_name(r.name) == TORCH]
    found = [_words(requirement) for requirement in requirements]
    minor = minor_of(str(info.torch.get("version")))
    if found == [f"=={minor}.*"]:
        return True, f"torch=={minor}.*"
    return False, f"built with torch {minor}, but requires {' and '.join(found) or 'no torch'}, not =={minor}.*"


def _words(requirement: Requirement) -> str:
    where = f" where {requirement.marker}" if requirement.marker else ""
    return f"{requirement.specifier or 'any version'}{where}"
