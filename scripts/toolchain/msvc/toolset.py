"""Which MSVC toolset a target is compiled with: one that its CUDA accepts, of what is installed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from scripts.errors import InputError, PrerequisiteError
from scripts.facts.facts import Facts
from scripts.facts.msvc_toolsets import Toolset, ToolsetChoice, VisualStudioRelease
from scripts.toolchain.msvc.visual_studio import VisualStudio
from scripts.versions import minor_of

PIN_VARIABLE = "DEEPSPEED_WHEELS_MSVC"
INSTALLER = r"%ProgramFiles(x86)%\Microsoft Visual Studio\Installer\vs_installer.exe"


@dataclass(frozen=True, kw_only=True)
class ChosenToolset:
    """The toolset for a target and the Visual Studio that has it."""

    studio: VisualStudio
    version: str  # "14.44.35207"
    line: str  # "14.44"
    msc_ver: int  # 1944

    @property
    def compiler(self) -> Path:
        """Its x64 cl.exe."""
        return self.studio.compiler(self.version)


def why_refused(facts: Facts, line: str, cuda_version: str | None) -> str | None:
    """Why a toolset line cannot be used with a CUDA version (None: a target without CUDA); None when it can.

    Asked are crt/host_config.h of the toolkit (C1189), which DeepSpeed's -allow-unsupported-compiler would only hide,
    and the toolset's own library (STL1002), which nothing hides.
    """
    row = _row(facts, line)
    if not row:
        return f"no row in msvc.yaml says what {line} works with; add one"
    if cuda_version is None:
        return None
    cuda = facts.cuda.get(cuda_version)
    if not cuda:
        return f"CUDA {cuda_version} has no row in cuda.yaml; add one"
    if not cuda.msvc_min <= row.msc_ver < cuda.msvc_below:
        range_ = f"{cuda.msvc_min} to {cuda.msvc_below - 1}"
        return f"host_config.h of CUDA {cuda_version} accepts _MSC_VER {range_}; this is {row.msc_ver}"
    if row.stl_min_cuda and Version(cuda_version) < Version(row.stl_min_cuda):
        return f"its standard library asks for CUDA {row.stl_min_cuda} or newer (STL1002); this is {cuda_version}"
    return None


def pinned_toolset(environment: Mapping[str, str]) -> str | None:
    """The line or full version that DEEPSPEED_WHEELS_MSVC pins; None when it is not set.

    Raises InputError when it is neither.
    """
    pin = environment.get(PIN_VARIABLE, "").strip()
    if pin and not re.fullmatch(r"\d+\.\d+(\.\d+)*", pin):
        raise InputError(
            f"{PIN_VARIABLE} is {pin!r}; write a toolset such as 14.44, or a full version of one",
            id="value-not-accepted",
        )
    return pin or None


def toolset_choice(facts: Facts, cuda_version: str | None) -> ToolsetChoice | None:
    """The row of msvc.yaml for a CUDA version (None: a target without CUDA): its toolset and hosted image."""
    rows = facts.toolset_choices
    return next((row for row in rows if (cuda_version in row.cuda if cuda_version else not row.cuda)), None)


def preferred_toolsets(facts: Facts, cuda_version: str | None, *, pin: str | None = None) -> tuple[str, ...]:
    """Toolset lines that can be used with the CUDA version: the one that msvc.yaml chooses, then newest first.

    `pin`, a line or a full version (what DEEPSPEED_WHEELS_MSVC says), is the only one then; raises InputError when it
    cannot be used.
    """
    if pin:
        reason = why_refused(facts, minor_of(pin), cuda_version)
        if reason:
            accepted = ", ".join(preferred_toolsets(facts, cuda_version))
            raise InputError(
                f"MSVC toolset {pin} cannot be used: {reason}; accepted: {accepted}", id="msvc-not-accepted"
            )
        return (pin,)
    lines = sorted((row.version for row in facts.toolsets), key=Version, reverse=True)
    choice = toolset_choice(facts, cuda_version)
    chosen = [choice.toolset] if choice else []
    return tuple(line for line in dict.fromkeys([*chosen, *lines]) if not why_refused(facts, line, cuda_version))


def choose_toolset(
    found: Sequence[VisualStudio], preferred: Sequence[str], facts: Facts, cuda_version: str | None
) -> ChosenToolset:
    """The installed toolset that stands first in `preferred`, of the newest Visual Studio that has it.

    Raises PrerequisiteError with what to install when there is no Visual Studio, none with C++, or no accepted toolset.
    """
    for wanted in preferred:
        for studio in found:
            for version in studio.toolsets:
                if wanted in (version, minor_of(version)):
                    row = _row(facts, minor_of(version))
                    assert row, "a preferred line has its row"
                    return ChosenToolset(studio=studio, version=version, line=row.version, msc_ver=row.msc_ver)
    if not found:
        raise PrerequisiteError(no_visual_studio(preferred, facts), id="visual-studio-not-found")
    if not any(studio.toolsets for studio in found):
        raise PrerequisiteError(no_compiler(found, preferred, facts), id="msvc-not-installed")
    raise PrerequisiteError(no_accepted_toolset(found, preferred, facts, cuda_version), id="msvc-not-accepted")


def no_visual_studio(preferred: Sequence[str], facts: Facts) -> str:
    """The message when there is none at all."""
    years = ", ".join(sorted(facts.visual_studios))
    return (
        f"no Visual Studio is on this machine: vswhere.exe, the directories of Visual Studio {years} and the registry"
        f" know none; {_fresh_install(preferred, facts)}"
    )


def no_compiler(found: Sequence[VisualStudio], preferred: Sequence[str], facts: Facts) -> str:
    """The message when a Visual Studio is there but no C++ compiler in it."""
    studio = next((studio for studio in found if _components(studio, preferred, facts)), found[0])
    known = facts.editions.get(studio.edition)
    workload = (known or facts.editions["Community"]).workload
    names = "".join(f"\n  {each.name} in {each.root}" for each in found)
    add = [workload, *_components(studio, preferred, facts)]
    return (
        'Visual Studio is here, but without "Desktop development with C++", its x64 compiler:'
        f"{names}\nadd it, as an administrator: {modify_line(studio, add, recommended=True)}"
    )


def no_accepted_toolset(
    found: Sequence[VisualStudio], preferred: Sequence[str], facts: Facts, cuda_version: str | None
) -> str:
    """The message when compilers are there, but none that the target can use: each with its reason."""
    purpose = f"CUDA {cuda_version}" if cuda_version else "a wheel without CUDA"
    lines = [f"no C++ toolset of this machine can be used for {purpose}:"]
    for studio in found:
        for version in studio.toolsets:
            reason = why_refused(facts, minor_of(version), cuda_version) or "is not the one that was asked for"
            lines.append(f"  {version} ({studio.name}): {reason}")
    lines.append(f"accepted: {', '.join(preferred) or 'none'}")
    able = next((studio for studio in found if _components(studio, preferred, facts)), None)
    if able:
        add = f"add one, as an administrator: {modify_line(able, _components(able, preferred, facts))}"
    else:
        add = _fresh_install(preferred, facts)
    return "\n".join([*lines, add])


def modify_line(studio: VisualStudio, add: Sequence[str], *, recommended: bool = False) -> str:
    """The command for cmd.exe that adds workloads or components to an installed Visual Studio."""
    parts = [f'"{INSTALLER}" modify', f'--installPath "{studio.root}"']
    parts += [f"--add {component}" for component in add]
    parts += ["--includeRecommended"] * recommended
    return " ".join([*parts, "--passive --norestart"])


def _fresh_install(preferred: Sequence[str], facts: Facts) -> str:
    """Which Build Tools to download, and how they are installed with the first preferred toolset that they have."""
    releases = list(facts.visual_studios.values())
    offers = [(release, row) for line in preferred for release in releases if (row := _offered(release, line, facts))]
    release, component = offers[0] if offers else (releases[0], "")
    add = [facts.editions["BuildTools"].workload, *([component] if component else [])]
    options = " ".join(f"--add {component}" for component in add)
    return (
        f"install Visual Studio Build Tools {release.name}: download {release.build_tools} and run, as an"
        f" administrator: {release.build_tools.rpartition('/')[2]} {options} --includeRecommended --passive --norestart"
    )


def _offered(release: VisualStudioRelease, wanted: str, facts: Facts) -> str | None:
    row = _row(facts, minor_of(wanted))
    return row.components.get(release.version) if row else None


def _components(studio: VisualStudio, preferred: Sequence[str], facts: Facts) -> list[str]:
    """The id that adds the first preferred toolset that this Visual Studio's installer has; none when it has none."""
    rows = [row for wanted in preferred if (row := _row(facts, minor_of(wanted)))]
    return [row.components[studio.major] for row in rows if studio.major in row.components][:1]


def _row(facts: Facts, line: str) -> Toolset | None:
    return next((row for row in facts.toolsets if row.version == line), None)
