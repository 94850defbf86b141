"""The toolkit of a target: one that is here before one that is fetched, and every reason when there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from scripts.command import no_log
from scripts.errors import InputError, PrerequisiteError
from scripts.facts.load import load_facts
from scripts.fetch import download
from scripts.toolchain.cuda import discovery, provide
from scripts.toolchain.cuda.discovery import NAMED_VARIABLE
from scripts.toolchain.cuda.provide import provide_toolkit, release_of, requested_toolkit
from scripts.toolchain.cuda.redist import REDIST_VARIABLE
from scripts.toolchain.cuda.toolkit import Toolkit
from tests.toolchain.archive_site import make_site, write_mirror
from tests.toolchain.stand_in import SYSTEM, make_toolkit

FACTS = load_facts()


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No toolkit here, and no archive within reach."""
    for name in (
        "CUDA_PATH_V12_4",
        "CUDA_PATH_V13_0",
        "CUDA_PATH",
        "CUDA_HOME",
        "ProgramW6432",
        "ProgramFiles",
        NAMED_VARIABLE,
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(discovery, "registry_folders", lambda key: [])
    monkeypatch.setattr(discovery.find_toolkits, "__kwdefaults__", {"unix": tmp_path / "none"})
    monkeypatch.setattr(download, "PAUSES", (0.01, 0.01))
    monkeypatch.setenv(REDIST_VARIABLE, str(tmp_path / "no mirror"))


def ask(tmp_path: Path, version: str = "12.4", choice: str = "auto", lines: list[str] | None = None) -> Toolkit:
    log = no_log if lines is None else lines.append
    return requested_toolkit(choice, FACTS, SYSTEM) or provide_toolkit(
        version, choice=choice, facts=FACTS, cache=tmp_path / "cache", system=SYSTEM, log=log
    )


def test_one_of_this_machine_is_taken_and_nothing_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_PATH", str(make_toolkit(tmp_path / "here")))
    assert ask(tmp_path).root == tmp_path / "here"
    assert not (tmp_path / "cache").exists()


def test_the_named_one_wins_over_all_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_PATH", str(make_toolkit(tmp_path / "here")))
    monkeypatch.setenv(NAMED_VARIABLE, str(make_toolkit(tmp_path / "named", "12.1.105")))
    assert (ask(tmp_path).root, ask(tmp_path).version) == (tmp_path / "named", "12.1")


def test_a_folder_as_the_choice_is_a_named_toolkit(tmp_path: Path) -> None:
    toolkit = ask(tmp_path, choice=str(make_toolkit(tmp_path / "mine", "12.1.105")))
    assert (toolkit.source, toolkit.version) == ("named", "12.1")
    with pytest.raises(PrerequisiteError, match="holds no CUDA toolkit"):
        ask(tmp_path, choice=str(tmp_path))


def test_one_that_does_not_count_is_named_and_another_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_PATH", str(make_toolkit(tmp_path / "here", without="cublas")))
    monkeypatch.setenv(REDIST_VARIABLE, str(write_mirror(tmp_path / "mirror", make_site())))
    lines: list[str] = []
    assert ask(tmp_path, lines=lines).source == "redist"
    assert [line for line in lines if "passed over" in line and "cuBLAS" in line and "CUDA_PATH" in line]


def test_a_fetched_one_is_found_again_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REDIST_VARIABLE, str(write_mirror(tmp_path / "mirror", make_site())))
    first = ask(tmp_path)
    monkeypatch.setenv(REDIST_VARIABLE, str(tmp_path / "no mirror"))
    assert ask(tmp_path) == first


def test_fetching_may_be_chosen_though_one_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_PATH", str(make_toolkit(tmp_path / "here")))
    monkeypatch.setenv(REDIST_VARIABLE, str(write_mirror(tmp_path / "mirror", make_site())))
    assert ask(tmp_path, choice="redist").root == tmp_path / "cache" / "cuda" / "12.4.1-redist"


def test_when_nothing_leads_to_one_every_reason_is_given(tmp_path: Path) -> None:
    with pytest.raises(PrerequisiteError) as caught:
        ask(tmp_path)
    said = str(caught.value)
    assert "redist: " in said
    assert "redistrib_12.4.1.json cannot be read" in said
    assert "pip: CUDA 12.4.1 has no wheels with a compiler" in said
    assert NAMED_VARIABLE in said


def test_for_cuda_13_wheels_are_the_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(draft: Path, release: str, *rest: object) -> dict[str, str]:
        make_toolkit(draft, "13.0.88")
        return {"cuda_toolkit": release}

    monkeypatch.setattr(provide, "fill_from_wheels", fill)
    toolkit = ask(tmp_path, "13.0")
    assert (toolkit.source, toolkit.root.name) == ("pip", "13.0.3-pip")


def test_wheels_of_cuda_12_are_refused_when_chosen(tmp_path: Path) -> None:
    with pytest.raises(PrerequisiteError, match="only those of CUDA 13"):
        ask(tmp_path, choice="pip")


def test_the_release_is_the_newest_of_a_minor_or_the_one_named() -> None:
    assert release_of("12.4", FACTS) == "12.4.1"
    assert release_of("13.0.2", FACTS) == "13.0.2"
    for unknown in ("12.5", "13.0.9", "nonsense"):
        with pytest.raises(InputError, match=r"is not known; known: 11\.8"):
            release_of(unknown, FACTS)
    unfetchable = replace(FACTS, cuda={**FACTS.cuda, "13.5": replace(FACTS.cuda["13.5"], releases=())})
    with pytest.raises(PrerequisiteError, match=r"no release that could be fetched"):
        release_of("13.5", unfetchable)
