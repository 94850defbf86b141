"""One compile for several GPU architectures against one for each: `python -m bench.arches [--deepspeed 0.19.8]`.

Every kernel of the release for which architectures are joined is compiled both ways with nvcc. Printed: whether
every section of each architecture's code is the same but for the note that names the virtual architecture, and the
processor seconds of both. Needs no torch: what reads torch's headers is never joined.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from elftools.elf.elffile import ELFFile

from bench.cost import Cost
from scripts.command import Command, check, run
from scripts.dirs import default_dirs
from scripts.facts.arch_branches import ArchRows, arch_rows
from scripts.facts.load import load_facts
from scripts.toolchain.cuda.provide import provide_toolkit
from scripts.wheel_build.arch_groups import with_joined_arches
from scripts.wheel_build.recipe import Unit
from scripts.wheel_build.source import fetch_source, prepare_tree

NOTE = ".note.nv.cuinfo"  # names the virtual architecture


def kernels(root: Path, compiler: Path, rows: ArchRows, arches: Sequence[int]) -> Iterator[tuple[Unit, Unit]]:
    """Every kernel for which architectures are joined: compiled for each alone, and joined."""
    headers = sorted({path.parent for path in (root / "csrc").rglob("*") if path.suffix in (".h", ".cuh", ".hpp")})
    for source in sorted((root / "csrc").rglob("*.cu")):
        name = source.relative_to(root).as_posix()
        words = (f"-gencode=arch=compute_{arch},code=sm_{arch}" for arch in arches)
        made = Path("kernel.o")
        argv = (str(compiler), *(f"-I{folder}" for folder in headers), "-O3", "-std=c++17", "-DBF16_AVAILABLE", *words)
        alone = Unit(source=name, object=made, argv=(*argv, "-w", "-c", name, "-o", str(made)))
        both = with_joined_arches(alone, root, rows)
        if both.argv != alone.argv:
            yield alone, both


def code_of(unit: Unit, root: Path, folder: Path) -> tuple[dict[int, dict[str, bytes]], float]:
    """The sections of the code for each architecture, and the processor seconds of compiling it."""
    folder.mkdir()
    unit = unit.to(folder / "kernel.o")
    command = Command(argv=(*unit.argv, "--keep", "--keep-dir", str(folder)), cwd=root)
    begun = Cost.now()
    check(command, run(command))
    seconds = (Cost.now() - begun).processor
    found = {}
    for file in folder.glob("*.cubin"):
        with file.open("rb") as stream:
            sections = {section.name: section.data() for section in ELFFile(stream).iter_sections()}
        sections.pop(NOTE, None)
        found[int(file.stem.rsplit("_", 1)[1])] = sections
    return found, seconds


def main(words: Sequence[str] | None = None) -> None:
    """Compare every kernel and print what differs; ends with 1 when one does."""
    parser = argparse.ArgumentParser(prog="bench.arches")
    parser.add_argument("--deepspeed", default="0.19.8")
    parser.add_argument("--cuda", default="13.0")
    parser.add_argument("--only", default="", help="only kernels with this in their name")
    given = parser.parse_args(words)
    facts, dirs = load_facts(), default_dirs()
    toolkit = provide_toolkit(given.cuda, choice="pip", facts=facts, cache=dirs.cache, system="linux", log=print)
    pinned = facts.deepspeed[given.deepspeed].sdist_sha256
    archive = fetch_source(given.deepspeed, dirs.sources, kinds=("sdist",), pinned_sdist=pinned)
    rows = arch_rows(facts.arch_families, facts.arch_branches)
    arches = sorted({sm for family in rows.families for sm in family if sm in facts.cuda[given.cuda].sms})
    differing, apart, together = 0, 0.0, 0.0
    with tempfile.TemporaryDirectory() as name:
        root = prepare_tree(archive, Path(name) / "source", ()).root
        for number, (alone, both) in enumerate(kernels(root, toolkit.compiler, rows, arches)):
            if given.only not in alone.source:
                continue
            one, seconds = code_of(alone, root, Path(name) / f"{number}-alone")
            other, joined_seconds = code_of(both, root, Path(name) / f"{number}-joined")
            same = sorted(one) == arches and one == other
            differing, apart, together = differing + (not same), apart + seconds, together + joined_seconds
            word = "the same" if same else "DIFFERENT"
            print(f"{alone.source:60} {word:10} {seconds:7.1f} {joined_seconds:7.1f}", flush=True)
    ratio = together / apart if apart else 0.0
    print(f"{differing} differ; {apart:.1f} s apart, {together:.1f} s together, ratio {ratio:.2f}")
    raise SystemExit(1 if differing else 0)


if __name__ == "__main__":
    main()
