"""The index of variant wheels: `variants/torch2.6/` for each torch minor, in which a client chooses by driver and GPU.

An index has one torch minor since no client looks at the torch of an environment yet: PEP 850's draft has variants by
ABI dependency, and uv 0.13.9 turns down every wheel with such a property.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import defaultdict
from collections.abc import Mapping
from html import escape
from pathlib import Path

from scripts.files import Content, sha256_of
from scripts.index.simple_index import HEAD, PROJECT, TAIL
from scripts.wheel.core_metadata import SUFFIX
from scripts.wheel.record import WheelRecord
from scripts.wheel.variant_wheel import NULL, Properties, variant_document, variant_properties, write_variant

VARIANTS = "variants/"


def variant_files(wheels: Mapping[Path, WheelRecord], folder: Path) -> dict[str, Content]:
    """Every file of the index by its path below the site; the wheels are written into `folder`, each by itself."""
    files: dict[str, Content] = {}
    links: dict[str, list[str]] = defaultdict(list)
    labels: dict[str, dict[str, Properties]] = defaultdict(dict)
    for wheel, record in sorted(wheels.items(), key=lambda item: item[1].target.sort_key()):
        index = f"{VARIANTS}torch{record.target.torch_minor}/{PROJECT}/"
        label = _label(record, labels[f"{index}{PROJECT}-{record.target.deepspeed}-variants.json"])
        own = folder / record.sha256
        own.mkdir(parents=True)
        variant = write_variant(wheel, record, label, own)
        name = variant.path.name
        files |= {f"{index}{name}": variant.path, f"{index}{name}{SUFFIX}": variant.metadata}
        links[index].append(_link(name, sha256_of(variant.path), variant.metadata, record))
    for document, variants in labels.items():
        files[document] = text = variant_document(variants)
        index, name = document.rsplit("/", 1)
        digest = hashlib.sha256(text.encode()).hexdigest()
        links[f"{index}/"].append(f'<a href="{name}#sha256={digest}">{name}</a><br>\n')
    for index, rows in links.items():
        above = index.removesuffix(f"{PROJECT}/")
        files[f"{index}index.html"] = HEAD % (PROJECT, PROJECT) + "".join(rows) + TAIL
        files[f"{above}index.html"] = HEAD % ("Index", above) + f'<a href="{PROJECT}/">{PROJECT}</a><br>\n' + TAIL
    return files


def _label(record: WheelRecord, known: dict[str, Properties]) -> str:
    """`cu124`, or `cu124_2` for the second set of GPUs: of one label all wheels of a version have the same properties.

    `null` for the CPU, since that fits everywhere.
    """
    found = variant_properties(record)
    names = (f"{record.target.cuda}{f'_{number}' if number > 1 else ''}" for number in itertools.count(1))
    label = next(name for name in names if known.get(name, found) == found) if found else NULL
    known[label] = found
    return label


def _link(name: str, sha256: str, metadata: bytes, record: WheelRecord) -> str:
    attributes = {
        "data-requires-python": record.requires_python,
        "data-core-metadata": f"sha256={hashlib.sha256(metadata).hexdigest()}",
        "data-upload-time": record.uploaded,
    }
    shown = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items() if value)
    return f'<a href="{escape(name)}#sha256={sha256}"{shown}>{escape(name)}</a><br>\n'
