"""What rows of one data file promise about rows of another: names that must exist, ranges that must match something."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from scripts.facts.build_variables import Variable
from scripts.facts.deepspeed_releases import Patch, check_ops, check_patches
from scripts.facts.facts import Facts
from scripts.facts.rules import Rule
from scripts.facts.shared_libraries import Library
from scripts.facts.tag_files import check_tag_files
from scripts.facts.third_parties import EVERY_OP, OWN_LICENCE
from scripts.facts.torch_releases import TorchRelease
from scripts.schema.readers import VERSION, Problems, below
from scripts.versions import SYSTEMS, cuda_version, minor_of

TOOLKIT_SOURCES = ("named", "variable", "registry", "folder", "redist", "pip")  # found here, or fetched
SOURCE_KINDS = ("tag", "sdist")


def check_facts(facts: Facts, problems: Problems) -> None:
    """Adds every contradiction between rows to `problems`."""
    for minor, release in facts.torch.items():
        _check_torch(release, facts, below("torch.yaml: torch", minor), problems)
    check_ops(facts.ops, facts.deepspeed, problems)
    check_patches(facts.patches, problems)
    check_tag_files(facts.tag_files, problems)
    _check_toolchain(facts, problems)
    _check_rules(facts, problems)
    for index, library in enumerate(facts.libraries):
        _check_known(f"libraries.yaml: libraries[{index}].ops", library.ops, facts.ops, problems)
    for name, op in facts.ops.items():
        after = [other for rows in op.support.values() for row in rows for other in row.after]
        _check_known(below("deepspeed.yaml: ops", name), after, facts.ops, problems)
    for index, row in enumerate(facts.cpu_exceptions):
        _check_known(f"cpu.yaml: exceptions[{index}].op", [row.op], facts.ops, problems)
    _check_known("watched.yaml: images", facts.watched_images, facts.runners, problems)
    _check_known("portability.yaml: dialects", [row.torch for row in facts.dialects], facts.header_wheels, problems)
    known_licences = {OWN_LICENCE, *facts.licences}
    for name, party in facts.third_parties.items():
        where = below("third_party.yaml: parties", name)
        _check_known(f"{where}.licence", [party.licence], known_licences, problems)
        _check_known(f"{where}.ops", [op for op in party.ops if op != EVERY_OP], facts.ops, problems)
    _check_unique("rules.yaml: rules", (rule.id for rule in facts.rules), problems)
    _check_unique("deepspeed.yaml: patches", (patch.id for patch in facts.patches), problems)


def _check_torch(release: TorchRelease, facts: Facts, where: str, problems: Problems) -> None:
    if not release.patches:
        problems.add(f"{where}.patches", "is empty; name at least the first release")
    for patch in release.patches:
        if not VERSION.fullmatch(patch) or patch.endswith("t"):
            problems.add(f"{where}.patches", f"{patch!r} is not a version; write one such as {release.minor}.0")
        elif minor_of(patch) != release.minor:
            problems.add(f"{where}.patches", f"{patch} is not a release of {release.minor}; move it to its own row")
    variants = ("cpu", *release.cuda)
    _check_known(f"{where}.msvc", [release.msvc], [toolset.version for toolset in facts.toolsets], problems)
    _check_same(f"{where}.cxx11_abi", release.cxx11_abi, variants, problems)
    for system in SYSTEMS.values():
        _check_known(f"{where}.pythons.{system}", release.pythons[system], facts.pythons, problems)
        _check_known(f"{where}.default_variant.{system}", [release.default_variant[system]], variants, problems)
        _check_same(f"{where}.arches.{system}", release.arches[system], release.cuda, problems)


def _check_toolchain(facts: Facts, problems: Problems) -> None:
    toolsets = [toolset.version for toolset in facts.toolsets]
    for index, choice in enumerate(facts.toolset_choices):
        where = f"msvc.yaml: choices[{index}]"
        _check_known(f"{where}.cuda", choice.cuda, facts.cuda, problems)
        _check_known(f"{where}.toolset", [choice.toolset], toolsets, problems)
        _check_known(f"{where}.runners", choice.runners, facts.runners, problems)
        for hosted in choice.runners:
            if hosted in facts.runners and choice.toolset not in facts.runners[hosted].toolsets:
                problems.add(f"{where}.toolset", f"{hosted} does not have {choice.toolset}; correct either row")
    for system, image in facts.builds_on.items():
        where = below("runners.yaml: builds_on", system)
        _check_known(where, [system], SYSTEMS.values(), problems)
        _check_known(f"{where}.runner", [image.runner], facts.runners, problems)
        _check_known(f"{where}.image", [image.image] if image.image else [], facts.images, problems)
    majors = {release.version for release in facts.visual_studios.values()}
    for index, toolset in enumerate(facts.toolsets):
        _check_known(f"msvc.yaml: toolsets[{index}].components", toolset.components, majors, problems)
    for name, runner in facts.runners.items():
        _check_known(below("runners.yaml: runners", name), runner.toolsets, toolsets, problems)
    for index, gpu in enumerate(facts.gpus):
        if not any(gpu.sm in toolkit.sms for toolkit in facts.cuda.values()):
            problems.add(f"gpu.yaml: gpu[{index}].sm", f"no toolkit of cuda.yaml compiles for {gpu.sm}; correct either")


def _check_rules(facts: Facts, problems: Problems) -> None:
    known = {name: values for name, values in known_values(facts).items() if values}
    tables: dict[str, Sequence[Rule | Patch | Library | Variable]] = {
        "rules.yaml: rules": facts.rules,
        "deepspeed.yaml: patches": facts.patches,
        "libraries.yaml: libraries": facts.libraries,
        "variables.yaml: variables": facts.variables,
    }
    rows = [(f"{name}[{index}].when", row.when) for name, table in tables.items() for index, row in enumerate(table)]
    for where, condition in rows:
        for name, value in condition.unmatched(known):
            problems.add(f"{where}.{name}", f"{value!r} matches nothing known; correct it or add the value to the data")
    for index, rule in enumerate(facts.rules):
        if rule.level == "fix" and not rule.hint:
            problems.add(f"rules.yaml: rules[{index}].hint", "is missing; a rule of level fix says what to do")


def known_values(facts: Facts) -> dict[str, frozenset[str]]:
    """By name of the context, the values that a target of any matrix can have, where the data can tell."""
    variants = {variant for release in facts.torch.values() for variant in release.cuda}
    cuda = {version for variant in variants if (version := cuda_version(variant))} | set(facts.cuda)
    toolkits = cuda.union(*(toolkit.releases for toolkit in facts.cuda.values()))
    majors = frozenset(version.partition(".")[0] for version in cuda)
    capabilities = frozenset(f"{gpu.sm // 10}.{gpu.sm % 10}" for gpu in facts.gpus)
    return {
        "os": frozenset(SYSTEMS.values()),
        "platform": frozenset(SYSTEMS),
        "accelerator": frozenset({"cpu", "cuda"}),
        "cuda": frozenset({"cpu", *variants}),
        "cuda-version": frozenset(cuda),
        "cuda-major": majors,
        "toolkit-version": frozenset(toolkits),
        "toolkit-major": majors,
        "torch": frozenset(patch for release in facts.torch.values() for patch in release.patches),
        "deepspeed": frozenset(facts.deepspeed),
        "python": frozenset(facts.pythons),
        "toolset": frozenset(toolset.version for toolset in facts.toolsets),
        "msc-ver": frozenset(str(toolset.msc_ver) for toolset in facts.toolsets),
        "arch": capabilities,
        "arch-max": capabilities,
        "toolkit-source": frozenset(TOOLKIT_SOURCES),
        "source-kind": frozenset(SOURCE_KINDS),
    }


def _check_known(where: str, values: Iterable[str], known: Collection[str], problems: Problems) -> None:
    for value in values:
        if value not in known:
            problems.add(where, f"{value!r} has no row of its own; add one or correct it")


def _check_same(where: str, found: Mapping[str, object], expected: Collection[str], problems: Problems) -> None:
    for missing in sorted(set(expected) - set(found)):
        problems.add(where, f"{missing!r} is missing; add it")
    for extra in sorted(set(found) - set(expected)):
        problems.add(where, f"{extra!r} is not a variant of this release; remove it or add it to `cuda`")


def _check_unique(where: str, names: Iterable[str], problems: Problems) -> None:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            problems.add(below(where, index), f"two rows are called {name!r}; rename one")
        seen.add(name)
