"""`verify_file`: whether what a wheel states of itself is true, found without running anything of it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath

from packaging.tags import Tag, parse_tag
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from scripts.errors import InputError
from scripts.facts.load import load_facts
from scripts.files import sha256_of
from scripts.verify.check import Report, Verdict, Watch, nobody, timed, verdict
from scripts.verify.cpu_code import cpu_checks
from scripts.verify.member_paths import check_member_paths
from scripts.verify.modules import Modules, Question, module_checks
from scripts.verify.promises import NOTHING_PROMISED, Promises
from scripts.versions import cuda_version, minor_of
from scripts.wheel.content import UNREADABLE, BuildInfo, WheelContent, is_module_of, open_wheel, read_requirement
from scripts.wheel.zip_layout import layout_faults

LABEL = re.compile(r"(?P<cuda>cpu|cu[0-9]{2,})torch(?P<torch>[0-9]+\.[0-9]+)")
UNLISTED = ("RECORD", "RECORD.jws", "RECORD.p7s")
EXTENSION_TAG = re.compile(r"\.(?:cpython-(?P<linux>[0-9]+t?)-|cp(?P<windows>[0-9]+t?)-)")


def verify_file(wheel: Path, promises: Promises = NOTHING_PROMISED, watch: Watch = nobody) -> Report:
    """The report on any wheel, ours or upstream's; raises InputError for a file that is no wheel.

    Without promises GPU architectures are reported and compared with nothing, and CPU code may not need what few
    processors have.
    """
    with open_wheel(wheel) as content:
        own: list[tuple[str, Question]] = [(name, partial(check, content)) for name, check in CHECKS]
        if promises.sha256 or promises.fault:
            own.append(("manifest", partial(check_manifest, wheel, promises)))
        modules, facts = Modules(content=content), load_facts()
        of_modules = module_checks(modules, facts, promises.arches)
        checks = (*own, *of_modules, *cpu_checks(modules, facts, promises.cpu_level))
        return Report(wheel=wheel.name, checks=tuple(timed(name, ask, watch) for name, ask in checks))


def check_name(content: WheelContent) -> Verdict:
    """File name, METADATA and WHEEL name the same distribution, version and tags."""
    if missing := [name for name in ("METADATA", "WHEEL") if content.metadata_file(name) is None]:
        return False, f"{' and '.join(missing)} {'are' if missing[1:] else 'is'} not there"
    metadata, stated = content.headers("METADATA"), content.headers("WHEEL").get_all("Tag", [])
    tags = {tag for text in stated for tag in _tags(text.strip())}
    folder = canonicalize_name(content.info_folder.removesuffix(".dist-info").rpartition("-")[0])
    faults = [] if folder == content.name else [f"its metadata is in {content.info_folder}"]
    if canonicalize_name(metadata.get("Name", "")) != content.name:
        faults.append(f"METADATA names {metadata.get('Name')!r}")
    if not _same_version(metadata.get("Version", ""), content.version):
        faults.append(f"METADATA has version {metadata.get('Version')!r}")
    faults += [
        f"METADATA has {name} twice"
        for name in ("Name", "Version", "Requires-Python")
        if len(metadata.get_all(name, [])) > 1
    ]
    if tags != content.tags:
        faults.append(f"WHEEL has tags {', '.join(sorted(map(str, tags))) or 'none'}")
    return verdict(faults, f"{content.name} {content.version}, {', '.join(sorted(map(str, content.tags)))}")


def check_record(content: WheelContent) -> Verdict:
    """RECORD lists every member with its hash, and nothing else."""
    recorded = content.record()
    if not recorded:
        return False, "RECORD is not there or empty"
    exempt = {f"{content.info_folder}/{name}" for name in UNLISTED}
    listed, present = set(recorded) - exempt, set(content.members) - exempt
    faults = [f"not in RECORD: {member}" for member in sorted(present - listed)]
    faults += [f"not in the wheel: {member}" for member in sorted(listed - present)]
    faults += [f"wrong hash: {m}" for m in sorted(listed & present) if not _is_as_recorded(content, m, *recorded[m])]
    return verdict(faults, f"{len(listed)} files with the right hash")


def check_layout(content: WheelContent) -> Verdict:
    """Every installer finds the same members, wherever it begins to read."""
    return verdict(layout_faults(content.files), f"{len(content.members)} members, nothing between and behind them")


def check_requirements(content: WheelContent) -> Verdict:
    """Each Requires-Dist can be read and leaves it to the index of whoever installs where the package comes from."""
    stated = content.headers("METADATA").get_all("Requires-Dist", [])
    faults = [f"{text!r} cannot be read" for text in stated if read_requirement(text) is None]
    faults += [f"{r.name} would come from {r.url}" for text in stated if (r := read_requirement(text)) and r.url]
    return verdict(faults, f"{len(stated)}, each by name")


def check_torch(content: WheelContent) -> Verdict:
    """Requires-Dist pins torch to the minor that the ops were compiled with."""
    info = content.build_info()
    if info is None:
        return False, UNREADABLE
    if not content.extensions:
        return None, "nothing compiled inside: any torch will do"
    requirements = content.requirements()
    found = [str(r.specifier) or "any version" for r in requirements if canonicalize_name(r.name) == "torch"]
    minor = minor_of(str(info.torch.get("version")))
    if found == [f"=={minor}.*"]:
        return True, f"torch=={minor}.*"
    return False, f"built with torch {minor}, but requires {' and '.join(found) or 'no torch'}, not =={minor}.*"


def check_build_info(content: WheelContent) -> Verdict:
    """DeepSpeed's own record agrees with METADATA and with the label in the name."""
    info = content.build_info()
    if info is None:
        return False, UNREADABLE
    faults = [] if _same_version(info.version, content.version) else [f"it has version {info.version!r}"]
    label = LABEL.fullmatch(content.version.local or "")
    faults += _label_faults(label, info) if label else []
    return verdict(faults, f"accelerator {info.accelerator}, torch {info.torch.get('version')}, {len(info.ops)} ops")


def check_label(content: WheelContent) -> Verdict:
    """The version carries our local label, such as cu124torch2.6."""
    local = content.version.local
    if local is None:
        return None, "no local version label: the name does not show which torch and CUDA it is for"
    if not LABEL.fullmatch(local):
        return None, f"local version label {local!r} is not one of ours"
    return True, local


def check_ops(content: WheelContent) -> Verdict:
    """Every installed op has exactly one extension module, for the interpreter of the file name; none is left over."""
    info = content.build_info()
    if info is None:
        return False, UNREADABLE
    if not info.ops and not content.extensions:
        return None, "no op is installed: a pure wheel"
    owners = {member: [op for op in info.ops if is_module_of(member, op)] for member in content.extensions}
    counts = {op: sum(op in ops for ops in owners.values()) for op in info.ops}
    faults = [f"{op}: {count or 'no'} extension modules" for op, count in counts.items() if count != 1]
    faults += [f"{member} belongs to no installed op" for member, ops in owners.items() if not ops]
    faults += _interpreter_faults(content)
    return verdict(faults, f"{len(info.ops)} ops, one module each: {', '.join(info.ops)}")


def check_manifest(wheel: Path, promises: Promises) -> Verdict:
    """The manifest beside the wheel can be read and describes this very file."""
    if promises.fault:
        return False, promises.fault
    found = sha256_of(wheel)
    same = found == promises.sha256
    return same, f"sha256 {found}" + ("" if same else f", not {promises.sha256}")


CHECKS: tuple[tuple[str, Callable[[WheelContent], Verdict]], ...] = (
    ("file name and metadata", check_name),
    ("member paths", check_member_paths),
    ("version label", check_label),
    ("zip", check_layout),
    ("RECORD", check_record),
    ("requirements", check_requirements),
    ("torch requirement", check_torch),
    ("build record", check_build_info),
    ("op modules", check_ops),
)


def _same_version(text: str, version: Version) -> bool:
    try:
        return Version(text.strip()) == version
    except InvalidVersion:
        return False


def _tags(text: str) -> frozenset[Tag]:
    try:
        return parse_tag(text)
    except ValueError:
        return frozenset()


def _is_as_recorded(content: WheelContent, member: str, recorded: str, size: str) -> bool:
    algorithm, _, expected = recorded.partition("=")
    if algorithm not in ("sha256", "sha384", "sha512"):
        return False
    digest, length = hashlib.new(algorithm), 0
    try:
        for block in content.files.blocks(member):
            digest.update(block)
            length += len(block)
    except InputError:
        return False
    return (base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode(), str(length)) == (expected, size)


def _label_faults(label: re.Match[str], info: BuildInfo) -> list[str]:
    accelerator = "cpu" if label["cuda"] == "cpu" else "cuda"
    facts = [
        ("accelerator", info.accelerator, accelerator),
        ("torch", minor_of(str(info.torch.get("version"))), label["torch"]),
        ("CUDA", str(info.torch.get("cuda_version")), cuda_version(label["cuda"]) or "0.0"),
    ]
    return [f"it has {what} {found}, the name has {named}" for what, found, named in facts if found != named]


def _interpreter_faults(content: WheelContent) -> list[str]:
    abis = {tag.abi.removeprefix("cp") for tag in content.tags}
    built = [(member, EXTENSION_TAG.search(member)) for member in content.extensions]
    return [
        f"{PurePosixPath(member).name} is not for {', '.join(sorted(tag.abi for tag in content.tags))}"
        for member, match in built
        if match and (match["linux"] or match["windows"]) not in abis
    ]
