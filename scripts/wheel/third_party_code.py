"""`code_of_others`: whose code the members of a wheel hold, and what its licences ask to be told."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from scripts.facts.third_parties import EVERY_OP, OWN_LICENCE, LicenceText, ThirdParty
from scripts.wheel.content import EXTENSIONS, is_module_of

NOTICES = "THIRD-PARTY-NOTICES.txt"  # below .dist-info/licenses/
HEAD = f"""DeepSpeed is licensed under {OWN_LICENCE}: see LICENSE. Files of it, and the ops that are compiled in this
wheel, hold code of the following projects, each under its own licence.
"""


@dataclass(frozen=True, kw_only=True)
class CodeOfOthers:
    """Code of one project, and where in a wheel it is."""

    party: ThirdParty
    members: tuple[str, ...]


def code_of_others(parties: Iterable[ThirdParty], members: Collection[str]) -> tuple[CodeOfOthers, ...]:
    """What the members of a wheel hold of each party, in order of their names."""
    found = (CodeOfOthers(party=party, members=_held(party, members)) for party in parties)
    return tuple(sorted((code for code in found if code.members), key=lambda code: code.party.name))


def _held(party: ThirdParty, members: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(member for member in members if _holds(member, party)))


def _holds(member: str, party: ThirdParty) -> bool:
    if member.startswith("deepspeed/") and member.endswith(EXTENSIONS):
        return EVERY_OP in party.ops or any(is_module_of(member, op) for op in party.ops)
    return any(fnmatchcase(member, pattern) for pattern in party.files)


def licence_expression(code: Iterable[CodeOfOthers]) -> str:
    """What METADATA states as License-Expression: every licence under which some of the wheel is."""
    others = {each.party.licence for each in code} - {OWN_LICENCE}
    return " AND ".join([OWN_LICENCE, *sorted(others)])


def notices(code: Iterable[CodeOfOthers], licences: Mapping[str, LicenceText]) -> str:
    """The text of the notices: whose code is where, and the licences that must come with it."""
    told = tuple(code)
    used = sorted({each.party.licence for each in told} & set(licences))
    texts = (f"{'-' * 80}\n{name}\n\n{licences[name].text}" for name in used)
    return "\n".join([HEAD, *(notice_of(each) for each in told), *texts])


def notice_of(code: CodeOfOthers) -> str:
    """What is told of one project."""
    party = code.party
    lines = [party.name, party.project, *party.copyright, f"Licence: {party.licence}", "In:"]
    return "\n".join([*lines, *(f"  {member}" for member in code.members), ""])
