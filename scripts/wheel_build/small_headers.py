"""A smaller torch/extension.h for g++: tensors alone, or tensors and bindings, found earlier on the include path.

torch's own holds the whole C++ frontend (modules, optimizers, data loaders), of which no op of DeepSpeed uses a word,
and parsing it is most of what a unit costs (docs/design.md, Measured). Each unit gets the smallest that its own files
ask for. One that does not compile with it compiles with torch's, so a release that uses more costs time, not a wheel.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path

from scripts.wheel_build.headers import include_dirs, reach
from scripts.wheel_build.precompiled import HEADER, SMALL
from scripts.wheel_build.recipe import Unit

PLACE = "small-headers"  # what stands for the directory in keys
NAMED = "-DTORCH_EXTENSION_NAME="  # the module, which only a binding mentions
BINDS = re.compile(rb"PYBIND11|pybind11|\bpy::|\bPy[A-Z]|\bTHP|torch::python|torch/python\.h|TORCH_EXTENSION_NAME")


def with_small_header(unit: Unit, root: Path) -> Unit:
    """The unit with the smallest header that serves it; as it is where it includes none of torch's, or g++ is not run.

    A unit without bindings is not told the module's name either, so that it is the same unit in every op.
    """
    if "g++" not in Path(unit.argv[0]).name or not unit.source.endswith((".cpp", ".cc")):
        return unit
    found = reach((root / unit.source).resolve(), include_dirs(unit.argv, root), root)
    if HEADER not in found.outside:
        return unit
    binds = any(BINDS.search(file.read_bytes()) for file in found.files)
    folder = SMALL / ("bindings" if binds else "tensors")
    kept = [word for word in unit.argv[1:] if binds or not word.startswith(NAMED)]
    return replace(unit, argv=(unit.argv[0], f"-I{folder}", *kept), plain=unit.argv)


def small_headers_digest() -> str:
    """What the headers hold: it belongs to the key of every op."""
    texts = [path.read_bytes() for path in sorted(SMALL.rglob("*.h"))]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()[:16]
