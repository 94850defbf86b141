"""Whether what a wheel of ours says of its making is true: its bill of materials, and the licences that it states."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from packaging.version import InvalidVersion, Version

from scripts.facts.facts import Facts
from scripts.facts.wheel_origins import WheelOrigin
from scripts.verify.check import Verdict, verdict
from scripts.verify.promises import Promises
from scripts.versions import minor_of
from scripts.wheel.bill_of_materials import BILL, StatedBill, read_bill
from scripts.wheel.content import WheelContent
from scripts.wheel.third_party_code import NOTICES, CodeOfOthers, code_of_others, licence_expression

LICENCES = "licenses/"  # below .dist-info/, as PEP 639 has it
SBOMS = "sboms/"  # the same of PEP 770
STATED_SINCE = Version("2.4")  # of METADATA, since when License-File is a path below licenses/


@dataclass(frozen=True, kw_only=True)
class StatedOrigin:
    """An opened wheel, with what is known of whose it is, and what was promised of it."""

    content: WheelContent
    facts: Facts
    origin: WheelOrigin | None
    promises: Promises

    @property
    def ours(self) -> bool:
        """Whether it is one of this project's, which has to say where it comes from."""
        return self.origin is not None and self.origin.ours

    @cached_property
    def code(self) -> tuple[CodeOfOthers, ...]:
        """Whose code it holds beside DeepSpeed's own."""
        return code_of_others(self.facts.third_parties.values(), self.content.members)

    @cached_property
    def bill(self) -> StatedBill | None:
        """What its bill of materials says; None for one that is not there, or cannot be read."""
        try:
            return read_bill(self.content.metadata_file(BILL) or "")
        except ValueError:
            return None

    def digest_of(self, name: str) -> str:
        """The sha256 of a file of the metadata."""
        return hashlib.sha256(self.content.files.read_small(f"{self.content.info_folder}/{name}")).hexdigest()

    def below(self, folder: str) -> tuple[str, ...]:
        """The members in a folder of the metadata, by their names there."""
        start = f"{self.content.info_folder}/{folder}"
        return tuple(sorted(name.removeprefix(start) for name in self.content.members if name.startswith(start)))


def check_bill(stated: StatedOrigin) -> Verdict:
    """The bill of materials names this very version, its source, patches and tools, and whose code is inside."""
    text = stated.content.metadata_file(BILL)
    if not stated.ours:
        return None, "only wheels of this project have to have one"
    if text is None:
        return False, f"{BILL} is not there: nobody can tell what the wheel was made of"
    try:
        bill = read_bill(text)
    except ValueError as error:
        return False, f"{BILL} {error}"
    others = [f"{name} is not ours" for name in stated.below(SBOMS) if SBOMS + name != BILL]
    faults = [*others, *_of_version(bill, stated), *_of_source(bill, stated), *_promised(bill, stated.promises)]
    parties = {code.party.name for code in stated.code}
    if lacking := sorted(parties - bill.parties):
        faults.append(f"it does not name {', '.join(lacking)}, whose code is inside")
    if foreign := sorted(bill.parties - parties):
        faults.append(f"it names {', '.join(foreign)}, whose code is not inside")
    if bill.expression != licence_expression(stated.code):
        faults.append(f"it states the licence {bill.expression!r}; what is inside is {licence_expression(stated.code)}")
    good = f"DeepSpeed's {bill.kind} {bill.source_sha256[:12]}, torch {bill.torch}, code of {len(bill.parties)} others"
    return verdict(faults, good)


def _of_version(bill: StatedBill, stated: StatedOrigin) -> Iterator[str]:
    version = stated.content.version
    try:
        same = Version(bill.version) == version
    except InvalidVersion:
        same = False
    if not same:
        yield f"it is of version {bill.version!r}"
    elif not (version.local or "").endswith(f"torch{minor_of(bill.torch)}"):
        yield f"it names torch {bill.torch}, the wheel's name another"


def _of_source(bill: StatedBill, stated: StatedOrigin) -> Iterator[str]:
    release = stated.facts.deepspeed.get(stated.content.version.public)
    pinned = release.sdist_sha256 if release else None
    if bill.kind == "sdist" and pinned not in (None, bill.source_sha256):
        yield f"its source has sha256 {bill.source_sha256}, the sdist of the release {pinned}"
    if unknown := sorted(set(bill.patches) - {patch.id for patch in stated.facts.patches}):
        yield f"it names the patches {', '.join(unknown)}, which deepspeed.yaml does not have"


def _promised(bill: StatedBill, promises: Promises) -> Iterator[str]:
    """Where the manifest says otherwise."""
    source, toolchain = promises.source, promises.toolchain
    for what, found, promised in (
        ("patches", sorted(bill.patches), None if promises.patches is None else sorted(promises.patches)),
        ("source", f"{bill.kind} {bill.source_sha256}", f"{source.kind} {source.sha256}" if source else None),
        ("torch", bill.torch, promises.torch),
        ("toolchain", bill.toolchain, None if toolchain is None else dict(toolchain)),
    ):
        if promised not in (None, found):
            yield f"{what} is {found!r} in it, and {promised!r} in the manifest"


def check_licences(stated: StatedOrigin) -> Verdict:
    """METADATA states every licence of the code inside, and the files that it names are there, with each notice."""
    headers = stated.content.headers("METADATA")
    listed, there = headers.get_all("License-File", []), stated.below(LICENCES)
    expression = headers.get("License-Expression")
    if not stated.ours:
        found = listed if _states_paths(headers.get("Metadata-Version", "")) else []
        faults = [f"METADATA names {name}, which is not there" for name in found if name not in there]
        stated_by = expression or ""
        return verdict(faults, stated_by) if stated_by or faults else (None, "METADATA states no License-Expression")
    faults = [*_of_expression(expression, stated.code), *_of_files(listed, there), *_of_notices(stated)]
    if not _states_paths(headers.get("Metadata-Version", "")):
        faults.append(f"METADATA is of version {headers.get('Metadata-Version')}, which knows no License-Expression")
    classifiers = [line for line in headers.get_all("Classifier", []) if line.startswith("License ::")]
    faults += [f"METADATA has the classifier {line!r} beside its License-Expression" for line in classifiers]
    return verdict(faults, f"{expression}, {len(there)} files")


def _states_paths(metadata_version: str) -> bool:
    try:
        return Version(metadata_version) >= STATED_SINCE
    except InvalidVersion:
        return False


def _of_expression(expression: str | None, code: Iterable[CodeOfOthers]) -> Iterator[str]:
    wanted = licence_expression(code)
    if expression is None:
        yield f"METADATA states no License-Expression; it is {wanted}"
    elif set(expression.split(" AND ")) != set(wanted.split(" AND ")):
        yield f"METADATA states {expression!r}; what is inside is {wanted}"


def _of_files(listed: Iterable[str], there: Iterable[str]) -> Iterator[str]:
    """A LICENSE that is gone is told by the files of the source."""
    for name in sorted({*listed, NOTICES} - {*there, "LICENSE"}):
        yield f"{LICENCES}{name} is not there"
    for name in sorted(set(there) - {*listed}):
        yield f"METADATA does not name {LICENCES}{name}"


def _of_notices(stated: StatedOrigin) -> Iterator[str]:
    text = stated.content.metadata_file(LICENCES + NOTICES)
    if text is None:
        return
    for code in stated.code:
        if lost := [line for line in (code.party.name, *code.party.copyright) if line not in text]:
            yield f"{NOTICES} lacks the notice of {code.party.name}: {lost[0]!r}"
    used = {code.party.licence for code in stated.code}
    for name, licence in stated.facts.licences.items():
        if name in used and licence.text not in text:
            yield f"{NOTICES} lacks the text of {name}"
    if stated.bill and stated.bill.licences.get(LICENCES + NOTICES) != stated.digest_of(LICENCES + NOTICES):
        yield f"{NOTICES} is not as the bill of materials has it"
