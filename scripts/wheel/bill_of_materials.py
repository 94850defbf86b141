"""The bill of materials inside a wheel (PEP 770): what it was made of, as CycloneDX 1.6; written and read here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from scripts.outgoing import redacted_values
from scripts.wheel.record import WheelSource
from scripts.wheel.third_party_code import CodeOfOthers

BILL = "sboms/deepspeed.cdx.json"  # below .dist-info/
FORMAT, SPEC = "CycloneDX", "1.6"
UPSTREAM = "https://github.com/deepspeedai/DeepSpeed"
PURLS = {"tag": "pkg:github/deepspeedai/DeepSpeed@v", "sdist": "pkg:pypi/deepspeed@"}  # by kind of source
OURS = "deepspeed-wheels:"  # begins the names of our properties
SHA256 = "SHA-256"
TORCH, DEEPSPEED, LIBRARY = "torch", "deepspeed", "library"
TOP = {  # what stands in a bill; a serial number, or a time, would be another in each
    "$schema",
    "bomFormat",
    "specVersion",
    "version",
    "metadata",
    "components",
    "dependencies",
    "formulation",
}
ABOUT = {"lifecycles", "tools", "component"}


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a wheel comes from."""

    version: str  # of the wheel, "0.19.8+cputorch2.13"
    target: str
    source: WheelSource
    edits: Mapping[str, str]  # patch that was applied -> the digest of what it changes
    titles: Mapping[str, str]  # the same -> what it is for
    torch: str  # "2.13.0+cpu"
    toolchain: Mapping[str, str]  # "compiler" -> "g++ (Debian 12.2.0-14) 12.2.0"
    choices: Mapping[str, str]  # "cpu-level" -> "avx2"
    commit: str  # of these tools; empty where it is not known


@dataclass(frozen=True, kw_only=True)
class StatedBill:
    """What the bill of a wheel says."""

    version: str
    kind: str  # of the source, "sdist"
    source_sha256: str
    patches: Mapping[str, str]  # with the digest of what each changes
    torch: str
    toolchain: Mapping[str, str]
    parties: frozenset[str]
    expression: str  # the licences of all that is inside
    licences: Mapping[str, str]  # path below .dist-info/ -> its sha256


def bill_text(
    provenance: Provenance, code: Iterable[CodeOfOthers], expression: str, licences: Mapping[str, bytes]
) -> str:
    """The bill, the same bytes for the same wheel; `licences` are files below .dist-info/, by their paths there."""
    others = [_component_of(each) for each in code]
    document = {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC}.schema.json",
        "bomFormat": FORMAT,
        "specVersion": SPEC,
        "version": 1,
        "metadata": {
            "lifecycles": [{"phase": "build"}],
            "tools": {"components": [_tool(provenance.commit)]},
            "component": _wheel(provenance, expression, licences),
        },
        "components": others,
        "dependencies": [{"ref": "wheel", "dependsOn": [each["bom-ref"] for each in others]}],
        "formulation": [{"components": list(_made_with(provenance))}],
    }
    return _as_written(redacted_values(document))


def _as_written(document: object) -> str:
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def _tool(commit: str) -> dict[str, Any]:
    found = {"type": "application", "name": "deepspeed-wheels"}
    return {**found, "version": commit} if commit else found


def _wheel(provenance: Provenance, expression: str, licences: Mapping[str, bytes]) -> dict[str, Any]:
    properties = {"target": provenance.target, **provenance.choices}
    properties |= {f"patch:{patch}": digest for patch, digest in provenance.edits.items()}
    return {
        "type": LIBRARY,
        "bom-ref": "wheel",
        "name": DEEPSPEED,
        "version": provenance.version,
        "purl": f"pkg:pypi/deepspeed@{quote(provenance.version, safe='')}",
        "licenses": [{"expression": expression}],
        "externalReferences": [
            {"type": "license", "url": path, "hashes": [_hash(hashlib.sha256(data).hexdigest())]}
            for path, data in sorted(licences.items())
        ],
        "pedigree": {"ancestors": [_ancestor(provenance)], "patches": list(_patches(provenance))},
        "properties": [{"name": OURS + name, "value": value} for name, value in sorted(properties.items())],
    }


def _hash(sha256: str) -> dict[str, str]:
    return {"alg": SHA256, "content": sha256}


def _ancestor(provenance: Provenance) -> dict[str, Any]:
    release = provenance.version.partition("+")[0]
    return {
        "type": "library",
        "name": "deepspeed",
        "version": release,
        "purl": PURLS[provenance.source.kind] + release,
        "hashes": [_hash(provenance.source.sha256)],
        "externalReferences": [{"type": "vcs", "url": UPSTREAM}],
    }


def _patches(provenance: Provenance) -> Iterator[dict[str, Any]]:
    for patch in provenance.edits:
        yield {
            "type": "unofficial",
            "resolves": [{"type": "defect", "id": patch, "name": provenance.titles[patch]}],
        }


def _component_of(code: CodeOfOthers) -> dict[str, Any]:
    party = code.party
    found = {
        "type": "library",
        "bom-ref": f"code:{party.name}",
        "name": party.name,
        "licenses": [{"license": {"id": party.licence}}],
        "externalReferences": [{"type": "vcs", "url": party.project}],
        "evidence": {"occurrences": [{"location": member} for member in code.members]},
    }
    return {**found, "copyright": "\n".join(party.copyright)} if party.copyright else found


def _made_with(provenance: Provenance) -> Iterator[dict[str, Any]]:
    purl = f"pkg:pypi/torch@{quote(provenance.torch, safe='')}"
    yield {"type": "library", "name": TORCH, "version": provenance.torch, "purl": purl}
    for name, version in sorted(provenance.toolchain.items()):
        yield {"type": "application", "name": name, "version": version}


def read_bill(text: str) -> StatedBill:
    """What the bill says; raises ValueError with what is wrong about it."""
    try:
        document = json.loads(text)
        if (document["bomFormat"], document["specVersion"]) != (FORMAT, SPEC):
            raise ValueError(f"is no {FORMAT} {SPEC}")
        if text != _as_written(document):
            raise ValueError("is not written as these tools write one: a name may stand in it twice")
        if more := sorted({*document} - TOP) + sorted({*document["metadata"]} - ABOUT):
            raise ValueError(f"has {', '.join(more)}, which would differ from build to build")
        wheel = document["metadata"]["component"]
        if (wheel["type"], wheel["name"]) != (LIBRARY, DEEPSPEED):
            raise ValueError(f"is of the {wheel['type']} {wheel['name']}")
        ancestor, made_with = wheel["pedigree"]["ancestors"][0], document["formulation"][0]["components"]
        tools = {str(each["name"]): str(each["version"]) for each in made_with}
        digests = {str(each["name"]): str(each["value"]) for each in wheel["properties"]}
        named = [str(patch["resolves"][0]["id"]) for patch in wheel["pedigree"]["patches"]]
        return StatedBill(
            version=str(wheel["version"]),
            kind=next(kind for kind, start in PURLS.items() if str(ancestor["purl"]).startswith(start)),
            source_sha256=str(ancestor["hashes"][0]["content"]),
            patches={patch: digests[f"{OURS}patch:{patch}"] for patch in named},
            torch=tools.pop(TORCH),
            toolchain=tools,
            parties=frozenset(str(each["name"]) for each in document["components"]),
            expression=str(wheel["licenses"][0]["expression"]),
            licences=dict(_licence(each) for each in wheel["externalReferences"] if each["type"] == "license"),
        )
    except (LookupError, TypeError, StopIteration, AttributeError, RecursionError) as error:
        raise ValueError(f"is not as these tools write one ({type(error).__name__}: {error})") from None


def _licence(reference: Mapping[str, Any]) -> tuple[str, str]:
    return str(reference["url"]), str(reference["hashes"][0]["content"])
