"""A unit is compiled once, whatever folder, Python or torch it is compiled for; and never taken for another."""

from __future__ import annotations

import errno
import os
import random
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from scripts.stamp import read_record, write_record
from scripts.wheel_build.cache import META, OpCache
from scripts.wheel_build.compile import Compiler
from scripts.wheel_build.object_cache import ObjectCache
from scripts.wheel_build.prepare import CompileSettings
from scripts.wheel_build.progress import Progress
from scripts.wheel_build.recipe import Recipe
from scripts.wheel_build.unit_reading import Disk
from tests.wheel_build.factories import (
    count_calls,
    counting_compiler,
    make_op,
    make_recipe,
    make_settings,
    quiet_progress,
    write_tree,
)

pytestmark = pytest.mark.skipif(os.name == "nt", reason="g++")

SOURCE = {
    "csrc/plain.cpp": '#include "own.h"\n#include <torch/types.h>\nint plain() { return OWN + TYPES; }\n',
    "csrc/binding.cpp": "#include <torch/types.h>\n#include <Python.h>\nint binding() { return TYPES + PY; }\n",
    "csrc/own.h": "#pragma once\n#if __has_include(<tuning.h>)\n#include <tuning.h>\n#else\n#define OWN 1\n#endif\n",
    "csrc/includes/unused.h": "",
}
TORCH = {
    "include/torch/types.h": "#pragma once\n#include <deep/inner.h>\n#define TYPES (INNER + 1)\n",
    "include/deep/inner.h": '#pragma once\n#include "same.h"\n#define INNER SAME\n',
    "include/deep/same.h": "#pragma once\n#define SAME 5\n",
    "include/deep/unread.h": "#define UNREAD 1\n",
}
PYTHON = {"Python.h": "#pragma once\n#define PY 30\n"}


@dataclass(frozen=True, kw_only=True)
class Place:
    """One build: its source, torch and Python, each in a folder of its own, and a compiler that counts its calls."""

    folder: Path
    cache: ObjectCache
    ops: OpCache | None = None
    flags: tuple[str, ...] = ()
    identity: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)

    def make(self) -> Place:
        write_tree(self.folder / "source", SOURCE)
        write_tree(self.folder / "torch", TORCH)
        write_tree(self.folder / "python", PYTHON)
        (self.folder / "own").mkdir()
        time.sleep(0.03)  # a file that is as new as the compile is not trusted
        return self

    def recipe(self, compiler: Path) -> Recipe:
        root = self.folder / "source"
        words = (
            f"-I{root}/csrc/includes",
            f"-I{self.folder}/own",
            f"-I{self.folder}/torch/include",
            f"-I{self.folder}/python",
            f"-ffile-prefix-map={root}=.",
            f"-ffile-prefix-map={self.folder}=environment",
            *self.flags,
        )
        files = ("csrc/plain.cpp", "csrc/binding.cpp")
        return make_recipe([make_op(root, "op", files, self.folder / "recorded", compiler=str(compiler), extra=words)])

    def build(self) -> tuple[int, dict[str, bytes]]:
        """How many units were compiled, and the bytes of every object."""
        compiler, calls = counting_compiler(self.folder / "bin")
        root = self.folder / "source"
        settings: CompileSettings = make_settings(
            root,
            self.folder,
            cache=self.ops,
            units=replace(self.cache, disk=type(self.cache.disk)()),
            unit_identity={"compiler": "g++ of the test", **self.identity},
            directories={
                "source": str(root),
                "torch": str(self.folder / "torch"),
                "python-headers": str(self.folder / "python"),
                "compiler": str(compiler),
                "work": str(self.folder),
            },
            env={"LC_ALL": "C", **self.env},
        )
        shutil.rmtree(settings.objects, ignore_errors=True)
        calls.unlink(missing_ok=True)
        with quiet_progress(self.folder) as progress:
            Compiler(self.recipe(compiler), settings, progress).run()
        compiled = sum(" -c " in line for line in calls.read_text().splitlines()) if count_calls(calls) else 0
        return compiled, {path.name[3:]: path.read_bytes() for path in sorted(settings.objects.rglob("*.o"))}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(folder=tmp_path / "first", cache=ObjectCache(tmp_path / "units")).make()


def test_the_same_units_in_another_folder_are_taken_as_they_are(place: Place, tmp_path: Path) -> None:
    assert place.build()[0] == 2
    compiled, objects = replace(place, folder=tmp_path / "elsewhere").make().build()
    assert compiled == 0
    assert objects == place.build()[1]


def test_another_python_compiles_only_what_reaches_its_headers(place: Place, tmp_path: Path) -> None:
    place.build()
    other = replace(place, folder=tmp_path / "second").make()
    (other.folder / "python/Python.h").write_text("#pragma once\n#define PY 31\n")
    time.sleep(0.03)
    compiled, objects = other.build()
    assert compiled == 1
    alone = replace(other, cache=ObjectCache(tmp_path / "empty"))
    assert alone.build() == (2, objects)


def test_a_torch_header_that_nobody_reads_changes_nothing(place: Place) -> None:
    place.build()
    (place.folder / "torch/include/deep/unread.h").write_text("#define UNREAD 2\n")
    assert place.build()[0] == 0


def test_the_peak_of_a_compiler_with_several_threads_is_parted_among_them(place: Place, tmp_path: Path) -> None:
    place.build()
    for record in place.cache.directory.rglob(META):
        meta = read_record(record) or {}
        assert meta["threads"] == 1
        write_record(record, {**meta, "peak_bytes": 800_000_000_000, "threads": 4})
    other = replace(place, folder=tmp_path / "elsewhere", ops=OpCache(tmp_path / "ops")).make()
    assert other.build()[0] == 0
    assert OpCache(tmp_path / "ops").peaks() == {("op", "compile"): 200_000_000_000}


def test_a_cache_that_takes_nothing_is_told_once_for_all_units(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*asked: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    said: list[str] = []
    monkeypatch.setattr(ObjectCache, "put", no_room)
    monkeypatch.setattr(Progress, "show", lambda progress, line: said.append(line))
    assert place.build()[0] == 2
    assert sum("is not kept in the cache" in line for line in said) == 1
    assert "No space left on device; the build goes on" in "".join(said)


def test_both_readings_of_one_command_are_kept(place: Place) -> None:
    """A header that is looked for and comes and goes: each state has its object."""
    place.build()
    tuning = place.folder / "own/tuning.h"
    tuning.write_text("#define OWN 2\n")
    time.sleep(0.03)
    assert place.build()[0] == 1
    assert place.build()[0] == 0
    tuning.unlink()
    assert place.build()[0] == 0


def test_what_was_written_during_a_compile_is_not_kept(place: Place) -> None:
    place.build()
    (place.folder / "torch/include/deep/same.h").write_text("#pragma once\n#define SAME 6\n")
    os.utime(place.folder / "torch/include/deep/same.h", ns=(time.time_ns() + 10**12,) * 2)
    assert place.build()[0] == 2
    assert place.build()[0] == 2


def written(header: Path) -> None:
    header.write_text("#define SAME 6\n")
    os.utime(header, ns=(1, 1))


def replaced_by_an_old_file(header: Path) -> None:
    other = header.with_name("other.h")
    other.write_text("#define SAME 6\n")
    os.utime(other, ns=(1, 1))
    other.rename(header)


def replaced_by_a_link(header: Path) -> None:
    other = header.parent.parent / "same.h"
    replaced_by_an_old_file(other)
    header.unlink()
    header.hardlink_to(other)


@pytest.mark.parametrize("change", [written, replaced_by_an_old_file, replaced_by_a_link, Path.unlink])
def test_a_header_that_is_another_since_the_compile_began_is_noticed_whatever_its_time(
    place: Place, change: Callable[[Path], None]
) -> None:
    header = place.folder / "torch/include/deep/same.h"
    began = time.time_ns()
    assert not Disk().changed_since([header], began)
    time.sleep(0.03)
    change(header)
    assert Disk().changed_since([header], began)


def test_a_header_that_an_installer_links_into_another_environment_meanwhile_is_the_same(place: Place) -> None:
    header = place.folder / "torch/include/deep/same.h"
    began = time.time_ns()
    time.sleep(0.03)
    (place.folder / "own" / "same.h").hardlink_to(header)
    assert header.stat().st_ctime_ns > began
    assert not Disk().changed_since([header], began)


def test_a_damaged_reading_is_a_miss_and_goes(place: Place) -> None:
    place.build()
    readings = sorted((place.cache.directory / "readings").glob("??/*/*"))
    assert len(readings) == 2
    for reading in readings:
        reading.write_bytes(reading.read_bytes()[:-3])
    assert place.build()[0] == 2
    assert place.build()[0] == 0


# ---------------------------------------------------------------- no wrong hit


def a_link_of_the_system(place: Place) -> tuple[Place, Path]:
    """GCC lists the file behind the link where its path is the shorter one."""
    write_tree(place.folder, {"v1/plain.h": "#define PLAIN 1\n", "v2/plain.h": "#define PLAIN 2\n"})
    write_tree(place.folder, {"source/csrc/plain.cpp": "#include <plain.h>\nint plain() { return PLAIN; }\n"})
    link = place.folder / "a-name-that-is-longer-than-the-folder"
    link.symlink_to(place.folder / "v1")
    return replace(place, flags=(f"-isystem{link}",)), link


def test_a_link_that_leads_elsewhere_is_noticed(place: Place, tmp_path: Path) -> None:
    place, link = a_link_of_the_system(place)
    time.sleep(0.03)
    place.build()
    link.unlink()
    link.symlink_to(place.folder / "v2")
    compiled, objects = place.build()
    assert (compiled, objects) == (1, replace(place, cache=ObjectCache(tmp_path / "anew")).build()[1])


def test_the_words_of_a_response_file_are_part_of_the_command(place: Place) -> None:
    place = replace(place, flags=(f"@{place.folder}/words",), ops=OpCache(place.folder / "ops"))
    write_tree(place.folder, {"words": "-DMORE=1"})
    assert [place.build()[0], place.build()[0]] == [2, 0]
    write_tree(place.folder, {"words": "-DMORE=2"})
    assert place.build()[0] == 2


NAMED = {  # words that name a file, what it holds, and what it holds then
    "specs": ("-specs={}", "*cc1plus:\n+ -DTOLD=1\n\n", "*cc1plus:\n+ -DTOLD=2\n\n"),
    "a wrapper": ("-wrapper {}", '#!/bin/sh\nexec "$@"\n', '#!/bin/sh\nexec "$@" -g\n'),
    "an assembler": ("-B{}/", "", '#!/bin/sh\nexec as --defsym told=1 "$@"\n'),
    "a folder behind -B": ("-B{}", "", "#define OWN 77\n"),
    "the preprocessor's words": ("-Wp,-I,{}", "", "#define OWN 77\n"),
    "a prefix": ("-iwithprefix {}", "", "#define OWN 77\n"),
}
FILES = {"an assembler": "as", "a folder behind -B": "include/tuning.h"}


@pytest.mark.parametrize("name", NAMED)
def test_what_a_word_of_the_command_names_is_looked_at(place: Place, tmp_path: Path, name: str) -> None:
    words, before, after = NAMED[name]
    told = place.folder / "told"
    file = told / FILES.get(name, "tuning.h") if not before else told
    place = replace(place, flags=tuple(words.format(told).split()))

    def write(text: str) -> None:
        write_tree(file.parent, {file.name: text})
        file.chmod(0o755)
        time.sleep(0.03)

    write(before) if before else file.parent.mkdir(parents=True)
    place.build()
    write(after)
    assert place.build()[1] == replace(place, cache=ObjectCache(tmp_path / "anew")).build()[1]


def test_a_path_in_a_macro_is_no_place(place: Place, tmp_path: Path) -> None:
    """It ends up in the object."""
    other = replace(place, folder=tmp_path / "elsewhere").make()
    for each in (place, other):
        write_tree(each.folder, {"own/tuning.h": "#define OWN 1\nconst char* where = WHERE;\n"})
    time.sleep(0.03)
    for each in (place, other):
        compiled, objects = replace(each, flags=(f'-DWHERE="{each.folder}/torch"',)).build()
        assert compiled == 2
        assert str(each.folder).encode() in objects["plain.o"]


def test_a_command_with_the_time_of_day_is_not_kept(place: Place) -> None:
    place = replace(place, flags=("-DNOW=__TIME__",))
    assert [place.build()[0], place.build()[0]] == [2, 2]


Change = Callable[[random.Random, Place], Place]
PREFIXES = ("source/csrc", "source/csrc/includes", "own", "torch/include", "torch/include/deep", "python")
READ = ("source/csrc/own.h", "torch/include/torch/types.h", "torch/include/deep/inner.h", "torch/include/deep/same.h")


def a_header(chance: random.Random, place: Place) -> Place:
    """A header that is read, deep in torch or Python or beside the source, says something else."""
    file = place.folder / chance.choice([*READ, "python/Python.h", "source/csrc/plain.cpp"])
    number = chance.randrange(100, 10**9)
    file.write_text(file.read_text() + f"inline int more_{number}() {{ return {number}; }}\n")
    return place


def a_first_header(chance: random.Random, place: Place) -> Place:
    """A file begins to exist earlier on the include path, or beside the file that asks."""
    name = chance.choice(["deep/inner.h", "torch/types.h", "Python.h", "own.h", "tuning.h", "same.h"])
    folder = place.folder / chance.choice(PREFIXES)
    if (folder / name).exists():
        return a_header(chance, place)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    value = chance.randrange(100, 10**9)
    lines = [f"#define {word} {value}" for word in ("INNER", "TYPES", "PY", "OWN", "SAME")]
    (folder / name).write_text("#pragma once\n" + "\n".join(lines) + "\n")
    return place


def a_flag(chance: random.Random, place: Place) -> Place:
    """One more word of the command."""
    words = ["-DSAME=1", "-O1", "-O3", "-mavx2", "-fno-inline", "-funroll-loops", "-fno-plt"]
    return replace(place, flags=(*place.flags, chance.choice(words), f"-DWHO={chance.randrange(10**9)}"))


def a_variable(chance: random.Random, place: Place) -> Place:
    """A folder that a variable adds to the include path, with a header that is looked for."""
    folder = place.folder / f"more-{chance.randrange(10**9)}"
    write_tree(folder, {"tuning.h": f"#define OWN {chance.randrange(10**9)}\n"})
    return replace(place, env={chance.choice(["CPATH", "CPLUS_INCLUDE_PATH"]): str(folder)})


def a_compiler(chance: random.Random, place: Place) -> Place:
    """Another compiler."""
    return replace(place, identity={"compiler": f"g++ {chance.randrange(10**9)}"})


CHANGES: tuple[Change, ...] = (a_header, a_first_header, a_flag, a_variable, a_compiler)


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.nightly) for seed in range(4, 20))])
def test_no_change_gets_an_object_of_before(place: Place, tmp_path: Path, seed: int) -> None:
    """Ten changes in a row: what the cache gives is, byte for byte, what compiling anew gives."""
    chance = random.Random(seed)
    place.build()
    for number in range(10):
        place = chance.choice(CHANGES)(chance, place)
        time.sleep(0.03)
        _, objects = place.build()
        _, anew = replace(place, cache=ObjectCache(tmp_path / f"anew-{number}")).build()
        assert objects == anew, f"seed {seed}, change {number}"
