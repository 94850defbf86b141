"""What a file is that somebody took for a wheel: a package of another kind."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

GZIP, BZIP2, ZIP = b"\x1f\x8b", b"BZh", b"PK\x03\x04"


@dataclass(frozen=True)
class PackageKind:
    """A kind of package: how its files end, how they begin, and what that means for whoever has one."""

    ends: tuple[str, ...]
    begins: bytes
    words: str


KINDS = (
    PackageKind((".conda",), ZIP, "a conda package, which conda and mamba install, and pip and uv do not"),
    PackageKind((".tar.bz2",), BZIP2, "a conda package of the older kind, which pip and uv do not install"),
    PackageKind((".tar.gz", ".tgz"), GZIP, "a source archive, from which pip compiles DeepSpeed on each machine anew"),
    PackageKind((".zip",), ZIP, "a source archive or a folder that was packed, and nothing that was built for pip"),
    PackageKind((".egg",), ZIP, "an egg, which pip and uv have given up"),
)


def what_it_is(path: Path) -> str | None:
    """The kind of package in words; None for a file of none of these kinds, or that only is called like one."""
    kind = kind_named(path.name)
    if kind is None:
        return None
    try:
        with path.open("rb") as stream:
            begins = stream.read(len(kind.begins))
        if begins != kind.begins or (kind.begins == ZIP and not zipfile.is_zipfile(path)):
            return None
    except OSError:
        return None
    return kind.words


def kind_named(name: str) -> PackageKind | None:
    """The kind whose files are called so."""
    return next((kind for kind in KINDS if name.lower().endswith(kind.ends)), None)
