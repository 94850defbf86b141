"""Visual Studios that are only folders and empty programs."""

from __future__ import annotations

from pathlib import Path

from scripts.toolchain.msvc.visual_studio import COMPILER, VisualStudio, installed_toolsets, toolset_folder


def install(root: Path, *toolsets: str) -> Path:
    """The folder of a Visual Studio with these toolsets, full versions; without C++ when there are none."""
    (root / "Common7").mkdir(parents=True, exist_ok=True)
    for toolset in toolsets:
        compiler = toolset_folder(root) / toolset / COMPILER
        compiler.parent.mkdir(parents=True, exist_ok=True)
        compiler.write_text("cl")
        compiler.with_name("link.exe").write_text("link")
    if toolsets:
        script = root / "VC" / "Auxiliary" / "Build" / "vcvars64.bat"
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text("@echo off\n")
    return root


def make_studio(
    root: Path, *toolsets: str, version: str = "17.14.36202.13", edition: str = "Community"
) -> VisualStudio:
    """A Visual Studio at `root` with these toolsets."""
    install(root, *toolsets)
    return VisualStudio(
        root=root,
        name=f"Visual Studio {edition}",
        version=version,
        edition=edition,
        toolsets=installed_toolsets(root),
        found_by="vswhere",
    )
