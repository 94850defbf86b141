"""A wheel as a variant wheel of PEP 825: the same files, the label in its name and the properties in its metadata.

All variants have one version, so the local label, which says the variant in our own names, goes out of it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.errors import InputError
from scripts.files import record_digest
from scripts.wheel.content import open_wheel
from scripts.wheel.record import WheelRecord

SCHEMA = "https://variants-schema.wheelnext.dev/peps/825/v0.1.1.json"  # the draft that uv 0.13.9 reads
NULL = "null"  # the variant that fits everywhere
NVIDIA = "nvidia"
# Which provider says what a system has; no part of PEP 825 yet, and uv runs its own copy of this one.
PROVIDERS = {
    NVIDIA: {
        "plugin-api": "nvidia_variant_provider.plugin:NvidiaVariantPlugin",
        "requires": ["nvidia-variant-provider"],
    }
}
Properties = Mapping[str, Mapping[str, list[str]]]
VERSION = re.compile(rb"^Version: .*$", re.M)
FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # a zip knows no earlier one


def variant_properties(record: WheelRecord) -> Properties:
    """What a system must have: a driver for the CUDA, and a GPU that the wheel has code for."""
    wanted = record.target.cuda_version
    if wanted is None:
        return {}
    codes = [arch.removesuffix("+PTX").replace(".", "") for arch in record.arches]
    real = [f"{code}_real" for code in codes]
    virtual = [f"{code}_virtual" for code, arch in zip(codes, record.arches, strict=True) if arch.endswith("+PTX")]
    arches = {"sm_arch": sorted([*real, *virtual])} if codes else {}
    return {NVIDIA: {"cuda_version_lower_bound": [wanted], **arches}}


def variant_document(variants: Mapping[str, Properties]) -> str:
    """The JSON that maps labels to their properties, of a wheel or of an index."""
    document: dict[str, Any] = {
        "$schema": SCHEMA,
        "default-priorities": {"namespace": [NVIDIA]},
        "providers": PROVIDERS,
        "variants": variants,
    }
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


@dataclass(frozen=True, kw_only=True)
class VariantWheel:
    """A variant wheel that was written, and its METADATA."""

    path: Path
    metadata: bytes


def write_variant(wheel: Path, record: WheelRecord, label: str, folder: Path) -> VariantWheel:
    """The wheel as the variant of this label, in the folder; raises InputError for a wheel that cannot be read.

    The same wheel gives the same bytes.
    """
    target = record.target
    tag = target.tag_for(record.platform_tag or target.platform)
    path = folder / f"deepspeed-{target.deepspeed}-{tag}-{label}.whl"
    after, rows = f"deepspeed-{target.deepspeed}.dist-info", list[tuple[str, str, str]]()
    metadata = b""
    with open_wheel(wheel) as content, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        before = content.info_folder
        if not before:
            raise InputError(f"{wheel}: has no METADATA, or two .dist-info; build it again", id="not-a-wheel")
        for info in content.files.infos:
            inside = info.filename.removeprefix(f"{before}/")
            name = info.filename if inside == info.filename else f"{after}/{inside}"
            data = content.files.zip.read(info)
            if name == f"{after}/RECORD":
                continue
            if name == f"{after}/METADATA":
                metadata = data = VERSION.sub(f"Version: {target.deepspeed}".encode(), data, count=1)
            rows.append(_write(archive, _info(name, info), data))
        document = variant_document({label: variant_properties(record)})
        rows.append(_write(archive, _info(f"{after}/variant.json"), document.encode()))
        archive.writestr(_info(f"{after}/RECORD"), _csv([*rows, (f"{after}/RECORD", "", "")]))
    return VariantWheel(path=path, metadata=metadata)


def _write(archive: zipfile.ZipFile, info: zipfile.ZipInfo, data: bytes) -> tuple[str, str, str]:
    """Write a file, and give its row of RECORD."""
    archive.writestr(info, data)
    return (info.filename, f"sha256={record_digest(hashlib.sha256(data).digest())}", str(len(data)))


def _info(name: str, known: zipfile.ZipInfo | None = None) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, known.date_time if known else FIRST_DAY)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system, info.external_attr = (3, known.external_attr if known else 0o644 << 16)
    return info


def _csv(rows: list[tuple[str, str, str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
