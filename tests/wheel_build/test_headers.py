"""Which local files an op is made from: never fewer than the compiler reads."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from scripts.wheel_build.headers import include_dirs, reach
from tests.wheel_build.factories import GXX, write_tree

TREE = {
    "csrc/op/op.cpp": '#include "local.h"\n#include <nested/a.h>\n# include "../shared/up.h"\n#include <vector>\n',
    "csrc/op/local.h": "#pragma once\n",
    "csrc/op/unused.h": "#error not reached\n",
    "csrc/includes/nested/a.h": '#include "b.h"\n',
    "csrc/includes/nested/b.h": "\t#\tinclude\t<c.h>\n",
    "csrc/includes/c.h": "#pragma once\n#include <nested/a.h>\n",
    "csrc/shared/up.h": "#if 0\n#include <never.h>\n#endif\n",
    "csrc/includes/never.h": "\n",
}


def names(files: tuple[Path, ...], root: Path) -> set[str]:
    return {file.relative_to(root).as_posix() for file in files}


def test_reach_follows_nested_relative_and_conditional_includes(tmp_path: Path) -> None:
    root = write_tree(tmp_path, TREE)
    found = reach(root / "csrc/op/op.cpp", [root / "csrc/includes"], root)
    assert names(found.files, root) == set(TREE) - {"csrc/op/unused.h"}
    assert found.outside == {"vector"}


@pytest.mark.skipif(os.name == "nt", reason="g++")
def test_reach_holds_everything_that_the_compiler_reads(tmp_path: Path) -> None:
    root = write_tree(tmp_path, TREE)
    argv = [GXX, "-MM", "-Icsrc/includes", "csrc/op/op.cpp"]
    answer = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=True)
    words = answer.stdout.replace("\\\n", " ").split()[1:]
    read = {(root / word).resolve().relative_to(root).as_posix() for word in words}
    assert len(read) > 4
    assert read <= names(reach(root / "csrc/op/op.cpp", [root / "csrc/includes"], root).files, root)


@pytest.mark.parametrize(
    "line",
    [
        '#include "h.h"\r',
        '/* first */ #include "h.h"',
        '#include /* why */ "h.h"',
        '#include "h.h" // why',
        '\ufeff#include "h.h"',
        '#import "h.h"',
        '#include_next "h.h"',
    ],
)
def test_reach_sees_every_way_to_write_an_include(tmp_path: Path, line: str) -> None:
    root = write_tree(tmp_path, {"a.cpp": line + "\n", "h.h": ""})
    assert names(reach(root / "a.cpp", [], root).files, root) == {"a.cpp", "h.h"}


def test_what_lies_outside_the_source_tree_is_only_named(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "tree", {"a.cpp": '#include "../torch/t.h"\n#include <t.h>\n'})
    write_tree(tmp_path / "torch", {"t.h": '#include "deep.h"\n', "deep.h": ""})
    found = reach(root / "a.cpp", [tmp_path / "torch"], root)
    assert names(found.files, root) == {"a.cpp"}
    assert found.outside == {"../torch/t.h", "t.h"}


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a.cpp": "int a;\n", "late.h": ""})
    assert names(reach(root / "a.cpp", [], root).files, root) == {"a.cpp"}
    (root / "a.cpp").write_text('#include "late.h"\n')
    assert names(reach(root / "a.cpp", [], root).files, root) == {"a.cpp", "late.h"}


def test_include_folders_of_both_compilers_relative_ones_below_the_root(tmp_path: Path) -> None:
    argv = ["g++", "-Icsrc/includes", "-I", "/Iother", f"-I{tmp_path / 'abs'}", "-c", "a.cpp"]
    expected = [tmp_path / "csrc/includes", tmp_path / "other", tmp_path / "abs"]
    assert include_dirs(argv, tmp_path) == expected
