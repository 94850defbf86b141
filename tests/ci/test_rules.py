"""What we ask of the workflows beyond what any checker knows: they call, they do not think."""

from __future__ import annotations

import re
import shlex
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from invoke.collection import Collection

import tasks
from scripts.ci.actions import ALLOW_SHRINK
from scripts.ci.caches import caches
from scripts.ci.jobs import QUEUE, job_name
from scripts.ci.replay_source import ARTIFACT
from scripts.commands.testing import SLOW
from scripts.dirs import Dirs
from scripts.facts.load import load_facts
from scripts.options import options_of
from scripts.plan.matrix import load_matrix
from scripts.plan.selection import Selection
from scripts.publish.attestation import CHECKSUMS, PREDICATE
from scripts.wheel_build.replay import replay_path
from tests.ci.workflows import FILES, ROOT, load, steps
from tests.plan.factories import make_target

HOSTED_HOURS = 6  # the longest job: docs.github.com/actions/reference/limits
NAMES = [file.name for file in FILES]
SELECTORS = {each.name: each.stated.variable for each in options_of(Selection)}
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
TASKS = {context.name: context for context in Collection.from_module(tasks).to_contexts()}
BUILD = load("build.yml")
EVERY = [pytest.param(name, job, step) for name in NAMES for job, step in steps(load(name))]
RUNS = [step["run"] for name in NAMES for _, step in steps(load(name)) if "run" in step]


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_may_nothing_until_a_job_says_what_it_needs(name: str) -> None:
    document = load(name)
    assert document["permissions"] == {}
    assert all("permissions" in job for job in document["jobs"].values())


def test_only_publishing_and_proposing_may_write_to_the_repository_and_only_publishing_may_attest() -> None:
    rights = {
        (name, job): {right for right, how in body["permissions"].items() if how == "write"}
        for name in NAMES
        for job, body in load(name)["jobs"].items()
    }
    assert {key: found for key, found in rights.items() if found} == {
        ("build.yml", "publish"): {"contents", "id-token", "attestations"},
        ("build.yml", "pages"): {"pages", "id-token"},
        ("request.yml", "answer"): {"issues"},
        ("watch.yml", "propose"): {"contents", "pull-requests"},
    }


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_every_action_is_pinned_by_a_commit_and_says_which_release_that_is(file: Path) -> None:
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    assert lines
    for line in lines:
        action, _, release = line.partition("uses:")[2].strip().partition(" # ")
        assert PINNED.fullmatch(action), line
        assert re.fullmatch(r"v\d+\.\d+\.\d+", release), line


def test_an_action_has_one_commit_in_all_workflows() -> None:
    found: dict[str, set[str]] = {}
    for name in NAMES:
        for _, step in steps(load(name)):
            if "uses" in step:
                action, _, commit = step["uses"].partition("@")
                found.setdefault("/".join(action.split("/")[:2]), set()).add(commit)
    assert {action: len(commits) for action, commits in found.items()} == dict.fromkeys(found, 1)


@pytest.mark.parametrize("line", RUNS)
def test_a_line_is_one_line_that_every_shell_reads_alike(line: str) -> None:
    assert "\n" not in line.strip()
    assert re.fullmatch(r"[\w ./-]+", line), (
        "no variables, quotes, pipes or lists: cmd, PowerShell and bash differ there"
    )


@pytest.mark.parametrize("line", [line for line in RUNS if "invoke" in line])
def test_a_line_calls_a_task_that_exists_with_options_that_it_has(line: str) -> None:
    python, module, invoke, task, *words = shlex.split(line)
    assert (python, module, invoke) == ("python", "-m", "invoke")
    assert {word for word in words if word.startswith("--")} <= {*TASKS[task].flags, *TASKS[task].inverse_flags}


@pytest.mark.parametrize("name", NAMES)
def test_no_version_of_anything_that_is_built_or_built_with_stands_in_a_workflow(name: str) -> None:
    """Runner labels, pinned actions and the help texts of the form aside."""
    document = load(name)
    texts = [value for value in _texts({**document, True: None}) if not value.startswith(("ubuntu-", "windows-"))]
    assert texts
    assert [value for value in texts if re.search(r"\d+\.\d+", value) and not PINNED.fullmatch(value)] == []


def test_jobs_that_hold_rights_or_caches_install_nothing_that_only_tests_need() -> None:
    installs = {job: step["run"] for job, step in steps(BUILD) if "pip install" in step.get("run", "")}
    line = "python -m pip install -r requirements-run.txt"
    pinned = "python -m pip install --require-hashes -r requirements-publish.txt"
    assert installs == {**dict.fromkeys(BUILD["jobs"], line), "publish": pinned, "pages": pinned}
    may_write = {job for job, body in BUILD["jobs"].items() if "write" in body["permissions"].values()}
    assert {job for job, run in installs.items() if run == pinned} == may_write


def test_nothing_that_strangers_write_is_handed_to_the_step_that_answers_them() -> None:
    """It reads the file of the event; its rights are to read, and to comment."""
    [job] = load("request.yml")["jobs"].values()
    assert job["permissions"] == {"contents": "read", "issues": "write"}
    assert [step.get("env") for step in job["steps"] if "run" in step] == [
        None,
        {"GITHUB_TOKEN": "${{ github.token }}"},
    ]
    text = (ROOT / ".github" / "workflows" / "request.yml").read_text(encoding="utf-8")
    handed = {*re.findall(r"\$\{\{\s*(.*?)\s*\}\}", text)}
    assert handed == {"github.event.issue.number", "vars.SITE", "github.token"}
    assert job["steps"][2]["run"].endswith("--require-hashes -r requirements-publish.txt")


def test_a_job_that_failed_uploads_what_repeats_it_where_it_is_looked_for() -> None:
    build = BUILD["jobs"]["build"]["steps"]
    [step] = [one for one in build if str(one.get("with", {}).get("name", "")).startswith(ARTIFACT)]
    assert step["if"] == "${{ always() && steps.build.outcome == 'failure' }}"
    assert step["with"]["name"] == ARTIFACT + "${{ matrix.id }}"
    assert step["with"]["path"] == replay_path(Path("out/logs"), "*").as_posix()
    assert [one.get("name") for one in build if one.get("id") == "build"] == ["Build and verify"]


def test_what_a_person_types_reaches_the_tasks_through_variables_alone() -> None:
    form = BUILD[True]["workflow_dispatch"]["inputs"]
    assert {name: kind["type"] for name, kind in form.items()} == {
        **dict.fromkeys(SELECTORS, "string"),
        "allow_shrink": "boolean",
    }
    plan = next(step for job, step in steps(BUILD) if step.get("id") == "plan")
    given = {name: value for name, value in plan["env"].items() if name in SELECTORS.values()}
    assert given == {variable: f"${{{{ inputs.{name} }}}}" for name, variable in SELECTORS.items()}
    index = next(step for _, step in steps(BUILD) if "invoke index" in step.get("run", ""))
    assert index["env"][ALLOW_SHRINK] == "${{ inputs.allow_shrink }}"


def test_a_site_that_is_written_is_deployed_though_damaged_wheels_fail_the_job() -> None:
    written = "${{ !cancelled() && steps.index.outputs.written }}"
    last = BUILD["jobs"]["pages"]["steps"][-3:]
    assert [step.get("if") for step in last] == [None, written, written]
    assert last[0]["id"] == "index"


def test_the_report_for_the_page_knows_every_target_of_the_run() -> None:
    pages = BUILD["jobs"]["pages"]
    [report] = [step for step in pages["steps"] if "invoke report" in step.get("run", "")]
    assert report["env"] == {QUEUE: "${{ needs.plan.outputs.matrix }}"}
    [download] = [step["with"] for step in pages["steps"] if "download-artifact@" in step.get("uses", "")]
    assert f"--artifacts {download['path']} " in report["run"]
    assert "merge-multiple" not in download
    assert "plan" in pages["needs"]


def test_a_job_and_its_artifact_have_one_name_and_it_builds_the_targets_of_its_row() -> None:
    build = BUILD["jobs"]["build"]
    assert build["name"] == "${{ matrix.id }}"
    assert build["env"]["DEEPSPEED_WHEELS_SELECT_ID"] == "${{ join(matrix.ids, ',') }}"
    upload = next(step for _, step in steps(BUILD) if "upload-artifact@" in step.get("uses", ""))
    assert upload["with"]["name"] == "${{ matrix.id }}"
    assert build["strategy"]["fail-fast"] is False


def test_a_pattern_of_artifacts_means_those_of_the_jobs_and_no_other() -> None:
    patterns = {step["with"]["pattern"] for _, step in steps(BUILD) if "download-artifact@" in step.get("uses", "")}
    [pattern] = patterns
    assert fnmatchcase(job_name(make_target()), pattern)
    assert not fnmatchcase(ARTIFACT + job_name(make_target()), pattern)


def test_a_missing_python_fails_its_targets_alone() -> None:
    [step] = [one for _, one in steps(BUILD) if one.get("with", {}).get("python-version")]
    assert step["continue-on-error"] is True


def test_a_job_is_given_less_work_than_fits_in_its_time() -> None:
    assert load_matrix(ROOT / "matrix.yaml", load_facts()).forecast.job_minutes <= minutes_of_a_build() - 30


def minutes_of_a_build() -> int:
    build = BUILD["jobs"]["build"]
    words = shlex.split(next(step["run"] for step in build["steps"] if step.get("name") == "Build and verify"))
    return int(words[words.index("--minutes") + 1])


def test_a_build_stops_in_time_to_keep_what_it_has() -> None:
    assert minutes_of_a_build() + 60 < BUILD["jobs"]["build"]["timeout-minutes"] < 60 * HOSTED_HOURS


def test_every_job_ends_some_time() -> None:
    assert all("timeout-minutes" in job for name in NAMES for job in load(name)["jobs"].values())


def test_caches_are_restored_and_saved_from_the_folders_that_builds_use() -> None:
    dirs = Dirs(cache=Path(BUILD["env"]["DEEPSPEED_WHEELS_CACHE"]), wheelhouse=Path(), logs=Path())
    folders = {"ops": dirs.ops.as_posix(), "units": dirs.units.as_posix(), "toolkits": dirs.toolkits.as_posix()}
    moving = "${{ steps.%s.outputs.unfinished-path }}"
    build = BUILD["jobs"]["build"]["steps"]
    restored = {step["id"]: step["with"] for step in build if "cache/restore@" in step.get("uses", "")}
    saved = [step for step in build if "cache/save@" in step.get("uses", "")]
    assert {name: given["path"] for name, given in restored.items()} == {**folders, "unfinished": moving % "before"}
    assert {step["with"]["path"] for step in saved} == {*folders.values(), moving % "after"}
    names = {name for cache in caches([make_target()], dirs) for name in cache.outputs()}
    text = str(build)
    used = set(re.findall(r"steps\.(?:before|after)\.outputs\.([\w-]+)", text))
    assert used == names
    assert all(step["if"].startswith("${{ always()") for step in saved)


def test_what_is_attested_and_published_was_read_from_artifacts_of_this_run() -> None:
    publish = BUILD["jobs"]["publish"]
    assert publish["env"] == {QUEUE: "${{ needs.plan.outputs.matrix }}"}
    assert "plan" in publish["needs"]
    [download] = [step["with"] for step in publish["steps"] if "download-artifact@" in step.get("uses", "")]
    assert "merge-multiple" not in download, "one artifact must not lay files into another's folder"
    look, send = [shlex.split(step["run"])[4:] for step in publish["steps"] if "invoke publish" in step.get("run", "")]
    assert look == ["--artifacts", download["path"], "--attest", "attest", "--dry-run"]
    assert send == ["--artifacts", download["path"]]
    attests = [step for step in publish["steps"] if step.get("uses", "").startswith("actions/attest@")]
    assert {step["with"]["subject-checksums"] for step in attests} == {f"attest/{CHECKSUMS}"}
    assert [step["with"].get("predicate-path") for step in attests] == [None, f"attest/{PREDICATE}"]
    assert {step["if"] for step in attests} == {"${{ steps.look.outputs.wheels != '0' }}"}


def test_pythons_come_from_files() -> None:
    given = [step["with"] for name in NAMES for _, step in steps(load(name)) if "setup-python@" in step.get("uses", "")]
    files = {values["python-version-file"] for values in given if "python-version-file" in values}
    assert {values.get("python-version") for values in given} <= {None, "${{ matrix.python }}"}
    matrix = load("ci.yml")["jobs"]["windows"]["strategy"]["matrix"]["python"]
    named = {file.replace("${{ matrix.python }}", python) for file in files for python in matrix}
    assert all(re.fullmatch(r"3\.\d+\n", (ROOT / file).read_text(encoding="utf-8")) for file in named)


def test_ci_runs_what_the_maintainer_runs() -> None:
    ci = load("ci.yml")["jobs"]
    assert [ci[job]["steps"][-1]["run"] for job in ("linux", "nightly")] == [".ci/run", ".ci/run"]
    assert {*SLOW, "fast", "lint"} == {*ci["linux"]["strategy"]["matrix"]["part"]}, "together they are the gate"
    assert ci["nightly"]["env"] == {"PART": "all"}
    assert [step["run"] for step in ci["windows"]["steps"][-2:]] == [
        "python -m invoke lint",
        "python -m invoke test --fast",
    ]


def test_the_tests_run_on_every_image_that_may_build_for_windows() -> None:
    """windows-latest is windows-2025 since that has Visual Studio 2026."""
    matrix = load("ci.yml")["jobs"]["windows"]["strategy"]["matrix"]
    tested = {*matrix["image"], *(row["image"] for row in matrix["include"])}
    builders = {runner for choice in load_facts().toolset_choices for runner in choice.runners}
    assert "windows-latest" in tested
    assert {image.replace("latest", "2025") for image in tested} == builders


def _texts(value: Any) -> list[str]:  # noqa: ANN401  what YAML holds
    if isinstance(value, dict):
        return [text for entry in value.values() for text in _texts(entry)]
    if isinstance(value, list):
        return [text for entry in value for text in _texts(entry)]
    return [value] if isinstance(value, str) else []
