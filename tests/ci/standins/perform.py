"""What the stand-ins of the actions do: obey the inputs, on this machine, and write down what was asked of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

STATE = Path(os.environ["REHEARSAL_STATE"])  # caches, artifacts, attestations and the site of a rehearsal
Inputs = Mapping[str, str]


def output(name: str, value: str) -> None:
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
        file.write(f"{name}={value}\n")


def setup_python(given: Inputs) -> None:
    """Put the Python of the rehearsal first on PATH; what was asked for must be versions, one a line."""
    named = given["python-version-file"]
    asked = (given["python-version"] or Path(named).read_text(encoding="utf-8")).split()
    assert asked, "no version"
    assert all(version.replace(".", "").isdecimal() for version in asked), f"no versions: {asked!r}"
    with Path(os.environ["GITHUB_PATH"]).open("a", encoding="utf-8") as file:
        file.write(f"{Path(os.environ['REHEARSAL_PYTHON']).parent}\n")


def restore(given: Inputs) -> None:
    """The newest cache whose key is the one, else one that begins with a restore key; of the same path only."""
    kept = sorted((STATE / "caches" / slug(given["path"])).glob("*"), key=lambda entry: -entry.stat().st_mtime_ns)
    prefixes = given["restore-keys"].split()
    found = [entry for entry in kept if entry.name == given["key"]]
    found += [entry for prefix in prefixes for entry in kept if entry.name.startswith(prefix)]
    output("cache-hit", str(bool(found) and found[0].name == given["key"]).lower())
    output("cache-matched-key", found[0].name if found else "")
    if found:
        shutil.copytree(found[0], given["path"], dirs_exist_ok=True)


def save(given: Inputs) -> None:
    """A new cache; a key that is taken stays as it is."""
    place = STATE / "caches" / slug(given["path"]) / given["key"]
    if not place.exists():
        shutil.copytree(given["path"], place)


def upload(given: Inputs) -> None:
    """An artifact of the content of one folder."""
    place = STATE / "artifacts" / given["name"]
    assert given["overwrite"] == "true" or not place.exists(), "an artifact of this name is there"
    shutil.rmtree(place, ignore_errors=True)
    if Path(given["path"]).is_dir():
        shutil.copytree(given["path"], place)
        return
    for file in Path().glob(given["path"]):
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)


def download(given: Inputs) -> None:
    """The content of one artifact, or every artifact whose name fits, all in one folder or in one each."""
    if given["name"]:
        shutil.copytree(STATE / "artifacts" / given["name"], given["path"], dirs_exist_ok=True)
        return
    for artifact in sorted((STATE / "artifacts").glob(given["pattern"])):
        folder = Path(given["path"]) / ("" if given["merge-multiple"] == "true" else artifact.name)
        shutil.copytree(artifact, folder, dirs_exist_ok=True)


def attest(given: Inputs) -> None:
    """Name and digest of every subject, by what is said of them; none at all is an error, as it is to the real one."""
    rows = [line.split("  ") for line in Path(given["subject-checksums"]).read_text(encoding="utf-8").splitlines()]
    assert rows, f"no subject in {given['subject-checksums']}"
    file = STATE / "attested.json"
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    kept.setdefault(given["predicate-type"] or "provenance", {}).update({name: digest for digest, name in rows})
    if given["predicate-path"]:
        predicate = json.loads(Path(given["predicate-path"]).read_text(encoding="utf-8"))
        assert predicate["wheels"].keys() == {name for _, name in rows}
    file.write_text(json.dumps(kept), encoding="utf-8")


def pages(given: Inputs) -> None:
    """The artefact of the site, which replaces the one before."""
    shutil.rmtree(STATE / "pages", ignore_errors=True)
    shutil.copytree(given["path"], STATE / "pages")


def deploy(given: Inputs) -> None:
    """The site is served from now on."""
    shutil.rmtree(STATE / "site", ignore_errors=True)
    shutil.copytree(STATE / "pages", STATE / "site")
    output("page_url", os.environ["DEEPSPEED_WHEELS_SITE"])


def propose(given: Inputs) -> None:
    """The one open pull request of the branch: opened, brought up to date, or left; closed when nothing differs.

    Only what `add-paths` names is committed; the rest of the working tree stays out of it.
    """
    file = STATE / "pulls.json"
    pulls = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    changed = git("diff", "--name-only", "HEAD", "--", *given["add-paths"].split(",")).split()
    content = {name: Path(name).read_text(encoding="utf-8") for name in changed}
    body = Path(given["body-path"]).read_text(encoding="utf-8")
    wanted = {"title": given["title"], "message": given["commit-message"], "body": body, "files": content}
    mine = [pull for pull in pulls if pull["branch"] == given["branch"] and pull["open"]]
    done = "none"
    if mine and not content:
        mine[0]["open"], done = False, "closed"
    elif mine and {name: mine[0][name] for name in wanted} != wanted:
        mine[0].update(wanted)
        done = "updated"
    elif content and not mine:
        pulls.append({"branch": given["branch"], "open": True, **wanted})
        done = "created"
    output("pull-request-operation", done)
    (STATE / "proposed.txt").open("a", encoding="utf-8").write(f"{done}\n")
    file.write_text(json.dumps(pulls), encoding="utf-8")


def git(*words: str) -> str:
    return subprocess.run(["git", *words], check=True, capture_output=True, text=True, encoding="utf-8").stdout


def slug(path: str) -> str:
    return path.strip("./").replace("/", "-")


ACTIONS: dict[str, Callable[[Inputs], None]] = {
    "setup-python": setup_python,
    "restore": restore,
    "save": save,
    "upload": upload,
    "download": download,
    "attest": attest,
    "pages": pages,
    "deploy": deploy,
    "propose": propose,
}

if __name__ == "__main__":
    ACTIONS[sys.argv[1]](json.loads(os.environ["INPUTS"]))
