"""What the person told pip is what we and uv use too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import requests

from scripts.fetch.index_client import (
    default_index,
    open_index,
    packages_of,
    pip_settings,
    uv_variables,
    verify_bundle,
)
from tests.wheel_build.factories import Page, serving


@pytest.fixture(autouse=True)
def no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No variable of this machine; the file that pip reads."""
    names = [name for name in os.environ if name.startswith(("PIP_", "UV_"))]
    for name in [*names, "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"]:
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "pip.conf"
    file.write_text("")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    return file


@pytest.fixture
def config(no_settings: Path) -> Path:
    return no_settings


def test_settings_come_from_the_file_unquoted(config: Path) -> None:
    config.write_text("[global]\nindex-url = http://127.0.0.1:1/simple\ncert = /a folder/it's.pem\n")
    assert default_index() == "http://127.0.0.1:1/simple"
    assert verify_bundle() == "/a folder/it's.pem"


def test_the_section_of_install_wins_over_the_global_one(config: Path) -> None:
    config.write_text(
        "[install]\nindex-url = http://127.0.0.1:2/simple\n[global]\nindex-url = http://127.0.0.1:1/simple\n"
    )
    assert default_index() == "http://127.0.0.1:2/simple"


def test_a_section_for_another_command_is_not_ours(config: Path) -> None:
    config.write_text("[download]\ncert = /elsewhere.pem\n")
    assert "cert" not in pip_settings() or pip_settings()["cert"] != "/elsewhere.pem"


def test_a_variable_wins_over_the_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text("[global]\nindex-url = http://127.0.0.1:1/simple\n")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:3/simple")
    assert default_index() == "http://127.0.0.1:3/simple"


def test_uv_is_told_every_folder_of_wheels_one_line_each(config: Path) -> None:
    config.write_text("[global]\nfind-links =\n    /wheels/one\n    /wheels/two\n")
    assert uv_variables()["UV_FIND_LINKS"] == "/wheels/one,/wheels/two"


def test_uv_is_told_every_folder_of_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", "/wheels/one /wheels/two")
    assert uv_variables()["UV_FIND_LINKS"] == "/wheels/one,/wheels/two"


def test_uv_never_downloads_a_python_and_keeps_what_it_was_told_itself(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text("[global]\nindex-url = http://127.0.0.1:1/simple\n")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/own")
    told = uv_variables()
    assert told["UV_PYTHON_DOWNLOADS"] == "never"
    assert "UV_DEFAULT_INDEX" not in told


def test_certificates_are_the_variables_then_the_built_in_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    if "cert" not in pip_settings():
        assert verify_bundle() is True
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/bundle.pem")
    assert verify_bundle() == pip_settings().get("cert", "/bundle.pem")


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"{}", "application/json"), (b"{]", "application/vnd.pypi.simple.v1+json"), (b"", "text/plain")],
)
def test_what_is_no_list_of_packages_is_an_error_of_the_index(
    body: bytes, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Page(body=body, headers={"Content-Type": kind})
    with serving({"/simple/deepspeed/": page}) as site:
        monkeypatch.setenv("PIP_INDEX_URL", f"{site.url}/simple/")
        with open_index() as client:
            with pytest.raises(requests.RequestException, match="is no package index"):
                packages_of("deepspeed", client)
            assert packages_of("nothing", client) == []
