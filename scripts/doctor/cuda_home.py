"""How CUDA_HOME is set in the shell at hand: for now, for this environment, for good."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from scripts.facts.finding_rows import ShellGuide

NO_ROOT = {"windows": r"C:\Program Files\NVIDIA GPU Computing Toolkit\CUDA\v12.4", "linux": "/usr/local/cuda-12.4"}


def guide_lines(
    guides: Mapping[str, ShellGuide], system: str, variables: Mapping[str, str], root: str = ""
) -> Iterator[str]:
    """The guide for this system's shells, the one at hand first; without a known toolkit for an example's folder."""
    folder = root or NO_ROOT[system]
    yield f"CUDA_HOME guide (for {folder}):"
    for guide in shells_at_hand(guides, system, variables):
        yield f"  {guide.title}"
        yield f"    for now:              {guide.now.format(root=folder)}"
        yield f"    for this environment: {guide.environment.format(root=folder)}"
        yield f"    for good:             {guide.always.format(root=folder)}"
        yield f"    to check:             {guide.check}"


def shells_at_hand(
    guides: Mapping[str, ShellGuide], system: str, variables: Mapping[str, str]
) -> tuple[ShellGuide, ...]:
    """The shells of the system, the one that this process seems to be started from first."""
    own = [guide for guide in guides.values() if guide.system == system]
    return tuple(sorted(own, key=lambda guide: not _is_at_hand(guide, variables)))


def _is_at_hand(guide: ShellGuide, variables: Mapping[str, str]) -> bool:
    """cmd sets PROMPT and PowerShell does not; conda names its environment."""
    if guide.title == "conda" or "CONDA_PREFIX" in variables:
        return guide.title == "conda" and "CONDA_PREFIX" in variables
    return guide.title == {True: "cmd", False: "PowerShell"}["PROMPT" in variables] or guide.system == "linux"
