"""`Promises`: what the builder of a wheel states of its code; a wheel cannot state it by itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scripts.errors import DataError
from scripts.wheel.documents import read_manifest
from scripts.wheel.manifest import manifest_path


@dataclass(frozen=True, kw_only=True)
class Promises:
    """The architectures and the CPU level a wheel was built for, and its digest; None for what is not stated."""

    arches: str | None = None  # as TORCH_CUDA_ARCH_LIST, "8.0;9.0+PTX"
    cpu_level: str | None = None  # a level of cpu.yaml, "avx2"
    sha256: str | None = None
    fault: str = ""  # why the manifest, which is there, cannot be read


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
    return Promises(arches=";".join(record.arches), cpu_level=record.cpu_level, sha256=record.sha256)
