"""Applies a patch of the facts to a source tree; an edit that finds nothing to change is an error."""

from __future__ import annotations

from pathlib import Path

from scripts.errors import SourceError
from scripts.facts.deepspeed_releases import Edit, Patch


def apply_patch(patch: Patch, root: Path, version: str) -> None:
    """Carry out every edit of `patch` below `root`.

    Raises SourceError naming the patch and file when a file is missing or holds nothing that the edit changes.
    """
    for edit in patch.edits:
        if edit.write is not None:
            file = root / edit.file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(edit.write.replace("{version}", version), encoding="utf-8")
        elif not sum(_change(edit, file) for file in _files(patch, edit, root)):
            raise SourceError(
                f"patch {patch.id}: {edit.file} of {version} holds nothing to change; is its range right?",
                id="patch-does-not-apply",
            )


def _files(patch: Patch, edit: Edit, root: Path) -> list[Path]:
    files = sorted(root.glob(edit.file))
    if not files:
        raise SourceError(f"patch {patch.id}: the source has no {edit.file}", id="patch-does-not-apply")
    return files


def _change(edit: Edit, file: Path) -> bool:
    before = file.read_bytes().decode("utf-8")
    after = edit.changed(before)
    if after != before:
        file.write_bytes(after.encode("utf-8"))
    return after != before
