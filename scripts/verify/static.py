"""`verify_file`: whether what a wheel states of itself is true, found without running anything of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from packaging.tags import Tag, parse_tag
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from scripts.facts.facts import Facts
from scripts.facts.load import load_facts
from scripts.facts.wheel_origins import WheelOrigin, origin_of
from scripts.files import sha256_of
from scripts.verify.check import CheckResult, Report, Verdict, Watch, nobody, timed, verdict
from scripts.verify.command_names import check_commands
from scripts.verify.cpu_code import cpu_checks
from scripts.verify.environment_libraries import EnvironmentLibraries
from scripts.verify.installer_rules import check_installers
from scripts.verify.linux_modules import linux_checks
from scripts.verify.member_paths import check_member_paths
from scripts.verify.modules import Modules, Question, module_checks
from scripts.verify.promises import NOTHING_PROMISED, Promises
from scripts.verify.recorded import Recorded, check_record
from scripts.verify.source_match import SourceMatch, check_source_files
from scripts.verify.stated_origin import StatedOrigin, check_bill, check_licences
from scripts.verify.stated_requirements import check_requirements, check_torch
from scripts.verify.symbols import check_symbols
from scripts.verify.waiting_checks import why_not_asked
from scripts.versions import cuda_version, minor_of, without_level
from scripts.wheel.content import UNREADABLE, BuildInfo, WheelContent, is_module_of, open_wheel
from scripts.wheel.zip_layout import layout_faults

# what DeepSpeed reads of the record's torch_info when it loads an op
TORCH_INFO = {"version": str, "bf16_support": bool, "cuda_version": str, "nccl_version": str, "hip_version": str}
NO_VERSION = "0.0"  # of what the torch that compiled the ops was not built for
# how Python calls the extension modules that are for it alone: any other name is for every Python, or for none
MODULE_NAMES = {"linux": ".cpython-{abi}-{machine}-linux-gnu.so", "windows": ".cp{abi}-{platform}.pyd"}


def verify_file(
    wheel: Path,
    promises: Promises = NOTHING_PROMISED,
    watch: Watch = nobody,
    libraries: EnvironmentLibraries | None = None,
) -> Report:
    """The report on any wheel, ours or upstream's; raises InputError for a file that is no wheel.

    Without promises GPU architectures are reported and compared with nothing, and CPU code may not need what few
    processors have. The symbols of its ops are looked up in `libraries`, those of an environment with its torch.
    """
    with open_wheel(wheel) as content:
        facts, digest = load_facts(), sha256_of(wheel)
        recorded = Recorded(content=content)
        results: dict[str, CheckResult] = {}
        for name, ask in questions(recorded, promises, digest, facts, libraries):
            why_not = why_not_asked(name, results, recorded)
            results[name] = timed(name, partial(_skipped, why_not) if why_not else ask, watch)
    return Report(wheel=wheel.name, checks=tuple(results.values()), sha256=digest)


def _skipped(reason: str) -> Verdict:
    return None, reason


def questions(
    recorded: Recorded,
    promises: Promises,
    digest: str,
    facts: Facts,
    libraries: EnvironmentLibraries | None = None,
) -> Iterator[tuple[str, Question]]:
    """Every check by its name, first those on which others wait."""
    content = recorded.content
    yield "zip", partial(check_layout, content)
    yield "RECORD", partial(check_record, recorded)
    yield "file name and metadata", partial(check_name, content)
    if promises.sha256 or list(promises.faults(digest, facts)):
        yield "manifest", partial(check_manifest, promises, digest, facts)
    match = SourceMatch(recorded=recorded, patches=promises.patches)
    yield "member paths", partial(check_member_paths, content)
    yield "version label", partial(check_label, content)
    yield "requirements", partial(check_requirements, match)
    yield "installers", partial(check_installers, content)
    yield "build record", partial(check_build_info, content)
    yield "torch requirement", partial(check_torch, content)
    yield "op modules", partial(check_ops, content)
    yield "source files", partial(check_source_files, match)
    yield "commands", partial(check_commands, match)
    yield from _origin_checks(content, promises, facts)
    modules = Modules(content=content, passed_over=frozenset(recorded.faults))
    yield from module_checks(modules, facts, promises.arches)
    yield "symbols", partial(check_symbols, facts, libraries, modules)
    if content.system == "linux":
        yield from linux_checks(modules, facts)
    yield from cpu_checks(modules, facts, promises.cpu_level)


def check_manifest(promises: Promises, digest: str, facts: Facts) -> Verdict:
    """The manifest can be read, is this very file's, and promises a CPU level and patches that are known."""
    return verdict(promises.faults(digest, facts), "it is this file's")


def _origin_checks(content: WheelContent, promises: Promises, facts: Facts) -> Iterator[tuple[str, Question]]:
    """What is asked of what the wheel says about its making."""
    found = _origin(content)
    stated = StatedOrigin(content=content, facts=facts, origin=found[0] if found else None, promises=promises)
    yield "bill of materials", partial(check_bill, stated)
    yield "licences", partial(check_licences, stated)


def check_name(content: WheelContent) -> Verdict:
    """File name, METADATA and WHEEL name the same distribution, version and tags."""
    if not content.info_folder:
        return False, "there is no .dist-info folder, or more than one"
    if missing := [name for name in ("METADATA", "WHEEL") if content.metadata_file(name) is None]:
        return False, f"{' and '.join(missing)} {'are' if missing[1:] else 'is'} not there, or cannot be read"
    metadata, stated = content.headers("METADATA"), content.headers("WHEEL").get_all("Tag", [])
    tags = {tag for text in stated for tag in _tags(text.strip())}
    name, _, version = content.info_folder.removesuffix(".dist-info").rpartition("-")
    own = canonicalize_name(name) == content.name and _same_version(version, content.version)
    faults = [] if own else [f"its metadata is in {content.info_folder}"]
    if (stem := content.file_name.partition("-")[0]) != content.name.replace("-", "_"):
        faults.append(f"the file name has {stem!r}, which the format writes {content.name.replace('-', '_')!r}")
    if canonicalize_name(metadata.get("Name", "")) != content.name:
        faults.append(f"METADATA names {metadata.get('Name')!r}")
    if not _same_version(metadata.get("Version", ""), content.version):
        faults.append(f"METADATA has version {metadata.get('Version')!r}")
    faults += [
        f"METADATA has {name} twice"
        for name in ("Name", "Version", "Requires-Python")
        if len(metadata.get_all(name, [])) > 1
    ]
    builds = [value.strip() for value in content.headers("WHEEL").get_all("Build", [])]
    if builds != ([content.build] if content.build else []):
        faults.append(f"WHEEL has Build {', '.join(builds) or 'of none'}, the file name {content.build or 'none'}")
    if tags != content.tags:
        faults.append(f"WHEEL has tags {', '.join(sorted(map(str, tags))) or 'none'}")
    return verdict(faults, f"{content.name} {content.version}, {', '.join(sorted(map(str, content.tags)))}")


def check_layout(content: WheelContent) -> Verdict:
    """Every installer finds the same members, wherever it begins to read."""
    return verdict(layout_faults(content.files), f"{len(content.members)} members, nothing between and behind them")


def check_build_info(content: WheelContent) -> Verdict:
    """DeepSpeed's own record agrees with METADATA and with the label in the name."""
    info = content.build_info()
    if info is None:
        return False, UNREADABLE
    faults = [] if _same_version(info.version, content.version) else [f"it has version {info.version!r}"]
    unsaid = [name for name, kind in TORCH_INFO.items() if not isinstance(info.torch.get(name), kind)]
    faults += [f"it says no {name} of torch" for name in unsaid]
    if not faults and info.torch["hip_version"] != NO_VERSION:
        faults.append(f"it is for ROCm {info.torch['hip_version']}")
    found = _origin(content)
    faults += _label_faults(found[1].groupdict(), info) if found else []
    return verdict(faults, f"accelerator {info.accelerator}, torch {info.torch.get('version')}, {len(info.ops)} ops")


def check_label(content: WheelContent) -> Verdict:
    """The version carries our local label, such as cu124torch2.6; whose another one is.

    Known are Astral's, upstream's, conda's and hand-made ones (`origins.yaml`).
    """
    found = _origin(content)
    if found is None:
        return None, f"local version label {content.version.local!r} is of nobody known here"
    origin, _ = found
    if origin.ours:
        return True, str(content.version.local)
    return None, f"{origin.name}: {origin.says}"


def _origin(content: WheelContent) -> tuple[WheelOrigin, re.Match[str]] | None:
    """Whose the wheel is, as its name shows it."""
    version = content.version
    return origin_of(load_facts().origins, version.public, version.local or "", content.system)


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
    faults += [f"{member} is not where DeepSpeed looks for {op}" for member, op in _misplaced(owners)]
    faults += _interpreter_faults(content)
    return verdict(faults, f"{len(info.ops)} ops, one module each: {', '.join(info.ops)}")


def _misplaced(owners: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """The modules that DeepSpeed would import from another place, each with its op."""
    known = load_facts().ops
    for member, ops in owners.items():
        for op in ops:
            if op in known and member.partition(".")[0] != known[op].module.replace(".", "/"):
                yield member, op


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


def _label_faults(label: Mapping[str, str], info: BuildInfo) -> list[str]:
    """Where the record says otherwise than the label, if that says anything."""
    if not label:
        return []
    accelerator = "cpu" if label["cuda"] == "cpu" else "cuda"
    cuda = label["cuda"] if "." in label["cuda"] else cuda_version(label["cuda"]) or "0.0"
    facts = [
        ("accelerator", info.accelerator, accelerator),
        ("torch", minor_of(str(info.torch.get("version"))), label["torch"]),
        ("CUDA", str(info.torch.get("cuda_version")), cuda),
    ]
    return [f"it has {what} {found}, the name has {named}" for what, found, named in facts if found != named]


def _interpreter_faults(content: WheelContent) -> list[str]:
    faults = [f"no Python has the tag {tag}" for tag in sorted(content.tags, key=str) if not _is_of_one_python(tag)]
    names = [(member, PurePosixPath(member).name) for member in content.extensions]
    endings = {
        MODULE_NAMES[content.system].format(
            abi=tag.abi.removeprefix("cp"), platform=tag.platform, machine=without_level(tag.platform)[len("linux_") :]
        )
        for tag in content.tags
        if content.system
    }
    told = " or ".join(sorted(endings))
    return faults + [
        f"{name} is not for {', '.join(sorted(map(str, content.tags)))}: it would end with {told}"
        for _, name in names
        if endings and name[len(name.partition(".")[0]) :] not in endings
    ]


def _is_of_one_python(tag: Tag) -> bool:
    """Whether it is the tag of a CPython and of its own ABI, debug and free-threaded builds included."""
    return not tag.interpreter.startswith("cp") or not tag.abi.startswith("cp") or _is_its_abi(tag.interpreter, tag.abi)


def _is_its_abi(interpreter: str, abi: str) -> bool:
    return re.fullmatch(f"{interpreter}[a-z]*", abi) is not None
