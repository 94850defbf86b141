"""findings.yaml: what `invoke doctor` looks at, what comes of it when it is not right, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from scripts.facts.condition import When
from scripts.schema.annotations import RowName, Source
from scripts.schema.readers import choice


@dataclass(frozen=True, kw_only=True)
class FindingRow:
    """One prerequisite. Its check is the function of its name in scripts/doctor."""

    id: RowName
    side: Annotated[str, choice("run", "build")]
    what: str
    when: When  # it matters then only; of names that nobody knows here it never holds
    consequence: str  # of its being wrong or missing
    fix: Mapping[str, str]  # system -> one line; {names} are filled in by the check. No line: it is not looked at there
    source: Source


@dataclass(frozen=True, kw_only=True)
class ShellGuide:
    """How CUDA_HOME is set in one shell; {root} is the toolkit's folder."""

    shell: RowName
    title: str  # "cmd"
    system: str  # "windows", "linux"
    now: str  # until this window is closed
    environment: str  # whenever this environment is activated
    always: str  # for good
    check: str  # what shows that it is set
    source: Source
