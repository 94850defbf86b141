"""From DeepSpeed's source to a person's environment: build, publish, index, serve, pip install, ds_report."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.command import Command, check, run
from scripts.commands.project import open_project
from scripts.facts.source_files import LISTING_VARIABLE
from scripts.fetch.installer import environment_python, find_installer
from scripts.index.install_line import install_words
from scripts.index.published_site import read_site
from scripts.plan.target import Target, parse_id
from scripts.verify.ds_report import parse_ds_report
from scripts.wheel_build.build_environment import install_torch
from scripts.wheel_build.torch_routes import torch_routes
from tests.github.fixtures import standin
from tests.github.rehearsal import publisher_environment
from tests.github.standin import REPOSITORY, StandIn
from tests.integration.shop import ROOT, Shop
from tests.publish.loopback import as_run, served

__all__ = ["standin"]  # a fixture
pytestmark = pytest.mark.real_build


def test_a_wheel_reaches_an_environment_by_pip_and_reports_its_ops(
    shop: Shop, host_build: dict[str, Any], standin: StandIn, tmp_path: Path
) -> None:
    store = ("--store", f"github:{REPOSITORY}")
    target = parse_id(host_build["target"])
    published = task(standin, shop, "publish", *store)
    assert [release["tag"] for release in published["releases"]] == [f"v{target.deepspeed}"]
    python = environment_with_torch(tmp_path / "person", target)
    with served(tmp_path / "site") as site:
        task(standin, shop, "index", "--out", str(tmp_path / "site"), "--url", site.url, *store)
        offered = read_site(site.url)
        (record,) = [record for record in offered.wheels if record.target == target]
        install = Command(argv=tuple(as_run(install_words(record, offered), python)), env={"NO_PROXY": "127.0.0.1"})
        check(install, run(install))
    report = Command(argv=(str(python), "-m", "deepspeed.env_report"), env={"DS_ACCELERATOR": "cpu"}, cwd=tmp_path)
    seen = parse_ds_report(check(report, run(report)).output)
    assert {op for op, there in seen.installed.items() if there} == set(shop.manifest(host_build)["ops"])


def task(standin: StandIn, shop: Shop, *words: str) -> dict[str, Any]:
    """The document of `invoke` with GitHub's address set to the stand-in's."""
    argv = [sys.executable, "-m", "invoke", *words, "--json"]
    own = {LISTING_VARIABLE: ""}  # the repository's own list of source files: it is a real wheel
    environment = {**publisher_environment(standin, shop.folder), **own}
    answer = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr[-3000:]
    document: dict[str, Any] = json.loads(answer.stdout)
    return document


def environment_with_torch(folder: Path, target: Target) -> Path:
    """The Python of a fresh environment with the target's torch, as a person may have it."""
    installer, project = find_installer(), open_project()
    create = installer.create(folder, sys.executable)
    check(create, run(create))
    python = environment_python(folder)
    torch = project.facts.torch[target.torch_minor]
    assert install_torch(installer, python, torch_routes(target, torch, project.matrix.torch_index))
    return python
