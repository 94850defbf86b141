"""`invoke index` writes the page beside the index, and renews a README's table from the same records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scripts.commands.index_task import index
from scripts.commands.store_options import SiteOptions
from scripts.errors import DataError, InputError
from tests.plan.factories import make_target


def write_index(out: Path, **options: Any) -> None:  # noqa: ANN401  fields of SiteOptions
    """The index of an empty store."""
    index(SiteOptions(out=str(out), store=f"dir:{out.parent}", **options))


def test_the_page_lies_beside_the_index_and_knows_the_builds(tmp_path: Path) -> None:
    builds = tmp_path / "builds.json"
    builds.write_text(f'{{"{make_target().id}": {{"state": "failed", "message": "no memory"}}}}')
    write_index(tmp_path / "site", builds=str(builds), repository="owner/wheels")
    assert {"index.html", "page", "whl"} <= {path.name for path in (tmp_path / "site").iterdir()}
    assert "https://github.com/owner/wheels" in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert '["failed","no memory",null]' in (tmp_path / "site" / "page" / "data.js").read_text(encoding="utf-8")


def test_the_table_of_a_readme_is_renewed(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("<!-- wheels -->\n<!-- /wheels -->\n")
    write_index(tmp_path / "site", readme=str(readme))
    assert "| 0.19.8 | 0 of" in readme.read_text(encoding="utf-8")


def test_documents_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.json: cannot be read"):
        write_index(tmp_path / "site", builds=str(tmp_path / "absent.json"))
    with pytest.raises(InputError, match=r"absent\.md"):
        write_index(tmp_path / "site", readme=str(tmp_path / "absent.md"))
    (tmp_path / "bad.json").write_text("[]")
    with pytest.raises(DataError, match=r"bad\.json"):
        write_index(tmp_path / "site", builds=str(tmp_path / "bad.json"))
