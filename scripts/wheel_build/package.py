"""The two ends of packaging: binaries put where upstream's build expects them, and its wheel rewritten as ours."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from scripts.errors import PackageError
from scripts.facts.facts import Facts
from scripts.facts.load import load_facts
from scripts.verify.binaries import UNSOUND
from scripts.verify.binary import Binary
from scripts.verify.manylinux import level_of, libraries_of_torch
from scripts.wheel.bill_of_materials import BILL, Provenance, bill_text
from scripts.wheel.third_party_code import NOTICES, code_of_others, licence_expression, notices
from scripts.wheel_build.build_plan import BuildPlan
from scripts.wheel_build.built_op import BuiltOp
from scripts.wheel_build.rewrite import LICENCES, Description, rewrite_wheel


def place_binaries(ops: Sequence[BuiltOp], root: Path, platform: str, cache_tag: str) -> None:
    """Copy every op to build/lib.<platform>-<cache tag>/, newer than its sources, so that distutils keeps it."""
    library = root / "build" / f"lib.{platform}-{cache_tag}"
    shutil.rmtree(root / "build", ignore_errors=True)
    for op in ops:
        path = library / op.file
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(op.binary, path)
        path.chmod(0o755)
        os.utime(path)


def finish_wheel(plan: BuildPlan, ops: Sequence[BuiltOp], dist: Path, provenance: Provenance) -> Path:
    """The one wheel that upstream made in `dist`, rewritten, tagged and named for what its ops ask of the system.

    It carries where it comes from, and the licences of all that is inside.

    Raises PackageError when there is not exactly one.
    """
    made = sorted(dist.glob("*.whl"))
    if len(made) != 1:
        found = ", ".join(wheel.name for wheel in made) or "none"
        raise PackageError(f"{plan.target.id}: expected one wheel from setup.py, found {found}")
    finished = dist / "finished"
    finished.mkdir(exist_ok=True)
    tag = platform_tag(plan, ops)
    edit = replace(plan.wheel, tag=plan.target.tag_for(tag))
    describe = partial(description_of, provenance=provenance, facts=load_facts())
    return rewrite_wheel(made[0], finished, plan.target.wheel_name_for(tag), edit, describe)


def description_of(
    members: Sequence[str], licences: Mapping[str, bytes], provenance: Provenance, facts: Facts
) -> Description:
    """What a wheel with these members says of its making, beside upstream's licences."""
    code = code_of_others(facts.third_parties.values(), members)
    told = {**licences, LICENCES + NOTICES: notices(code, facts.licences).encode()}
    expression = licence_expression(code)
    bill = bill_text(provenance, code, expression, told)
    return Description(expression=expression, files={**told, BILL: bill.encode()})


def platform_tag(plan: BuildPlan, ops: Sequence[BuiltOp]) -> str:
    """The tag for the systems that load the ops: on Linux the oldest manylinux level that does, if there is one."""
    if plan.system != "linux":
        return plan.target.platform
    facts = load_facts()
    return level_of(binaries_of(ops), facts.manylinux, libraries_of_torch(facts.libraries, plan.context)).tag


def binaries_of(ops: Sequence[BuiltOp]) -> list[Binary]:
    """What the modules of a build for Linux state of themselves."""
    from scripts.verify.elf_symbols import read_links  # takes longer to import than `nox -l` to do everything else

    try:
        return [read_links(op.file, op.binary.read_bytes()) for op in ops if op.binary.exists()]
    except UNSOUND as error:
        raise PackageError(f"an op is no sound ELF file ({error}); build it again without the op cache") from None
