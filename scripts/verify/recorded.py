"""`Recorded`: what RECORD says of the members of a wheel, and whether it is true."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from scripts.errors import InputError
from scripts.files import record_digest
from scripts.verify.check import Verdict, verdict
from scripts.wheel.content import WheelContent

UNLISTED = ("RECORD", "RECORD.jws", "RECORD.p7s")


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """An opened wheel beside its RECORD, compared at the first question."""

    content: WheelContent

    @cached_property
    def rows(self) -> Mapping[str, tuple[str, str]]:
        """The files that RECORD lists, with hash and size."""
        exempt = self._exempt
        return {name: row for name, row in self.content.record().items() if name not in exempt}

    @cached_property
    def faults(self) -> Mapping[str, str]:
        """By name, what is not as RECORD has it: other checks have nothing to add to such a file."""
        present = set(self.content.members) - self._exempt
        found = dict.fromkeys(sorted(present - set(self.rows)), "not in RECORD")
        found |= dict.fromkeys(sorted(set(self.rows) - present), "not in the wheel")
        both = sorted(present & set(self.rows))
        return found | {name: "wrong hash" for name in both if not self._is_true(name)}

    def misshapen(self) -> Iterator[str]:
        """What of RECORD itself is not as installers write and read it."""
        own, rows = f"{self.content.info_folder}/RECORD", self.content.record_rows()
        for row in (row for row in rows if row and len(row) != 3):
            yield f"no path, hash and size: {','.join(row)[:60]}"
        counts = Counter(row[0] for row in rows if row)
        yield from (f"{count} times: {name}" for name, count in counts.items() if count > 1)
        if own not in counts:
            yield f"not in RECORD: {own}"
        yield from (f"has a hash of itself: {own}" for row in rows if row and row[0] == own and any(row[1:3]))

    @property
    def _exempt(self) -> set[str]:
        return {f"{self.content.info_folder}/{name}" for name in UNLISTED}

    def _is_true(self, member: str) -> bool:
        recorded, size = self.rows[member]
        algorithm, _, expected = recorded.partition("=")
        if algorithm not in ("sha256", "sha384", "sha512"):
            return False
        digest, length = hashlib.new(algorithm), 0
        try:
            for block in self.content.files.blocks(member):
                digest.update(block)
                length += len(block)
        except InputError:
            return False
        found = record_digest(digest.digest())
        return (found, str(length)) == (expected, size)


def check_record(recorded: Recorded) -> Verdict:
    """RECORD lists every member with its hash, and nothing else."""
    if not recorded.content.info_folder:
        return None, "there is not one .dist-info folder with a RECORD"
    if not recorded.rows:
        return False, "RECORD is not there or empty"
    faults = [f"{fault}: {name}" for name, fault in recorded.faults.items()]
    faults += recorded.misshapen()
    return verdict(faults, f"{len(recorded.rows)} files with the right hash")
