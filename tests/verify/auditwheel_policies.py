"""auditwheel's policy documents as rows of manylinux.yaml; written anew by

python -m tests.verify.auditwheel_policies
"""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Any

from packaging.version import Version

from scripts.facts.load import DATA

OLDEST = (2, 17)  # no torch of ours runs on an older one
OURS = ("CXXABI", "GCC", "GLIBC", "GLIBCXX")  # no op needs libatomic or zlib
HEAD = """\
# What every Linux of a manylinux level brings (PEP 600): auditwheel's policies for x86-64, each row with what it has
# beside the row before it. Older levels than 2.17 are left out, since no torch runs there, and so are zlib and
# libatomic, which no op needs.
# Written by `python -m tests.verify.auditwheel_policies` from the package auditwheel; a test compares them.
#   libraries  shared libraries
#   versions   of the symbols of glibc (GLIBC), libstdc++ (GLIBCXX, CXXABI) and libgcc (GCC)
#   hidden     symbols that are there and may not be used
policies:
"""
LEFT_OUT = ("libz.so.1", "libatomic.so.1")


def policies() -> list[dict[str, Any]]:
    """auditwheel's own, oldest first."""
    document = json.loads(files("auditwheel.policy").joinpath("manylinux-policy.json").read_text(encoding="utf-8"))
    levels = {tuple(map(int, m.groups())): p for p in document if (m := re.match(r"manylinux_(\d+)_(\d+)$", p["name"]))}
    return [levels[level] | {"glibc": ".".join(map(str, level))} for level in sorted(levels) if level >= OLDEST]


def rows() -> list[dict[str, Any]]:
    """The rows that these policies make."""
    found: list[dict[str, Any]] = []
    libraries: set[str] = set()
    versions: dict[str, set[str]] = {name: set() for name in OURS}
    for policy in policies():
        row: dict[str, Any] = {"glibc": policy["glibc"]}
        if new := set(policy["lib_whitelist"]) - libraries - {*LEFT_OUT}:
            row["libraries"] = sorted(new)
            libraries |= new
        listed = policy["symbol_versions"]["x86_64"]
        new_versions = {name: sorted(set(listed[name]) - versions[name], key=_order) for name in OURS}
        row["versions"] = {name: texts for name, texts in new_versions.items() if texts}
        versions = {name: versions[name] | set(listed[name]) for name in OURS}
        hidden = {symbol for lib, names in policy["blacklist"].items() if lib not in LEFT_OUT for symbol in names}
        found.append(row | ({"hidden": sorted(hidden)} if hidden else {}))
    return found


def _order(text: str) -> tuple[bool, Version, str]:
    return (True, Version("0"), text) if not text[0].isdigit() else (False, Version(text), text)


def as_yaml() -> str:
    """The document."""
    lines = [HEAD.rstrip("\n")]
    for row in rows():
        lines.append(f'  - glibc: "{row["glibc"]}"')
        if "libraries" in row:
            lines.append(f"    libraries: {_list(row['libraries'])}")
        lines.append("    versions:" if row["versions"] else "    versions: {}")
        lines += [f"      {name}: {_list(texts)}" for name, texts in row["versions"].items()]
        if "hidden" in row:
            lines.append(f"    hidden: {_list(row['hidden'])}")
        lines.append("    source: [auditwheel]")
    return "\n".join(lines) + "\n"


def _list(texts: list[str]) -> str:
    return "[" + ", ".join(f'"{text}"' for text in texts) + "]"


if __name__ == "__main__":
    (DATA / "manylinux.yaml").write_text(as_yaml(), encoding="utf-8")
