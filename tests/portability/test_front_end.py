"""What the front end finds of faults that were put into a source, and what only a search for words finds."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from scripts.command import run
from scripts.errors import PrerequisiteError
from scripts.facts.load import load_facts
from scripts.facts.portability_rows import Dialect
from scripts.portability import front_end
from scripts.portability.front_end import FrontEnd, find_front_end
from scripts.portability.reading import read_faults

FACTS = load_facts()
DIALECTS = {row.standard: row for row in FACTS.dialects}
SOUND = """\
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <stdio.h>
#include <immintrin.h>
#define _USE_NOTHING
struct Point { int x, y; };
static int64_t larger(int64_t a, int64_t b) { return a < b ? b : a; }
template <typename T> static T pick(T a, T b) { return a < b ? b : a; }
int sound(int n, bool a, bool b)
{
    int64_t wide = larger(n, 2);
    const char* text = "text";
    __m256 vector = _mm256_set1_ps(1.0f);
    float first[8];
    _mm256_storeu_ps(first, vector);
    FAULT
    return (int)wide + (int)strlen(text) + (int)first[0];
}
"""


class Seed(NamedTuple):
    """A line that compiles with GCC and not with cl, and what the front end says of it in either dialect."""

    line: str
    found: str | None = None  # None: it lets it pass
    only: str | None = None  # the one dialect in which cl refuses it
    by_words: bool = False  # a row of `words` finds it


SEEDS = {
    "ssize_t": Seed("ssize_t size = 1; wide += size;", "unknown type name 'ssize_t'"),
    "M_PI": Seed("wide += (int)M_PI;", "undeclared identifier 'M_PI'"),
    "uint": Seed("uint count = 1; wide += count;", "unknown type name 'uint'"),
    "variable length array": Seed("int sizes[n]; sizes[0] = 1; wide += sizes[0];", "variable length arrays"),
    "statement expression": Seed("wide += ({ int one = 1; one; });", "GNU statement expression"),
    "designated initialiser": Seed("Point p = {.x = 1, .y = 2}; wide += p.x;", "designated init", only="c++17"),
    "posix_memalign": Seed("void* p; wide += posix_memalign(&p, 64, 64);", "posix_memalign"),
    "aligned_alloc": Seed(
        "void* p = std::aligned_alloc(64, 64); wide += p != nullptr;", "unresolved using declaration"
    ),
    "and": Seed("if (a and b) wide += 1;", "unknown type name", only="c++17"),
    "int64_t against long": Seed("wide += pick(wide, 1L);", "no matching function"),
    "text to char*": Seed('char* word = "word"; wide += word[0];', "string literal"),
    "attribute": Seed("int one __attribute__((aligned(32))) = 1; wide += one;", by_words=True),
    "typeof": Seed("__typeof__(wide) other = wide; wide += other;", by_words=True),
    "restrict": Seed("float* __restrict__ p = first; wide += (int)p[0];", by_words=True),
    "gcc builtin": Seed("if (__builtin_expect(n > 1, 1)) wide += 1;", by_words=True),
    "128 bits": Seed("__int128 big = n; wide += (int)big;", by_words=True),
    "vector operator": Seed("vector = vector + vector; _mm256_storeu_ps(first, vector);"),
    "vector element": Seed("wide += (int)vector[0];"),
}

pytestmark = pytest.mark.portability


@pytest.fixture(scope="module")
def found_front_end(tmp_path_factory: pytest.TempPathFactory) -> FrontEnd:
    try:
        return find_front_end(FACTS, tmp_path_factory.mktemp("headers"))
    except PrerequisiteError as error:
        pytest.skip(str(error))


def faults(program: FrontEnd, dialect: Dialect, folder: Path, line: str) -> Sequence[str]:
    source = folder / "seed.cpp"
    source.write_text(SOUND.replace("FAULT", line), encoding="utf-8")
    outcome = run(program.check(source, dialect, (), None))
    found = [fault.text for fault in read_faults(outcome.output, folder, folder)]
    assert bool(found) == bool(outcome.exit_code), outcome.output
    return found


@pytest.mark.parametrize("standard", DIALECTS)
def test_a_sound_source_has_no_fault(found_front_end: FrontEnd, tmp_path: Path, standard: str) -> None:
    assert faults(found_front_end, DIALECTS[standard], tmp_path, "") == []


@pytest.mark.parametrize("name", [name for name, seed in SEEDS.items() if seed.found])
def test_a_fault_that_can_be_found_is_found(found_front_end: FrontEnd, tmp_path: Path, name: str) -> None:
    seed = SEEDS[name]
    said = faults(found_front_end, DIALECTS[seed.only or "c++20"], tmp_path, seed.line)
    assert str(seed.found) in " ".join(said)


@pytest.mark.parametrize("name", [name for name, seed in SEEDS.items() if not seed.found])
def test_what_the_front_end_lets_pass_is_known(found_front_end: FrontEnd, tmp_path: Path, name: str) -> None:
    """docs/windows.md lists these; a front end that learns one of them makes this test fail, and the list shorter."""
    seed = SEEDS[name]
    assert faults(found_front_end, DIALECTS["c++20"], tmp_path, seed.line) == []
    words = [row for row in FACTS.foreign_words if row.place == "code" and re.search(row.pattern, seed.line, re.M)]
    assert bool(words) == seed.by_words


@pytest.mark.parametrize("header", ["unistd.h", "sys/mman.h", "sched.h", "pthread.h", "sys/time.h", "dirent.h"])
def test_a_header_that_windows_has_not_is_missing(found_front_end: FrontEnd, tmp_path: Path, header: str) -> None:
    source = tmp_path / "seed.cpp"
    source.write_text(f"#include <{header}>\n", encoding="utf-8")
    outcome = run(found_front_end.check(source, DIALECTS["c++20"], (), None))
    assert f"'{header}' file not found" in outcome.output


def test_a_machine_without_the_front_end_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front_end, "shutil", type("Nothing", (), {"which": staticmethod(lambda name: None)}))
    with pytest.raises(PrerequisiteError, match="apt-get install") as info:
        find_front_end(FACTS, tmp_path)
    assert "clang" in str(info.value)
    assert shutil.which("python3") is not None
