"""A wheel that was named by its file, as an offer of one: judged and installed as those of a site are."""

from __future__ import annotations

import re
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from scripts.commands.install_options import InstallOptions
from scripts.commands.project import open_project
from scripts.errors import InputError
from scripts.files import sha256_of
from scripts.install.environment import Environment, read_environment
from scripts.plan.target import Target, platform_tag_of
from scripts.versions import SYSTEMS
from scripts.wheel.content import open_wheel
from scripts.wheel.documents import read_manifest
from scripts.wheel.manifest import manifest_path
from scripts.wheel.published import Published
from scripts.wheel.record import WheelRecord, WheelSource

LABEL = re.compile(r"(?P<cuda>cpu|cu\d{3})torch(?P<torch>\d+\.\d+)")


def offer_of_file(options: InstallOptions) -> tuple[Published, Environment]:
    """The one wheel as an offer, and the environment; raises InputError for what is no wheel of DeepSpeed."""
    wheel = Path(options.wheel).resolve()
    if options.index or options.store or options.deepspeed:
        raise InputError("--wheel names the wheel: give no --index, --store or --deepspeed", id="options-conflict")
    record = replace(_record(wheel), url=wheel.as_uri())
    torch_index = open_project().matrix.torch_index
    published = Published(wheels=(record,), url=f"{wheel.parent.as_uri()}/", torch_index=torch_index)
    return published, read_environment(options.python)


def _record(wheel: Path) -> WheelRecord:
    """What its manifest says, or, without one, its name and what is inside; its digest is that of the file itself."""
    manifest = manifest_path(wheel)
    try:
        sha256, size = sha256_of(wheel), wheel.stat().st_size
        found = read_manifest(manifest.read_bytes(), str(manifest)) if manifest.is_file() else None
    except OSError as error:
        raise InputError(f"{wheel} cannot be read: {error.strerror}; give a wheel", id="file-not-usable") from None
    if found and (found.sha256, found.file) == (sha256, wheel.name):
        return found
    if found:
        raise InputError(f"{wheel} is not the file that its manifest describes; build it again", id="manifest-mismatch")
    with open_wheel(wheel) as content:
        info = content.build_info()
    _require_whole(wheel)
    target = target_of_name(wheel.name)
    return WheelRecord(
        target=target,
        sha256=sha256,
        bytes=size,
        ops=info.ops if info else (),
        left_out={},
        arches=(),
        cpu_level="",
        torch=target.torch,
        toolchain={},
        seconds=0,
        source=WheelSource(kind="", sha256=""),
        verification=None,
        platform_tag=platform_tag_of(wheel.name),
    )


def _require_whole(wheel: Path) -> None:
    """Raise InputError where a file inside has another checksum than stated: no manifest speaks for this wheel."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            damaged = archive.testzip()
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        damaged = str(error)
    if damaged:
        raise InputError(f"{wheel} is damaged ({damaged}); download or build it again", id="wheel-damaged")


def target_of_name(name: str) -> Target:
    """The target that a wheel's name says, of torch its minor; raises InputError for a name that does not say all."""
    try:
        project, version, _, tags = parse_wheel_filename(name)
    except InvalidWheelFilename:
        project, version, tags = None, None, frozenset[Tag]()
    label = LABEL.fullmatch((version.local if version else None) or "")
    tag = next(iter(sorted(tags, key=str)), None)
    platform = re.sub(r"^manylinux.*_x86_64$", "linux_x86_64", tag.platform) if tag else ""
    if project != "deepspeed" or version is None or label is None or tag is None or platform not in SYSTEMS:
        raise InputError(
            f"{name}: its name does not say what it is for; give a wheel such as"
            " deepspeed-0.16.5+cu124torch2.6-cp311-cp311-win_amd64.whl",
            id="not-a-wheel-of-ours",
        )
    python = f"3.{tag.abi.removeprefix('cp3')}"
    return Target(
        deepspeed=version.public, torch=f"{label['torch']}.0", cuda=label["cuda"], python=python, platform=platform
    )
