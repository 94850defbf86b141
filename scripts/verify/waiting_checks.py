"""One cause, one failure: a check is not asked where what it reads is another check's fault already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from scripts.verify.check import CheckResult
from scripts.verify.recorded import Recorded
from scripts.wheel.bill_of_materials import BILL
from scripts.wheel.content import BUILD_INFO
from scripts.wheel.third_party_code import NOTICES

NAMES, BUILD_RECORD = "file name and metadata", "build record"
# what a check takes for granted, and which check answers for it
WAITS_FOR: Mapping[str, tuple[str, ...]] = {
    "RECORD": ("zip",),
    NAMES: ("zip",),
    "member paths": ("zip",),
    "version label": (NAMES,),
    "requirements": (NAMES,),
    "installers": (NAMES,),
    "torch requirement": (NAMES, BUILD_RECORD, "requirements", "installers"),
    BUILD_RECORD: (NAMES,),
    "op modules": (NAMES, BUILD_RECORD),
    "source files": (NAMES,),
    "commands": (NAMES,),
    "bill of materials": (NAMES, "op modules", "source files", "manifest"),
    "licences": (NAMES, "installers", "op modules", "source files"),
    "module format": ("op modules",),
    "needed libraries": (NAMES, BUILD_RECORD, "module format"),
    "symbols": (NAMES, BUILD_RECORD, "needed libraries"),
    "platform tag": (NAMES, BUILD_RECORD, "needed libraries"),
    "GPU architectures": (BUILD_RECORD, "manifest"),
    "CPU instructions": (BUILD_RECORD, "manifest"),
    "CPU vector code": (BUILD_RECORD, "manifest"),
}
# which members a check reads; where RECORD is wrong about one, that is told there
OF_METADATA = ("METADATA", "WHEEL")
READS: Mapping[str, tuple[str, ...]] = {
    NAMES: OF_METADATA,
    "requirements": OF_METADATA[:1],
    "installers": OF_METADATA,
    "torch requirement": OF_METADATA[:1],
    BUILD_RECORD: (BUILD_INFO,),
    "bill of materials": (BILL,),
    "licences": (*OF_METADATA[:1], f"licenses/{NOTICES}"),
}


def why_not_asked(name: str, results: Mapping[str, CheckResult], recorded: Recorded) -> str | None:
    """The reason for which a check is skipped; None when it is to be asked."""
    failed = next((other for other in WAITS_FOR.get(name, ()) if _failed(other, results)), None)
    if failed:
        return f"not asked, since {failed} failed"
    damaged = next((member for member in _read(name, recorded) if member in recorded.faults), None)
    return f"not asked, since RECORD is wrong about {damaged}" if damaged else None


def _failed(name: str, results: Mapping[str, CheckResult]) -> bool:
    """Whether the check failed, or was itself not asked for that reason."""
    result = results.get(name)
    return result is not None and (result.passed is False or result.detail.startswith("not asked, since"))


def _read(name: str, recorded: Recorded) -> Iterator[str]:
    for member in READS.get(name, ()):
        yield member if member.startswith("deepspeed/") else f"{recorded.content.info_folder}/{member}"
