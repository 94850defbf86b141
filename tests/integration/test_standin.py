"""The stand-in is as GitHub describes itself, and whoever strays from the description is caught."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.github.contract import DESCRIPTION, Exchange, load_contract
from tests.github.standin import RELEASES, TOKEN, StandIn, serving

pytest.importorskip("openapi_core", reason="the description is checked where openapi-core is installed")

JSON = "application/json"
CHECKS = "not_a_server_error,response_schema_conformance,content_type_conformance,negative_data_rejection"


def exchange(method: str, path: str, body: bytes = b"", status: int = 200, answer: bytes = b"") -> Exchange:
    headers = {"Content-Type": JSON}
    return Exchange(
        method=method, path=path, query="", headers=headers, body=body, status=status, answer=answer, kind=JSON
    )


def test_a_request_that_github_would_refuse_is_caught() -> None:
    contract = load_contract()
    assert contract.faults_of_request(exchange("POST", RELEASES, b'{"tag_name": "v1"}')) == []
    assert contract.faults_of_request(exchange("POST", RELEASES, b'{"tag_name": 5}'))
    assert contract.faults_of_request(exchange("POST", RELEASES, b"{}"))
    assert contract.faults_of_request(exchange("GET", "/repos/a/b/release"))


def test_an_answer_that_github_would_not_give_is_caught() -> None:
    contract = load_contract()
    assert contract.faults_of_answer(exchange("GET", f"{RELEASES}/1/assets", answer=b"[]")) == []
    assert contract.faults_of_answer(exchange("GET", f"{RELEASES}/1/assets", answer=b'[{"id": 1}]'))
    assert contract.faults_of_answer(exchange("GET", RELEASES, status=418, answer=b"{}"))


def test_a_client_that_strays_is_remembered() -> None:
    with serving(StandIn(contract=load_contract())) as standin:
        answer = requests.post(
            standin.address + RELEASES, json={"tag_name": 5}, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10
        )
    assert answer.status_code == 422
    assert len(standin.violations) == 1


@pytest.mark.skipif(not shutil.which("schemathesis", path=Path(sys.executable).parent), reason="no schemathesis here")
def test_schemathesis_finds_no_fault_in_the_stand_in(tmp_path: Path) -> None:
    """Thousands of odd calls: none breaks it, none is answered as GitHub would not."""
    repository = {"owner": "someone", "repo": "wheels"}
    (tmp_path / "schemathesis.toml").write_text(
        "\n".join(["[parameters]", *(f'"path.{key}" = "{value}"' for key, value in repository.items())])
    )
    program = shutil.which("schemathesis", path=Path(sys.executable).parent)
    assert program
    with serving(StandIn(contract=load_contract(), strict=False)) as standin:
        ran = subprocess.run(
            [
                program,
                "run",
                str(DESCRIPTION),
                "--url",
                standin.address,
                "--checks",
                CHECKS,
                "--max-examples",
                "12",
                "--phases",
                "coverage,fuzzing",
                "--seed",
                "4",
                "--no-color",
                "--generation-database",
                "none",
                "-H",
                f"Authorization: Bearer {TOKEN}",
            ],
            cwd=tmp_path,
            env={**os.environ, "NO_PROXY": "127.0.0.1"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert ran.returncode == 0, ran.stdout[:9000] + ran.stderr
    assert standin.violations == []
    assert len(standin.requests) > 200
    assert re.search(r"generated, \d+ passed|No issues found", ran.stdout), ran.stdout
