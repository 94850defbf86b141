"""Visual Studio is found wherever it is: vswhere first, then the known folders, then the registry; each once."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from scripts.command import Answer
from scripts.facts.load import load_facts
from scripts.toolchain.msvc import visual_studio
from scripts.toolchain.msvc.visual_studio import (
    FOLDER,
    VSWHERE,
    VisualStudio,
    find_visual_studios,
    from_registry,
    installed_toolsets,
    parse_vswhere,
    program_folders,
    search,
    toolset_folder,
)
from tests.toolchain.made_up import install

FACTS = load_facts()


@pytest.fixture(autouse=True)
def empty_registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, dict[str, str]]:
    """A registry to fill, key by key; the one of this machine is out of the game."""
    registry: dict[str, dict[str, str]] = {}
    monkeypatch.setattr(visual_studio, "registry_values", lambda key: registry.get(key, {}))
    monkeypatch.setenv("PROGRAMDATA", str(tmp_path / "no program data"))
    return registry


def entry(root: Path, version: str, product: str = "Community", **more: object) -> dict[str, object]:
    """One installation as vswhere writes it."""
    return {
        "instanceId": "1a2b3c4d",
        "installationPath": str(root),
        "installationVersion": version,
        "productId": f"Microsoft.VisualStudio.Product.{product}",
        "isComplete": True,
        "isPrerelease": False,
        "displayName": f"Visual Studio {product} 2022",
        **more,
    }


def answer(*entries: dict[str, object]) -> str:
    return json.dumps(entries, ensure_ascii=False)


def put_vswhere(programs: Path, monkeypatch: pytest.MonkeyPatch, said: str) -> list[list[str]]:
    """Put a vswhere.exe there that answers so; returns the command lines that it was asked with."""
    program = programs / FOLDER / "Installer" / "vswhere.exe"
    program.parent.mkdir(parents=True)
    program.write_text("")
    asked: list[list[str]] = []

    def ask(argv: list[str], *, seconds: float) -> Answer:
        asked.append(argv)
        return Answer(exit_code=0, output=said, errors="")

    monkeypatch.setattr(visual_studio, "ask", ask)
    return asked


def by_folder(programs: Path, release: str, edition: str, *toolsets: str) -> Path:
    return install(programs / FOLDER / release / edition, *toolsets)


def test_vswhere_is_asked_for_everything_in_utf_8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = install(tmp_path / "Größe (x86) & Ωmega" / "VS", "14.44.35207", "14.29.30133")
    asked = put_vswhere(tmp_path / "Program Files (x86)", monkeypatch, answer(entry(root, "17.14.36202.13")))
    (studio,) = search([tmp_path / "Program Files", tmp_path / "Program Files (x86)"], FACTS)
    assert studio == VisualStudio(
        root=root,
        name="Visual Studio Community 2022",
        version="17.14.36202.13",
        edition="Community",
        toolsets=("14.44.35207", "14.29.30133"),
        found_by="vswhere",
    )
    assert [argv[1:] for argv in asked] == [list(VSWHERE)]
    assert {"-all", "-prerelease", "-utf8"} < set(VSWHERE)


@pytest.mark.parametrize(
    "said", ["", "Error 0x57", '{"installationPath": "C:\\\\"}', '["C:\\\\", {"installationPath": 7}]', "\xff"]
)
def test_an_answer_that_is_no_list_of_installations_is_no_installation(said: str) -> None:
    assert list(parse_vswhere(said, FACTS)) == []


def test_a_byte_order_mark_does_not_hide_the_answer(tmp_path: Path) -> None:
    said = "\ufeff" + answer(entry(install(tmp_path), "17.14"))
    assert [studio.version for studio in parse_vswhere(said, FACTS)] == ["17.14"]


def test_an_installation_whose_folder_is_gone_is_none(tmp_path: Path) -> None:
    assert list(parse_vswhere(answer(entry(tmp_path / "gone", "17.14")), FACTS)) == []


def test_a_product_without_compilers_counts_only_when_one_is_in_it(tmp_path: Path) -> None:
    ssms, agent = install(tmp_path / "ssms"), install(tmp_path / "agent", "14.44.35207")
    said = answer(entry(ssms, "21.4", "Ssms"), entry(agent, "17.14", "TestAgent"))
    assert [studio.root for studio in parse_vswhere(said, FACTS)] == [agent]


@pytest.mark.parametrize(
    ("release", "edition", "version"),
    [("2019", "Professional", "16"), ("2022", "Enterprise", "17"), ("2022", "Preview", "17"), ("18", "Insiders", "18")],
)
def test_without_vswhere_the_known_folders_are_looked_at(
    tmp_path: Path, release: str, edition: str, version: str
) -> None:
    root = by_folder(tmp_path, release, edition, "14.44.35207")
    (studio,) = search([tmp_path], FACTS)
    assert (studio.root, studio.version, studio.edition, studio.found_by) == (root, version, edition, "folder")


def test_build_tools_are_found_among_the_32_bit_programs_too(tmp_path: Path) -> None:
    root = by_folder(tmp_path / "x86", "2022", "BuildTools", "14.44.35207")
    (studio,) = search([tmp_path / "programs", tmp_path / "x86"], FACTS)
    assert (studio.root, studio.name) == (root, "Visual Studio BuildTools 2022")


def test_an_empty_folder_that_an_uninstaller_left_is_no_visual_studio(tmp_path: Path) -> None:
    (tmp_path / FOLDER / "2022" / "Community").mkdir(parents=True)
    assert search([tmp_path], FACTS) == ()


def test_the_registry_knows_a_folder_of_ones_own(tmp_path: Path, empty_registry: dict[str, dict[str, str]]) -> None:
    root = install(tmp_path / "D" / "Entwicklung", "14.29.30133")
    empty_registry[visual_studio.VERSIONS_KEY] = {"16.0": str(root), "14.0": str(tmp_path), "17.0": str(tmp_path / "-")}
    (studio,) = from_registry(FACTS)
    assert (studio.root, studio.major, studio.found_by) == (root, "16", "registry")


@pytest.mark.parametrize("cache_named", [True, False])
def test_the_installers_own_record_is_read(
    tmp_path: Path, empty_registry: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch, cache_named: bool
) -> None:
    root = install(tmp_path / "anywhere", "14.44.35207")
    packages = tmp_path / "data" / "Microsoft" / "VisualStudio" / "Packages"
    for name, text in (
        ("a", "{"),
        ("b", json.dumps({"installationPath": str(root), "installationVersion": "17.14.1"})),
    ):
        (packages / "_Instances" / name).mkdir(parents=True)
        (packages / "_Instances" / name / "state.json").write_text(text, encoding="utf-8")
    if cache_named:
        empty_registry[visual_studio.SETUP_KEY] = {"CachePath": str(packages)}
    else:
        monkeypatch.setenv("PROGRAMDATA", str(tmp_path / "data"))
    (studio,) = from_registry(FACTS)
    assert (studio.root, studio.version) == (root, "17.14.1")


def test_one_that_three_ways_lead_to_is_listed_once_and_the_newest_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_registry: dict[str, dict[str, str]]
) -> None:
    old = by_folder(tmp_path, "2019", "BuildTools", "14.29.30133")
    middle = by_folder(tmp_path, "2022", "Community", "14.44.35207")
    new = by_folder(tmp_path, "18", "Enterprise", "14.51.36231")
    put_vswhere(
        tmp_path, monkeypatch, answer(entry(old, "16.11.36"), entry(middle, "17.14.9"), entry(middle, "17.14.9"))
    )
    empty_registry[visual_studio.VERSIONS_KEY] = {"17.0": str(middle), "18.0": str(new)}
    found = search([tmp_path], FACTS)
    assert [(studio.root, studio.found_by) for studio in found] == [
        (new, "folder"),
        (middle, "vswhere"),
        (old, "vswhere"),
    ]


def test_only_toolsets_with_an_x64_compiler_count_and_ten_is_more_than_nine(tmp_path: Path) -> None:
    root = install(tmp_path, "14.9.1", "14.10.2")
    (toolset_folder(root) / "14.44.35207" / "bin" / "Hostx64" / "x86").mkdir(parents=True)
    install(root, "backup")
    assert installed_toolsets(root) == ("14.10.2", "14.9.1")


def test_a_32_bit_program_is_told_the_64_bit_folder_by_another_name() -> None:
    environment = {"ProgramFiles": "C:/PF (x86)", "ProgramW6432": "C:/PF", "ProgramFiles(x86)": "C:/PF (x86)"}
    assert program_folders(environment) == (Path("C:/PF"), Path("C:/PF (x86)"))


@pytest.mark.skipif(os.name == "nt", reason="this is Windows")
def test_no_other_system_has_one() -> None:
    assert find_visual_studios(FACTS) == ()
