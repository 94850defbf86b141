"""The options of the tasks that fill a store of wheels and write its index."""

from __future__ import annotations

from dataclasses import dataclass

from scripts.options import json_option, option, path_option

STORE = "dir:PATH or github:OWNER/REPO; in GitHub Actions the repository itself when left out"


@dataclass(frozen=True, kw_only=True)
class PublishOptions:
    """Where the wheelhouse is published."""

    store: str = path_option(
        "",
        STORE,
        more="`github:OWNER/REPO`, or `dir:PATH` for a directory; in GitHub Actions the repository itself when left "
        "out",
    )
    dry_run: bool = option(False, "print what would be sent and send nothing")
    artifacts: str = path_option(
        "",
        "a directory with the artifacts of a run, a folder each, instead of the wheelhouse",
        more="the directory of a run's artifacts, a folder each, instead of the wheelhouse: wheels that "
        "[somebody else built](security.md#the-job-that-publishes), of the targets in `DEEPSPEED_WHEELS_QUEUE` alone",
    )
    attest: str = path_option(
        "",
        "a directory for what an attestation of the new wheels says",
        more="write `checksums.txt` and `predicate.json` into this directory: what an attestation says of the wheels "
        "that are new; in GitHub Actions their number is the step's output `wheels`",
    )
    json: bool = json_option("[what was sent](#other-json)")


@dataclass(frozen=True, kw_only=True)
class YankOptions:
    """Which published wheel is offered no more, and why."""

    id: str = option(
        help="the id of the wheel's target", more="the id of the wheel's target; usually given without `--id`"
    )
    reason: str = option(
        "",
        "what is wrong with the wheel, in a sentence for those who have it",
        more="what is wrong with it, in a sentence: pip and uv show it to whoever asks for this very version",
    )
    undo: bool = option(False, "offer the wheel again")
    store: str = option("", STORE, more="as of [`invoke publish`](#invoke-publish)")
    dry_run: bool = option(False, "print what would change and change nothing")
    json: bool = json_option("[what changed](#other-json)")


@dataclass(frozen=True, kw_only=True)
class OneFileOptions:
    """For which site the one file is made, and where it is written."""

    out: str = path_option("site", "the directory that it is written into")
    url: str = option(
        "",
        "the address of the site that it looks for wheels at",
        more="the site that it looks for wheels at, as of [`invoke index`](#invoke-index)",
    )
    json: bool = json_option("its path, size and digest")


@dataclass(frozen=True, kw_only=True)
class SiteOptions:
    """What a user may choose about a site."""

    out: str = path_option("site", "the directory of the site", more="the directory of the site; `site` unless given")
    store: str = path_option(
        "",
        "where the wheels are, dir:PATH or github:OWNER/REPO; the wheelhouse of this checkout unless given",
        more="where the wheels are: `dir:PATH`, a store or a wheelhouse, or `github:OWNER/REPO`; in GitHub Actions the "
        "repository itself when left out, elsewhere the wheelhouse of this checkout",
    )
    url: str = option(
        "",
        "the address that the site will have",
        more="where the site will be served; unless given [the published site](#environment-variables), else the "
        "repository's page on GitHub, else `http://127.0.0.1:8000/`, which is what `python -m http.server -d site` "
        "serves",
    )
    previous: str = path_option(
        "",
        "directory or address of the site that this one replaces",
        more="the site that this one replaces, its directory or address; one that is named must be there. Unless given "
        "what lies in `--out`, in GitHub Actions else the published one, when there is one; that there is none yet is "
        "logged. Manifests of wheels that it has are not read again",
    )
    allow_shrink: bool = option(
        False,
        "offer fewer wheels than before, or others under the same names",
        more="offer fewer wheels than before, or other bytes under the same name; without it, or "
        "`DEEPSPEED_WHEELS_ALLOW_SHRINK`, either is exit code 11",
    )
    builds: str = path_option(
        "",
        "a JSON file of the builds that are going on or failed",
        more="what the workflows last saw of targets that have no wheel yet: [the document](page.md#states)",
    )
    repository: str = option(
        "",
        "OWNER/REPO on GitHub",
        more="the project's repository on GitHub, which the page links to and names in `gh attestation verify`; in "
        "GitHub Actions that of the workflow",
    )
    variants: bool = option(
        False,
        "write the variant wheels of PEP 825's draft, too",
        more="write [variant wheels](installing.md#wheel-variants) of PEP 825's draft, too, below `variants/`: of "
        "wheels in a directory alone",
    )
    readme: str = path_option(
        "",
        "a Markdown file whose table of wheels is renewed",
        more="a Markdown file in which the [table of what exists](page.md#the-table) is renewed",
    )
    json: bool = json_option("[what was written](#other-json)")
