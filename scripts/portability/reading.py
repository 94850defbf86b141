"""Every unit read by the front end, equal ones once, and what came of it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from scripts.command import Log, check, no_log, run
from scripts.dirs import Dirs
from scripts.facts.facts import Facts
from scripts.facts.portability_rows import Dialect
from scripts.files import draft_of, write_whole
from scripts.locks import locked
from scripts.plan.matrix import Matrix
from scripts.portability.front_end import FrontEnd, find_front_end
from scripts.portability.header_folders import headers_of, python_headers
from scripts.portability.source_sets import SourceSet
from scripts.portability.units import PRECOMPILED, SourceUnit, read_as_cl, units_of
from scripts.portability.word_search import Fault, foreign_words
from scripts.process_tree import ProcessGroup
from scripts.stamp import is_as_stamped, read_record, stamp_file, write_record
from scripts.wheel_build.source import fetch_source, prepare_tree

ERROR = re.compile(r"(.+?)\((\d+)(?:,\d+)?\): (?:fatal )?error: (.+)")
KEPT = ("csrc", "deepspeed", "op_builder", "accelerator")  # of a tree: what the builders and sources are


@dataclass(frozen=True, kw_only=True)
class FoundFault:
    """A fault, and who has it."""

    sets: tuple[str, ...]  # labels
    op: str
    source: str
    fault: Fault


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What was read, and what was found."""

    sets: tuple[tuple[str, int], ...]  # label and number of sources, nvcc's among them
    read: int  # distinct units
    asked: int  # of those, how many were not known from before
    findings: tuple[FoundFault, ...]


class Reader:
    """The front end of this machine and the headers that it reads with."""

    def __init__(self, facts: Facts, matrix: Matrix, dirs: Dirs, log: Log = no_log) -> None:
        self.facts, self.log = facts, log
        self.dirs, self.cache = dirs, dirs.portability
        self.cpu_flags = facts.cpu_levels[matrix.cpu_level].cpuinfo_flags
        self.front_end: FrontEnd = find_front_end(facts, self.cache)
        headers = [row.record_sha256 for row in facts.header_wheels.values()]
        self.identity = " ".join([self.front_end.identity, *headers, facts.python_headers.sha256])
        self.precompile = True  # torch's headers once, not with every source
        self.precompiled: dict[str, Path] = {}

    def options(self, dialect: Dialect, accelerator: str) -> tuple[str, ...]:
        """The directories of headers outside the tree."""
        cuda = tuple(
            name for name in self.facts.header_wheels if name not in {row.torch for row in self.facts.dialects}
        )
        names = (dialect.torch, *(cuda if accelerator == "cuda" else ()))
        folders = (*headers_of(names, self.facts, self.cache), python_headers(self.facts.python_headers, self.cache))
        return tuple(f"-I{folder}" for folder in folders)

    def read(self, sets: Sequence[SourceSet]) -> Reading:
        """Read every source of the sets that cl compiles, and look for words in all of them."""
        self.cache.mkdir(parents=True, exist_ok=True)
        with (
            locked(self.cache, "sources are being read", log=self.log),
            tempfile.TemporaryDirectory(dir=self.cache, prefix="work-", ignore_cleanup_errors=True) as folder,
        ):
            units = [unit for one in sets for unit in self.units(one, Path(folder))]
            by_key: dict[str, list[SourceUnit]] = {}
            for unit in units:
                if unit.is_compiled_by_cl:
                    by_key.setdefault(unit.key(self.identity), []).append(unit)
            unknown = {key: same[0] for key, same in by_key.items() if read_record(self._result(key)) is None}
            self.log(f"{len(units)} sources, {len(by_key)} different ones for cl, {len(unknown)} to read")
            self._ask(unknown)
            words = tuple(foreign_words(units))
            findings = (*self._known(by_key), *(_finding([unit], fault) for unit, fault in words))
            return Reading(sets=_counts(sets, units), read=len(by_key), asked=len(unknown), findings=findings)

    def units(self, one: SourceSet, folder: Path) -> tuple[SourceUnit, ...]:
        """The units of a set, its tree made below `folder` unless an equal one is there."""
        version, patches, drops_or = one.tree
        root = folder / f"{version}-{abs(hash(patches))}-{drops_or}"
        if not root.is_dir():
            pinned = self.facts.deepspeed[one.target.deepspeed].sdist_sha256
            archive = fetch_source(
                one.target.deepspeed, self.dirs.sources, kinds=("sdist",), pinned_sdist=pinned, log=self.log
            )
            prepare_tree(archive, root, one.patches)
            for path in root.iterdir():
                if path.is_dir() and path.name not in KEPT:
                    shutil.rmtree(path)
            read_as_cl(root, one.dialect)
        return units_of(one, root, self.facts, self.cpu_flags)

    def _ask(self, unknown: dict[str, SourceUnit]) -> None:
        for unit in unknown.values():  # at first: nothing may be made of headers that are then found to be damaged
            self.options(unit.dialect, unit.of.target.accelerator)
        with_torch = [unit for unit in unknown.values() if unit.precompiled] if self.precompile else []
        for dialect in {unit.dialect.standard: unit.dialect for unit in with_torch}.values():
            self.precompiled[dialect.standard] = self._precompile(dialect)
        done, group = 0, ProcessGroup()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            try:
                said = pool.map(lambda unit: self._faults(unit, group), unknown.values())
                for (key, unit), faults in zip(unknown.items(), said, strict=True):
                    write_record(self._result(key), {"faults": [asdict(fault) for fault in faults]})
                    done += 1
                    many = "" if len(faults) == 1 else "s"
                    self.log(f"  {done}/{len(unknown)} {unit.of.label} {unit.name}: {len(faults) or 'no'} fault{many}")
            except BaseException:  # on Ctrl-C too: what is being read may take half a minute more
                pool.shutdown(wait=False, cancel_futures=True)
                group.stop()
                raise

    def _precompile(self, dialect: Dialect) -> Path:
        """torch's headers, read once for all units of a dialect and kept."""
        digest = hashlib.sha256(f"{self.identity} {dialect.options} {dialect.torch}".encode()).hexdigest()
        header, output = self.cache / f"{digest[:12]}.h", self.cache / f"{digest[:12]}.pch"
        if not (header.is_file() and is_as_stamped(output)):
            write_whole(header, f"#include <{PRECOMPILED}>\n")
            with draft_of(output) as draft:
                command = self.front_end.precompile(header, dialect, self.options(dialect, "cpu"), draft)
                check(command, run(command))
            stamp_file(output)
        return output

    def _faults(self, unit: SourceUnit, group: ProcessGroup) -> tuple[Fault, ...]:
        precompiled = self.precompiled[unit.dialect.standard] if unit.precompiled and self.precompile else None
        options = (*unit.options, *self.options(unit.dialect, unit.of.target.accelerator))
        command = self.front_end.check(unit.source, unit.dialect, options, precompiled)
        outcome = run(command, group=group)
        faults = read_faults(outcome.output, unit.root, self.cache)
        if not faults:
            check(command, outcome)  # it could not read at all: no fault of the source
        return faults

    def _known(self, by_key: dict[str, list[SourceUnit]]) -> Iterator[FoundFault]:
        for key, same in by_key.items():
            for fault in (read_record(self._result(key)) or {})["faults"]:
                yield _finding(same, Fault(**fault))

    def _result(self, key: str) -> Path:
        return self.cache / "results" / f"{key}.json"


def _counts(sets: Iterable[SourceSet], units: Iterable[SourceUnit]) -> tuple[tuple[str, int], ...]:
    """By label the number of sources; several sets of one label differ in their patches only."""
    found: dict[str, set[str]] = {one.label: set() for one in sets}
    for unit in units:
        found[unit.of.label].add(f"{unit.op} {unit.name}")
    return tuple((label, len(names)) for label, names in found.items())


def read_faults(output: str, root: Path, cache: Path) -> tuple[Fault, ...]:
    """The errors in what the front end printed, with paths below the tree or the cache."""
    faults = []
    for line in output.splitlines():
        if match := ERROR.fullmatch(line.strip()):
            path = match[1].removeprefix(f"{root.as_posix()}/").removeprefix(f"{cache.as_posix()}/")
            faults.append(Fault(place=f"{path}:{match[2]}", text=match[3]))
    return tuple(faults)


def _finding(same: Iterable[SourceUnit], fault: Fault) -> FoundFault:
    units = list(same)
    labels = tuple(dict.fromkeys(unit.of.label for unit in units))
    return FoundFault(sets=labels, op=units[0].op, source=units[0].name, fault=fault)
