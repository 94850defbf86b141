"""`Promises`: what the builder of a wheel states of its code; a wheel cannot state it by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.errors import DataError
from scripts.facts.facts import Facts
from scripts.wheel.documents import read_manifest
from scripts.wheel.manifest import manifest_path
from scripts.wheel.record import WheelRecord, WheelSource


@dataclass(frozen=True, kw_only=True)
class Promises:
    """What a wheel was built for and from, and its digest; None for what is not stated."""

    arches: str | None = None  # as TORCH_CUDA_ARCH_LIST, "8.0;9.0+PTX"
    cpu_level: str | None = None  # a level of cpu.yaml, "avx2"
    patches: tuple[str, ...] | None = None  # ids of deepspeed.yaml; none for () and not stated for None
    sha256: str | None = None
    source: WheelSource | None = None
    torch: str | None = None  # "2.6.0+cu124"
    toolchain: Mapping[str, str] | None = None
    fault: str = ""  # why the manifest, which is there, cannot be read

    def faults(self, sha256: str, facts: Facts) -> Iterator[str]:
        """Why the promises cannot be compared with the file of this digest: whatever they are, it fails."""
        if self.fault:
            yield self.fault
        if self.sha256 not in (None, sha256):
            yield f"it is another file's: sha256 {sha256} is not {self.sha256}"
        if self.cpu_level is not None and self.cpu_level not in facts.cpu_levels:
            yield f"it promises the CPU level {self.cpu_level!r}, which cpu.yaml does not have"
        if unknown := sorted(set(self.patches or ()) - {patch.id for patch in facts.patches}):
            yield f"it names the patches {', '.join(unknown)}, which deepspeed.yaml does not have"


NOTHING_PROMISED = Promises()


def read_promises(wheel: Path) -> Promises:
    """What the manifest beside a wheel states of it; nothing when there is none."""
    manifest = manifest_path(wheel)
    try:
        record = read_manifest(manifest.read_bytes(), manifest.name)
    except (FileNotFoundError, NotADirectoryError):
        return NOTHING_PROMISED
    except OSError as error:
        return Promises(fault=f"{manifest.name} cannot be read: {error.strerror}")
    except DataError as error:
        return Promises(fault=str(error))
    if record.file != wheel.name:
        return Promises(fault=f"{manifest.name} is that of {record.file}")
    return promises_of(record, sha256=record.sha256)


def promises_of(record: WheelRecord, sha256: str | None = None) -> Promises:
    """What a manifest states of its wheel."""
    arches = ";".join(record.arches) or None
    return Promises(
        arches=arches,
        cpu_level=record.cpu_level,
        patches=record.source.patches,
        sha256=sha256,
        source=record.source,
        torch=record.torch,
        toolchain=record.toolchain,
    )
