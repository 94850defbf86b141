"""The page is a value: the same bytes each time, no address but its own, nothing that a name could break out of."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

from scripts.index.page.render import DETECT, SCRIPTS, render_page
from scripts.index.page.states import Build
from tests.index.page.factories import made_up, published, render, some_builds, some_wheels, world
from tests.plan.factories import make_plan, make_target


def test_the_same_wheels_make_the_same_bytes() -> None:
    records, builds = some_wheels(), some_builds()
    assert render(records, builds=builds) == render(tuple(reversed(records)), builds=dict(reversed(builds.items())))


def test_the_page_names_exactly_the_files_that_it_comes_with() -> None:
    files = render([])
    named = set(re.findall(r'(?:src|href)="(page/[^"?]+)[?]\w{12}"', files["index.html"].decode()))
    assert named == files.keys() - {"index.html"}
    assert named == {"page/data.js", "page/style.css", *(f"page/{name}" for name in SCRIPTS)}


def test_other_data_is_asked_for_under_another_name() -> None:
    editions = [
        set(re.findall(r"[?](\w{12})", render(records)["index.html"].decode())) for records in ((), some_wheels())
    ]
    assert [len(found) for found in editions] == [1, 1]
    assert editions[0] != editions[1]


def test_no_file_asks_another_host_for_anything() -> None:
    for name, content in render([]).items():
        text = content.decode()
        assert not re.search(r"url\(|@import|fetch\(|XMLHttp|<iframe|\bimport\(", text), name
        assert not re.search(r'(?:src|action)="(?:https?:)?//', text), name


def test_what_others_wrote_cannot_break_out() -> None:
    bad = "</script><script>alert(1)</script>\u2028"
    facts, matrix, _ = world()
    target = make_target()
    files = render_page(
        published([made_up(target, left_out={"async_io": bad})]),
        make_plan([target]),
        facts,
        matrix,
        builds={make_target(python="3.12").id: Build(state="failed", message=bad)},
        title=bad,
        repository="owner/<b>",
    )
    index = files["index.html"].decode()
    assert "<script>alert" not in index
    assert "<b>" not in index
    data = json.loads(files["page/data.js"].decode().removeprefix("globalThis.wheels = ").rstrip(";\n"))
    assert data["builds"]["1"][1] == bad


# ---------------------------------------------------------------- the detection line


def printed(path: Path) -> dict[str, object]:
    """What the line prints when `path` is searched for torch first."""
    words = shlex.split(DETECT)
    assert words[:2] == ["python", "-c"]
    code = f"import sys; sys.path.insert(0, {str(path)!r}); {words[2]}"
    found: dict[str, object] = json.loads(subprocess.check_output([sys.executable, "-I", "-c", code], text=True))
    return found


def test_the_detection_line_holds_nothing_that_a_shell_reads() -> None:
    assert re.fullmatch(r"python -c \"[^\"$`!%^&|<>\\]+\"", DETECT)


def test_the_detection_line_tells_what_torch_says(tmp_path: Path) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text(
        "__version__ = '2.6.0+cu124'\n"
        "class version: cuda = '12.4'\n"
        "class cuda:\n"
        "    is_available = staticmethod(lambda: True)\n"
        "    get_device_name = staticmethod(lambda index: 'NVIDIA GeForce RTX 4090')\n"
        "    get_device_capability = staticmethod(lambda index: (8, 9))\n"
    )
    found = printed(tmp_path)
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["platform"] == sys.platform
    assert (found["torch"], found["cuda"]) == ("2.6.0+cu124", "12.4")
    assert (found["gpu"], found["capability"]) == ("NVIDIA GeForce RTX 4090", [8, 9])


def test_the_detection_line_works_without_a_gpu(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text(
        "__version__ = '2.6.0+cpu'\n"
        "class version: cuda = None\n"
        "class cuda: is_available = staticmethod(lambda: False)\n"
    )
    assert {printed(tmp_path)[key] for key in ("cuda", "gpu", "capability")} == {None}


def test_the_detection_line_works_without_torch() -> None:
    code = shlex.split(DETECT)[2]
    found = json.loads(subprocess.check_output([sys.executable, "-I", "-S", "-c", code], text=True))
    assert (found["torch"], found["cuda"], found["gpu"]) == (None, None, None)
