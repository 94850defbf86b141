"""Where a build has its things, for the dry run: here for a target of this platform, else on a hosted runner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from scripts.dirs import CHECKOUT
from scripts.host import find_interpreter, this_host
from scripts.plan.target import Target
from scripts.toolchain.cuda.provide import FETCHED, release_of, toolkit_place
from scripts.toolchain.survey import Survey, survey
from scripts.wheel_build.pipeline import Builder
from scripts.wheel_build.preview import Layout, activate_command, layout_elsewhere


def layouts_of(builder: Builder, targets: Sequence[Target]) -> dict[str, Layout]:
    """By id, where a build has its things."""
    here = this_host().platform
    surveys: dict[str, Survey] = {}
    layouts = {target.id: layout_elsewhere(target, builder.facts) for target in targets}
    for target in targets:
        if target.platform == here:
            if target.cuda not in surveys:  # asking compilers takes a moment, and targets of one CUDA share the answer
                context = builder.matrix.context_of(target, builder.facts)
                surveys[target.cuda] = survey(
                    target, builder.facts, context, builder.places.captured, builder.places.cache
                )
            layouts[target.id] = _layout_here(builder, target, layouts[target.id], surveys[target.cuda])
    return layouts


def _layout_here(builder: Builder, target: Target, elsewhere: Layout, found: Survey) -> Layout:
    host = found.host
    studio = host.places.get("studio") if host else None
    active = activate_command(Path(studio), str(host.context["toolset"])) if host and studio else None
    return replace(
        elsewhere,
        work=builder.places.work(target.id),
        checkout=CHECKOUT,
        interpreter=find_interpreter(target.python) or "python",
        toolkit=_toolkit_folder(builder, target, found),
        activate=active or elsewhere.activate,
    )


def _toolkit_folder(builder: Builder, target: Target, found: Survey) -> Path | None:
    """The CUDA toolkit that a build takes, or where one that it fetches will be."""
    choice = builder.options.toolkit
    if not target.cuda_version:
        return None
    if choice == "auto" and found.toolkits:
        return found.toolkits[0].root
    if choice not in ("auto", *FETCHED):
        return Path(choice)
    source = FETCHED[0] if choice == "auto" else choice
    return toolkit_place(builder.places.cache, release_of(target.cuda_version, builder.facts), source)
