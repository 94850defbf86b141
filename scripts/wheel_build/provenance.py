"""`provenance_of`: where a wheel comes from, of what its build has found out."""

from __future__ import annotations

from scripts.facts.source_files import patch_digests
from scripts.toolchain.compilers import Toolchain
from scripts.wheel.bill_of_materials import Provenance
from scripts.wheel.record import WheelSource
from scripts.wheel_build.build_plan import BuildPlan
from scripts.wheel_build.recipe import Recipe
from scripts.wheel_build.source import SourceTree


def provenance_of(plan: BuildPlan, toolchain: Toolchain, tree: SourceTree, recipe: Recipe, commit: str) -> Provenance:
    """What the wheel of this build is made of; `commit` is that of these tools, empty where it is not known."""
    archive = tree.archive
    patches = [patch for patch in plan.patches[archive.kind] if patch.id in tree.patches]
    choices = {"cpu-level": plan.cpu.name, "gpu-architectures": plan.arches, "corrections": ", ".join(tree.corrections)}
    return Provenance(
        version=plan.target.wheel_version,
        target=plan.target.id,
        source=WheelSource(kind=archive.kind, sha256=archive.sha256, url=archive.url, patches=tree.patches),
        edits=patch_digests(patches),
        titles={patch.id: patch.title for patch in patches},
        torch=recipe.torch["version"],
        toolchain=tools_of(toolchain, recipe),
        choices={name: value for name, value in choices.items() if value},
        commit=commit,
    )


def tools_of(toolchain: Toolchain, recipe: Recipe) -> dict[str, str]:
    """What made the wheel, beside torch: each tool with its version."""
    return {**toolchain.identity, "setuptools": recipe.setuptools}
