"""Makers of broken wheels: each spoils one thing of a whole wheel, and names the one check that must refuse it."""

from __future__ import annotations

import io
import json
import re
import struct
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from scripts.verify.promises import Promises
from scripts.wheel.bill_of_materials import BILL, PURLS
from scripts.wheel.third_party_code import NOTICES
from tests.verify.stub_code import VECTOR_CODE, ZMM
from tests.verify.stub_elf import ALL, INTERP, LOAD, PLAIN_STACK, STACK, make_elf
from tests.verify.stub_fatbin import cubin, make_fatbin
from tests.verify.stub_pe import make_pe
from tests.verify.stub_wheel import BUILD_INFO
from tests.verify.whole_wheel import CUDA_DLLS, DLLS, LIBRARIES, WheelParts, source_members

Change = Callable[[WheelParts], None]
ADAM = "deepspeed/ops/adam/cpu_adam_op.cpython-311-x86_64-linux-gnu.so"
FUSED = "deepspeed/ops/adam/fused_adam_op.cp311-win_amd64.pyd"
ENGINE = "deepspeed/runtime/engine.py"
IN_INFO = "deepspeed-{v}.dist-info/"
LONG = "x" * 250
AMX, VNNI, FP16 = (bytes.fromhex(code) for code in ("c4e26a5cc1", "c4e27550c2", "62f5744858c2"))
FMA4, XOP, GFNI, VAES = (bytes.fromhex(code) for code in ("c4e36968c203", "8fe978c2c1", "c4e271cfc2", "c4e275dcc2"))
LINUX_PROMISES = Promises(cpu_level="avx2", patches=())
WINDOWS_PROMISES = Promises(cpu_level="avx2", patches=(), arches="8.0;9.0")
NOT_OPENED = "not opened"  # instead of a check: it is no wheel that anybody should read


@dataclass(frozen=True, kw_only=True)
class Maker:
    """How a wheel is broken, and which check refuses it."""

    check: str
    change: Change
    promises: Promises | None = None  # instead of the base's


# ---------------------------------------------------------------- changes


def removed(*starts: str) -> Change:
    """Without the members that begin so."""

    def change(parts: WheelParts) -> None:
        gone = [name for name in parts.members if name.startswith(starts)]
        assert gone, starts
        for name in gone:
            del parts.members[name]

    return change


def added(name: str, content: bytes = b"x = 1\n", mode: int = 0o100644) -> Change:
    """With one more member; {v} stands for the version."""

    def change(parts: WheelParts) -> None:
        placed = name.replace("{v}", parts.version)
        parts.members[placed] = content
        parts.modes[placed] = mode

    return change


def folder(name: str) -> Change:
    """With a folder in which nothing is."""

    def change(parts: WheelParts) -> None:
        placed = name.replace("{v}", parts.version)
        parts.members[placed], parts.modes[placed] = b"", 0o040755
        parts.unrecorded.add(placed)

    return change


def rewritten(name: str, by: Callable[[bytes], bytes]) -> Change:
    """With another content of a member."""

    def change(parts: WheelParts) -> None:
        placed = name.replace("{v}", parts.version)
        before = parts.members[placed]
        parts.members[placed] = by(before)
        assert parts.members[placed] != before

    return change


def replaced(name: str, old: str, new: str) -> Change:
    """With another text in a member, which must have had the old one."""
    return lambda parts: parts.edit(name.replace("{v}", parts.version), old, new)


def metadata_line(line: str) -> Change:
    """With one more line of METADATA."""
    return lambda parts: parts.edit(f"{parts.info}/METADATA", "\nName:", f"\n{line}\nName:")


def renamed(old: str, new: str) -> Change:
    """The file under another name."""

    def change(parts: WheelParts) -> None:
        assert old in parts.file
        parts.file = parts.file.replace(old, new)

    return change


def tagged(old: str, new: str) -> Change:
    """With another platform in the file's name, and in WHEEL alike."""

    def change(parts: WheelParts) -> None:
        parts.edit(f"{parts.info}/WHEEL", old, new)
        parts.file = parts.file.replace(old, new)

    return change


def moved(old: str, new: str) -> Change:
    """The members that begin so elsewhere."""

    def change(parts: WheelParts) -> None:
        start = old.replace("{v}", parts.version)
        found = {name: data for name, data in parts.members.items() if name.startswith(start)}
        assert found, start
        for name, data in found.items():
            del parts.members[name]
            parts.members[new.replace("{v}", parts.version) + name.removeprefix(start)] = data

    return change


def packed(by: Callable[[bytes], bytes]) -> Change:
    """The finished file changed."""

    def change(parts: WheelParts) -> None:
        parts.packed = by

    return change


def header(signature: bytes, offset: int, value: int) -> Change:
    """Another two bytes in the first header of a kind."""

    def by(data: bytes) -> bytes:
        at = data.index(signature) + offset
        return data[:at] + struct.pack("<H", value) + data[at + 2 :]

    return packed(by)


def elf(**changes: object) -> Change:
    """CPU Adam's module of Linux made otherwise."""
    told = {"needed": LIBRARIES, **changes}
    return added(ADAM, make_elf(**told))  # type: ignore[arg-type]


def pe(**changes: object) -> Change:
    """The module of fused Adam of Windows made otherwise."""
    told = {"needed": CUDA_DLLS, "init": "fused_adam_op", "fatbin": make_fatbin(80, 90), **changes}
    return added(FUSED, make_pe(**told))  # type: ignore[arg-type]


def cpu_pe(**changes: object) -> Change:
    """The module of CPU Adam of Windows made otherwise."""
    return added(FUSED.replace("fused", "cpu"), make_pe(**{"needed": DLLS, **changes}))  # type: ignore[arg-type]


def unrecorded(name: str) -> Change:
    """A member that RECORD does not list; RECORD itself is not there."""
    return lambda parts: parts.unrecorded.add(name.replace("{v}", parts.version))


def misrecorded(name: str, said: bytes) -> Change:
    """RECORD says another content of a member, or lists one that is not there."""

    def change(parts: WheelParts) -> None:
        parts.recorded[name.replace("{v}", parts.version)] = said

    return change


def bill(edit: Callable[[dict[str, Any]], object]) -> Change:
    """With another bill of materials."""

    def by(text: bytes) -> bytes:
        told = json.loads(text)
        edit(told)
        return f"{json.dumps(told, indent=1, sort_keys=True)}\n".encode()

    return rewritten(IN_INFO + BILL, by)


def as_sdist(told: dict[str, Any]) -> None:
    """As if it were made from a sdist, with another digest than the index states."""
    ancestor = told["metadata"]["component"]["pedigree"]["ancestors"][0]
    ancestor["purl"] = PURLS["sdist"] + ancestor["version"]


def with_patch(told: dict[str, Any]) -> None:
    """As if a patch were applied that nobody knows."""
    wheel = told["metadata"]["component"]
    wheel["pedigree"]["patches"].append({"type": "unofficial", "resolves": [{"type": "defect", "id": "P999"}]})
    wheel["properties"].append({"name": "deepspeed-wheels:patch:P999", "value": "digest"})


def licence_of(parts: WheelParts) -> str:
    """Where DeepSpeed's licence is: setuptools moved it."""
    return next(name for name in parts.members if name.startswith(parts.info) and name.endswith("/LICENSE"))


def linked(parts: WheelParts) -> None:
    """A module of the package as a symbolic link."""
    parts.modes[ENGINE] = 0o120777


def of_another_release(parts: WheelParts) -> None:
    """One file as a later release has it."""
    parts.members[ENGINE] = source_members("0.16.5" if "0.19.8" in parts.version else "0.19.8")[ENGINE]


def half_csrc(parts: WheelParts) -> None:
    """Some of the sources that upstream's Windows wheels do without."""
    for name, content in source_members("0.16.5").items():
        if name.startswith("deepspeed/ops/csrc/adam/"):
            parts.members[name] = content


def every_line_end(parts: WheelParts) -> None:
    """The line ends of Windows in a wheel for Linux."""
    parts.members[ENGINE] = parts.members[ENGINE].replace(b"\n", b"\r\n")


def record_text(by: Callable[[bytes], bytes]) -> Change:
    """With another RECORD than the true one."""

    def repacked(data: bytes) -> bytes:
        file = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w") as new:
            for info in old.infolist():
                content = old.read(info)
                if info.filename.endswith(".dist-info/RECORD"):
                    assert by(content) != content
                    content = by(content)
                new.writestr(info, content)
        return file.getvalue()

    return packed(repacked)


def twice(name: str, content: bytes) -> Change:
    """With a second member of a name that is there."""

    def repacked(data: bytes) -> bytes:
        file = io.BytesIO(data)
        with warnings.catch_warnings(), zipfile.ZipFile(file, "a") as archive:
            warnings.simplefilter("ignore")  # that is what is wanted
            archive.writestr(zipfile.ZipInfo(name), content)
        return file.getvalue()

    return packed(repacked)


def at(member: str, place: int, content: bytes) -> Change:
    """With other bytes at a place of a member."""
    return rewritten(member, lambda data: data[:place] + content + data[place + len(content) :])


def required_otherwise(pattern: bytes, by: bytes) -> Change:
    """With another line for one requirement, whatever ends its lines."""
    return rewritten(IN_INFO + "METADATA", lambda text: re.sub(pattern, by, text, count=1))


def pinned_where(marker: str) -> Change:
    """With a pin of torch that holds for some Pythons only."""
    return rewritten(
        IN_INFO + "METADATA",
        lambda text: re.sub(rb"(\nRequires-Dist: torch==[0-9.*]+)", rb"\1; " + marker.encode(), text, count=1),
    )


# ---------------------------------------------------------------- both systems

SOURCES: dict[str, Change] = {
    "no runtime": removed("deepspeed/runtime/"),
    "no zero": removed("deepspeed/runtime/zero/"),
    "no op_builder": removed("deepspeed/ops/op_builder/"),
    "no launcher": removed("deepspeed/launcher/"),
    "no accelerator": removed("deepspeed/accelerator/"),
    "no inference": removed("deepspeed/inference/v2/engine"),
    "no engine": removed(ENGINE),
    "no package": removed("deepspeed/__init__.py"),
    "no comm": removed("deepspeed/comm/comm.py"),
    "no version info": removed("deepspeed/git_version_info.py"),
    "half of it": removed("deepspeed/m", "deepspeed/u", "deepspeed/p"),
    "no licence": lambda parts: parts.members.__delitem__(licence_of(parts)),
    "another licence": lambda parts: parts.members.__setitem__(licence_of(parts), b"MIT\n"),
    "a line more": rewritten(ENGINE, lambda text: text + b"import os\n"),
    "a line less": rewritten(ENGINE, lambda text: text[:-1].rpartition(b"\n")[0] + b"\n"),
    "a syntax error": rewritten(ENGINE, lambda text: b"def (:\n" + text),
    "an empty module": rewritten(ENGINE, lambda text: b""),
    "a module cut short": rewritten(ENGINE, lambda text: text[: len(text) // 2]),
    "one letter": rewritten("deepspeed/__init__.py", lambda text: text.replace(b"deepspeed", b"deepspead", 1)),
    "a byte order mark": rewritten("deepspeed/__init__.py", lambda text: b"\xef\xbb\xbf" + text),
    "a zero byte": rewritten("deepspeed/constants.py", lambda text: text + b"\0"),
    "another constant": rewritten(
        "deepspeed/constants.py", lambda text: text + b"TORCH_DISTRIBUTED_DEFAULT_PORT = 1\n"
    ),
    "a file of another release": of_another_release,
    "an unnamed change": rewritten("deepspeed/ops/op_builder/builder.py", lambda text: text + b"\n# patched\n"),
    "a module more": added("deepspeed/evil.py"),
    "a torch inside": added("deepspeed/torch/__init__.py"),
    "tests inside": added("deepspeed/tests/test_engine.py"),
    "a sitecustomize inside": added("deepspeed/sitecustomize.py"),
    "a pth inside": added("deepspeed/evil.pth"),
    "compiled Python": added("deepspeed/__pycache__/__init__.cpython-311.pyc"),
    "a DLL of no op": added("deepspeed/ops/adam/helper.dll", make_pe()),
    "a library of no op": added("deepspeed/ops/adam/libhelper.so.1", make_elf()),
    "a program": added("deepspeed/nvcc.exe", b"MZ"),
    "a module in the metadata": added("deepspeed-{v}.dist-info/evil.py"),
    "an installer's file": added("deepspeed-{v}.dist-info/INSTALLER", b"pip\n"),
    "a signature that nobody checks": added("deepspeed-{v}.dist-info/RECORD.jws", b"{}"),
    "an installer's address": added("deepspeed-{v}.dist-info/direct_url.json", b"{}"),
}
PLACES: dict[str, Change] = {
    "a pth": added("evil.pth", b"import os\n"),
    "a sitecustomize": added("sitecustomize.py"),
    "a torch": added("torch/__init__.py"),
    "tests": added("tests/__init__.py"),
    "a module beside": added("deepspeed.py"),
    "a numpy": added("numpy.libs/libopenblas.so", b"\x7fELF"),
    "purelib": added("deepspeed-{v}.data/purelib/evil.py"),
    "platlib": added("deepspeed-{v}.data/platlib/evil.py"),
    "headers": added("deepspeed-{v}.data/headers/evil.h"),
    "data": added("deepspeed-{v}.data/data/etc/evil.conf"),
    "another version's scripts": added("deepspeed-9.9.data/scripts/ds"),
    "a folder of scripts": added("deepspeed-{v}.data/scripts/bin/ds"),
    "an absolute path": added("/etc/evil.conf"),
    "a path upwards": added("deepspeed/../../evil.py"),
    "a path upwards at once": added("../evil.py"),
    "a path in place": added("deepspeed/./evil.py"),
    "an empty folder name": added("deepspeed//evil.py"),
    "backslashes": added("deepspeed\\evil.py"),
    "a drive": added("C:evil.py"),
    "a stream": added("deepspeed/__init__.py:evil"),
    "con": added("deepspeed/con.py"),
    "aux": added("deepspeed/aux/__init__.py"),
    "com1": added("deepspeed/COM1"),
    "a dot at the end": added("deepspeed/evil.py."),
    "a blank at the end": added("deepspeed/evil.py "),
    "a wildcard": added("deepspeed/evil*.py"),
    "a control letter": added("deepspeed/evil\x07.py"),
    "a link": linked,
    "a device": added("deepspeed/zero", b"", 0o020666),
    "a folder's mark": lambda parts: parts.modes.__setitem__(ENGINE, 0o040755),
    "a pipe": added("deepspeed/pipe", b"", 0o010666),
    "an empty folder": folder("torch/"),
    "an empty folder of data": folder("deepspeed-{v}.data/purelib/"),
    "another user's rights": lambda parts: parts.modes.__setitem__(ENGINE, 0o104755),
    "two cases of one name": added("deepspeed/__INIT__.py"),
    "a file and a folder": added("deepspeed/__init__.py/evil.py"),
    "a long name": added(f"deepspeed/{LONG}{LONG}.py"),
    "a long path": added("deepspeed/" + "/".join(["folder"] * 30) + "/evil.py"),
}
RECORDS: dict[str, Change] = {
    "no RECORD": unrecorded("deepspeed-{v}.dist-info/RECORD"),
    "a file unlisted": unrecorded(ENGINE),
    "the build record unlisted": unrecorded(BUILD_INFO),
    "METADATA unlisted": unrecorded("deepspeed-{v}.dist-info/METADATA"),
    "a wrong hash": misrecorded(ENGINE, b"other"),
    "a wrong hash of METADATA": misrecorded("deepspeed-{v}.dist-info/METADATA", b"other"),
    "a wrong hash of WHEEL": misrecorded("deepspeed-{v}.dist-info/WHEEL", b"other"),
    "a wrong hash of a script": misrecorded("deepspeed-{v}.data/scripts/ds", b"other"),
    "a wrong hash of the licence": lambda parts: parts.recorded.__setitem__(licence_of(parts), b"other"),
    "a file that is not there": misrecorded("deepspeed/gone.py", b""),
    "a file outside": record_text(lambda text: text + b"../../../bin/sh,,\n"),
    "a row twice": record_text(lambda text: text + text.partition(b"\n")[0] + b"\n"),
    "a row of another hash": record_text(lambda text: text + text.partition(b",")[0] + b",sha256=AAAA,3\n"),
    "a row of two columns": record_text(lambda text: text + b"deepspeed/gone.py,\n"),
    "a row of four columns": record_text(lambda text: text.replace(b"\n", b",more\n", 1)),
    "a row that is none": record_text(lambda text: text + b"more\n"),
    "a hash of itself": record_text(lambda text: text.replace(b"RECORD,,", b"RECORD,sha256=AAAA,3")),
    "without itself": record_text(lambda text: text[: text.rindex(b"\n", 0, -1) + 1]),
    "MD5": record_text(lambda text: re.sub(rb"sha256=[^,]+", b"md5=AAAA", text, count=1)),
    "no hash": record_text(lambda text: re.sub(rb"sha256=[^,]+", b"", text, count=1)),
    "another size": record_text(lambda text: re.sub(rb",([0-9]+)\n", rb",1\1\n", text, count=1)),
    "a hash with padding": record_text(lambda text: re.sub(rb"(sha256=[^,]+)", rb"\1=", text, count=1)),
    "UTF-16": record_text(lambda text: text.decode().encode("utf-16")),
    "a byte order mark": record_text(lambda text: b"\xef\xbb\xbf" + text),
    "backslashes": record_text(lambda text: text.replace(ENGINE.encode(), ENGINE.replace("/", "\\").encode())),
}
NAMES: dict[str, Change] = {
    "no METADATA": lambda parts: parts.members.__delitem__(f"{parts.info}/METADATA"),
    "no WHEEL": lambda parts: parts.members.__delitem__(f"{parts.info}/WHEEL"),
    "another name": replaced("deepspeed-{v}.dist-info/METADATA", "Name: deepspeed", "Name: deepspeed-nightly"),
    "another version": replaced("deepspeed-{v}.dist-info/METADATA", "\nVersion: 0.1", "\nVersion: 1.1"),
    "no version": replaced("deepspeed-{v}.dist-info/METADATA", "\nVersion: ", "\nVersions: "),
    "two names": metadata_line("Name: deepspeed"),
    "two versions": metadata_line("Version: 1"),
    "another tag": replaced("deepspeed-{v}.dist-info/WHEEL", "cp311-cp311", "cp312-cp312"),
    "another platform": replaced("deepspeed-{v}.dist-info/WHEEL", "_", "x"),
    "a build number": replaced("deepspeed-{v}.dist-info/WHEEL", "Root-Is", "Build: 1\nRoot-Is"),
    "no tag": replaced("deepspeed-{v}.dist-info/WHEEL", "Tag: ", "Tags: "),
    "another folder": moved("deepspeed-{v}.dist-info/", "deepspeed-9.9.dist-info/"),
    "another way to write the name": renamed("deepspeed-", "DeepSpeed-"),
    "a build number in the name": renamed("-cp311-cp311-", "-1-cp311-cp311-"),
    "two of them in WHEEL": rewritten(IN_INFO + "WHEEL", lambda text: b"Tag: cp312-cp312-linux_x86_64\n" + text),
    "a blank line before the name": rewritten(
        IN_INFO + "METADATA", lambda text: text.replace(b"\nName:", b"\n\nName:", 1)
    ),
    "WHEEL in UTF-16": rewritten(IN_INFO + "WHEEL", lambda text: text.decode().encode("utf-16")),
    "another epoch": replaced(IN_INFO + "METADATA", "\nVersion: 0.", "\nVersion: 1!0."),
    "another project's folder": moved("deepspeed-{v}.dist-info/", "torch-{v}.dist-info/"),
    "two folders": added("torch-2.0.dist-info/METADATA", b"Name: torch\n"),
    "another Python in the name": renamed("cp311-cp311", "cp312-cp312"),
    "another torch in the name": renamed("torch2.", "torch2.1"),
    "another release in the name": renamed("deepspeed-0.1", "deepspeed-0.2"),
    "METADATA of 100 MB": rewritten("deepspeed-{v}.dist-info/METADATA", lambda text: text + b"x" * 5_000_000),
}
INSTALLERS: dict[str, Change] = {
    "a wheel of version 2": replaced("deepspeed-{v}.dist-info/WHEEL", "Version: 1.0", "Version: 2.0"),
    "no wheel version": replaced("deepspeed-{v}.dist-info/WHEEL", "Wheel-Version", "Wheels-Version"),
    "a wheel version that is none": replaced("deepspeed-{v}.dist-info/WHEEL", "Version: 1.0", "Version: one"),
    "no Root-Is-Purelib": replaced("deepspeed-{v}.dist-info/WHEEL", "Root-Is-Purelib", "Root-Is-Platlib"),
    "pure": replaced("deepspeed-{v}.dist-info/WHEEL", "Purelib: false", "Purelib: true"),
    "a newer Python only": metadata_line("Requires-Python: >=3.12"),
    "an older Python only": metadata_line("Requires-Python: <3.11"),
    "another major": metadata_line("Requires-Python: >=4"),
    "some patch releases only": metadata_line("Requires-Python: >=3.11.5"),
    "one patch release only": metadata_line("Requires-Python: ==3.11.7"),
    "two wheel versions": rewritten(IN_INFO + "WHEEL", lambda text: b"Wheel-Version: 2.0\n" + text),
    "pure and not": rewritten(IN_INFO + "WHEEL", lambda text: b"Root-Is-Purelib: true\n" + text),
    "no range": metadata_line("Requires-Python: three"),
    "a metadata version of the future": rewritten(
        "deepspeed-{v}.dist-info/METADATA",
        lambda text: re.sub(rb"Metadata-Version: [0-9.]+", b"Metadata-Version: 9.9", text),
    ),
    "an extra without a name": metadata_line("Provides-Extra: not a name!"),
    "METADATA in Latin-1": rewritten(
        "deepspeed-{v}.dist-info/METADATA", lambda text: text.replace(b"\nName:", b"\nSummary: caf\xe9\nName:")
    ),
    "a zero byte in METADATA": rewritten("deepspeed-{v}.dist-info/METADATA", lambda text: text + b"\0"),
}
REQUIREMENTS: dict[str, Change] = {
    "an address": metadata_line("Requires-Dist: numpy @ https://example.org/numpy.tar.gz"),
    "a file": metadata_line("Requires-Dist: numpy @ file:///tmp/numpy.tar.gz"),
    "no requirement": metadata_line("Requires-Dist: numpy==="),
    "two names": metadata_line("Requires-Dist: numpy torch"),
    "another package's place": metadata_line("Provides-Dist: torch (9.9)"),
    "the end of another package": metadata_line("Obsoletes-Dist: torch"),
    "a marker that is none": metadata_line("Requires-Dist: numpy; python is 3"),
    "a package more": metadata_line("Requires-Dist: requests"),
    "a package of nearly this name": metadata_line("Requires-Dist: torhc"),
    "itself": metadata_line("Requires-Dist: deepspeed==0.1"),
    "a package less": required_otherwise(rb"Requires-Dist: hjson\r?\n", b""),
    "an older one": required_otherwise(rb"(?m)^(Requires-Dist: numpy)(?=\r?$)", rb"\1<1.0"),
    "without its bound": required_otherwise(rb"(Requires-Dist: packaging) ?>=20\.0", rb"\1"),
    "one twice": metadata_line("Requires-Dist: numpy===1.0"),
    "on some systems": required_otherwise(rb"(?m)^(Requires-Dist: tqdm)(?=\r?$)", rb"\1; sys_platform == 'darwin'"),
    "an option of pip": metadata_line("Requires-Dist: numpy --index-url=https://example.org"),
    "another package's imports": metadata_line("Import-Name: torch"),
}
TORCH: dict[str, Change] = {
    "no pin": replaced("deepspeed-{v}.dist-info/METADATA", "Requires-Dist: torch==2", "Requires-Dist: torch!=2"),
    "another minor": replaced(
        "deepspeed-{v}.dist-info/METADATA", "Requires-Dist: torch==2.", "Requires-Dist: torch==2.1"
    ),
    "a pin for some Pythons": pinned_where("python_version < '3'"),
    "a pin for one extra": pinned_where("extra == 'dev'"),
    "no torch": replaced("deepspeed-{v}.dist-info/METADATA", "Requires-Dist: torch==", "X-Requires: jax=="),
    "a second torch": metadata_line("Requires-Dist: torch==9.9; python_version > '3'"),
}
BUILD_RECORDS: dict[str, Change] = {
    "none": removed(BUILD_INFO),
    "code in it": rewritten(BUILD_INFO, lambda text: text + b"import os\n"),
    "a call in it": rewritten(BUILD_INFO, lambda text: text + b"x = open('/etc/passwd')\n"),
    "an expression in it": rewritten(BUILD_INFO, lambda text: text + b"print('hello')\n"),
    "a name that Python has": rewritten(BUILD_INFO, lambda text: text + b"__import__ = 3\n"),
    "a part of a name": rewritten(BUILD_INFO, lambda text: text + b"torch_info['version'] = '9'\n"),
    "a name twice": rewritten(BUILD_INFO, lambda text: text + b"git_hash = '0'\n"),
    "a comment": rewritten(BUILD_INFO, lambda text: text + b"# of a friend\n"),
    "another encoding": rewritten(BUILD_INFO, lambda text: b"# coding: utf-7\n" + text),
    "no commit": rewritten(BUILD_INFO, lambda text: text.replace(b"git_hash='", b"git_branch='", 1)),
    "a command for a commit": rewritten(
        BUILD_INFO, lambda text: re.sub(rb"git_hash='[^']*'", b"git_hash='$(id)'", text)
    ),
    "no word of bf16": rewritten(BUILD_INFO, lambda text: text.replace(b"'bf16_support'", b"'bf16'")),
    "bf16 in words": rewritten(BUILD_INFO, lambda text: re.sub(rb"'bf16_support': \w+", b"'bf16_support': 'no'", text)),
    "no NCCL": rewritten(BUILD_INFO, lambda text: text.replace(b"'nccl_version'", b"'nccl'")),
    "ROCm": rewritten(BUILD_INFO, lambda text: text.replace(b"'hip_version': '0.0'", b"'hip_version': '6.4'")),
    "no Python": rewritten(BUILD_INFO, lambda text: b"{" + text),
    "another version": rewritten(BUILD_INFO, lambda text: text.replace(b"version='0.1", b"version='0.2")),
    "another torch": rewritten(BUILD_INFO, lambda text: text.replace(b"'version': '2.", b"'version': '1.")),
    "another CUDA": rewritten(BUILD_INFO, lambda text: text.replace(b"'cuda_version': '", b"'cuda_version': '1")),
    "no accelerator": rewritten(BUILD_INFO, lambda text: text.replace(b"accelerator_name=", b"accelerator=")),
    "another accelerator": rewritten(
        BUILD_INFO, lambda text: text.replace(b"accelerator_name='c", b"accelerator_name='x")
    ),
}
COMMANDS: dict[str, Change] = {
    "pip": added("deepspeed-{v}.data/scripts/pip", b"#!python\n"),
    "python": added("deepspeed-{v}.data/scripts/python", b"#!/bin/sh\n"),
    "one more": added("deepspeed-{v}.data/scripts/ds_evil", b"#!python\n"),
    "one less": lambda parts: parts.members.__delitem__(f"deepspeed-{parts.version}.data/scripts/ds_report"),
    "another ds": rewritten("deepspeed-{v}.data/scripts/ds", lambda text: text + b"import os\n"),
    "a pytest plugin": added("deepspeed-{v}.dist-info/entry_points.txt", b"[pytest11]\nds = deepspeed:a\n"),
    "pip as an entry point": added("deepspeed-{v}.dist-info/entry_points.txt", b"[console_scripts]\npip = a:b\n"),
    "another entry point": added("deepspeed-{v}.dist-info/entry_points.txt", b"[console_scripts]\nds = a:b\n"),
    "an entry point twice": added(
        IN_INFO + "entry_points.txt", b"[console_scripts]\nds = deepspeed:a\nds = deepspeed:b\n"
    ),
    "another group": added(IN_INFO + "entry_points.txt", b"[torch.backends]\nds = deepspeed:a\n"),
    "another case": moved("deepspeed-{v}.data/scripts/ds_report", "deepspeed-{v}.data/scripts/DS_report"),
    "no entry points": lambda parts: parts.members.__delitem__(f"{parts.info}/entry_points.txt"),
}
BILLS: dict[str, Change] = {
    "none": lambda parts: parts.members.__delitem__(f"{parts.info}/{BILL}"),
    "no JSON": rewritten(IN_INFO + BILL, lambda text: text[:-20]),
    "a list": rewritten(IN_INFO + BILL, lambda text: b"[" + text + b"]"),
    "another format": replaced(IN_INFO + BILL, '"CycloneDX"', '"SPDX"'),
    "a later format": replaced(IN_INFO + BILL, '"specVersion": "1.6"', '"specVersion": "2.0"'),
    "no ancestor": replaced(IN_INFO + BILL, '"ancestors"', '"variants"'),
    "an ancestor of elsewhere": replaced(IN_INFO + BILL, "pkg:github/deepspeedai/", "pkg:github/evil/"),
    "another version": bill(lambda told: told["metadata"]["component"].update(version="0.1")),
    "no version": bill(lambda told: told["metadata"]["component"].update(version="newest")),
    "another torch": bill(lambda told: told["formulation"][0]["components"][0].update(version="1.13.0+cpu")),
    "no torch": bill(lambda told: told["formulation"][0]["components"].pop(0)),
    "another sdist": bill(as_sdist),
    "an unknown patch": bill(with_patch),
    "a part less": bill(lambda told: told["components"].pop(0)),
    "no parts": bill(lambda told: told.update(components=[])),
    "a serial number": bill(lambda told: told.update(serialNumber="urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79")),
    "a time": bill(lambda told: told["metadata"].update(timestamp="2026-01-01T00:00:00Z")),
    "a part more": bill(lambda told: told["components"].append({"type": "library", "name": "more"})),
    "another licence": bill(lambda told: told["metadata"]["component"]["licenses"][0].update(expression="MIT")),
    "another package": bill(lambda told: told["metadata"]["component"].update(name="deepspeed-nightly")),
    "a program": bill(lambda told: told["metadata"]["component"].update(type="application")),
    "a name twice": replaced(IN_INFO + BILL, '"specVersion"', '"specVersion": "1.6",\n "specVersion"'),
    "in one line": rewritten(IN_INFO + BILL, lambda text: json.dumps(json.loads(text)).encode()),
    "a second one": added(f"{IN_INFO}sboms/other.spdx.json", b"{}"),
}
LICENCES: dict[str, Change] = {
    "no expression": replaced(IN_INFO + "METADATA", "License-Expression: ", "License-Expressions: "),
    "another expression": replaced(IN_INFO + "METADATA", "Apache-2.0 AND", "GPL-3.0-only AND"),
    "DeepSpeed's alone": replaced(IN_INFO + "METADATA", " AND BSD-3-Clause AND MIT", ""),
    "one less": replaced(IN_INFO + "METADATA", " AND MIT", ""),
    "one more": replaced(IN_INFO + "METADATA", " AND MIT", " AND MIT AND Zlib"),
    "a classifier of another": metadata_line("Classifier: License :: OSI Approved :: MIT License"),
    "metadata that knows none": rewritten(
        IN_INFO + "METADATA",
        lambda text: re.sub(rb"Metadata-Version: [0-9.]+", b"Metadata-Version: 2.1", text),
    ),
    "a file not named": replaced(IN_INFO + "METADATA", f"License-File: {NOTICES}\n", ""),
    "a file named that is not there": metadata_line("License-File: NOTICE"),
    "a file more": added(f"{IN_INFO}licenses/GPL.txt", b"GPL"),
    "no notices": lambda parts: parts.members.__delitem__(f"{parts.info}/licenses/{NOTICES}"),
    "empty notices": rewritten(f"{IN_INFO}licenses/{NOTICES}", lambda text: b""),
    "a notice less": replaced(f"{IN_INFO}licenses/{NOTICES}", "Copyright NVIDIA/apex", ""),
    "no licence text": rewritten(f"{IN_INFO}licenses/{NOTICES}", lambda text: text.replace(b"Permission is", b"It is")),
    "a line more": rewritten(f"{IN_INFO}licenses/{NOTICES}", lambda text: text + b"All rights reserved.\n"),
}
ZIPS: dict[str, Change] = {
    "bytes before": packed(lambda data: b"#!/bin/sh\n" + data),
    "bytes behind": packed(lambda data: data + b"more"),
    "a comment": packed(lambda data: data[:-2] + struct.pack("<H", 4) + b"more"),
    "a member twice": twice(ENGINE, b"x = 1\n"),
    "the build record twice": twice(BUILD_INFO, b"x = 1\n"),
    "one of several disks": packed(lambda data: data[:-18] + struct.pack("<H", 1) + data[-16:]),
    "another zip in its comment": packed(lambda data: data[:-2] + struct.pack("<H", 22) + b"PK\5\6" + bytes(18)),
    "another name in front": header(b"PK\x03\x04", 30, 0x2E2E),
    "another digest in front": header(b"PK\x03\x04", 14, 7),
    "another size in front": header(b"PK\x03\x04", 22, 7),
    "another packing in front": header(b"PK\x03\x04", 8, 8),
}
UNREADABLE: dict[str, Change] = {
    "encrypted": header(b"PK\x01\x02", 8, 1),
    "bzip2": header(b"PK\x01\x02", 10, 12),
    "lzma": header(b"PK\x01\x02", 10, 14),
    "zstandard": header(b"PK\x01\x02", 10, 93),
    "of a future zip": header(b"PK\x01\x02", 6, 200),
    "cut in half": packed(lambda data: data[: len(data) // 2]),
    "no zip": packed(lambda data: b"<html>" * 1000),
    "empty": packed(lambda data: b""),
}
MANIFESTS: dict[str, Promises] = {
    "another file's": Promises(sha256="0" * 64, patches=()),
    "an unknown level": Promises(cpu_level="avx1024", patches=()),
    "an unknown patch": Promises(cpu_level="avx2", patches=("P999",)),
    "not readable": Promises(fault="the manifest cannot be read"),
}
FAMILIES: dict[str, dict[str, Change]] = {
    "source files": SOURCES,
    "member paths": PLACES,
    "RECORD": RECORDS,
    "file name and metadata": NAMES,
    "installers": INSTALLERS,
    "requirements": REQUIREMENTS,
    "torch requirement": TORCH,
    "build record": BUILD_RECORDS,
    "commands": COMMANDS,
    "bill of materials": BILLS,
    "licences": LICENCES,
    "zip": ZIPS,
    NOT_OPENED: UNREADABLE,
}

# ---------------------------------------------------------------- one system

OF_LINUX: dict[str, dict[str, Change]] = {
    "source files": {
        "no csrc": removed("deepspeed/ops/csrc/"),
        "a header less": removed("deepspeed/ops/csrc/includes/simd.h"),
        "no template": removed("deepspeed/autotuning/config_templates/template_zero3.json"),
        "another kernel": rewritten("deepspeed/ops/csrc/adam/cpu_adam_impl.cpp", lambda text: text + b"\n"),
        "line ends of Windows": every_line_end,
    },
    "RECORD": {"a wrong hash of a module": misrecorded(ADAM, b"other")},
    "op modules": {
        "in another folder": moved(ADAM, ADAM.replace("ops/adam/", "ops/lion/")),
        "beside the package's folders": moved(ADAM, ADAM.replace("ops/adam/", "")),
        "none": removed(ADAM),
        "two": added("deepspeed/cpu_adam.cpython-311-x86_64-linux-gnu.so", make_elf(LIBRARIES, init="cpu_adam")),
        "of no op": added(
            "deepspeed/ops/aio/async_io_op.cpython-311-x86_64-linux-gnu.so", make_elf(LIBRARIES, init="async_io_op")
        ),
        "of another Python": moved(ADAM, ADAM.replace("311", "312")),
        "of every Python": moved(ADAM, ADAM.replace(".cpython-311-x86_64-linux-gnu", "")),
        "of the stable ABI": moved(ADAM, ADAM.replace("cpython-311-x86_64-linux-gnu", "abi3")),
        "named for Arm": moved(ADAM, ADAM.replace("x86_64", "aarch64")),
        "named for musl": moved(ADAM, ADAM.replace("-gnu", "-musl")),
        "in capitals": moved(ADAM, ADAM.replace(".so", ".SO")),
        "one of Windows, too": added(FUSED.replace("fused", "cpu"), make_pe()),
        "in the place of Python": added(
            ENGINE.replace(".py", ".cpython-311-x86_64-linux-gnu.so"), make_elf(init="engine")
        ),
        "for every Python, too": added(ADAM.replace(".cpython-311-x86_64-linux-gnu", ""), make_elf(LIBRARIES)),
        "a tag of 64-bit Arm": tagged("linux_x86_64", "linux_aarch64"),
        "a tag of 32 bits": tagged("linux_x86_64", "linux_i686"),
        "a tag of POWER": tagged("linux_x86_64", "manylinux_2_28_ppc64le"),
        "a Python of another ABI": tagged("cp311-cp311", "cp312-cp311"),
        "an ABI of another Python": tagged("cp311-cp311", "cp311-cp312"),
        "a library more": added("deepspeed/ops/libhelper.so", make_elf(init="libhelper")),
        "an op that is not there": rewritten(
            BUILD_INFO, lambda text: text.replace(b"'async_io': False", b"'async_io': 1")
        ),
        "an op that is not named": rewritten(
            BUILD_INFO, lambda text: text.replace(b"'cpu_adam': 1", b"'cpu_adam': False")
        ),
    },
    "module format": {
        "cut short": rewritten(ADAM, lambda data: data[:70]),
        "cut a little": rewritten(ADAM, lambda data: data[:-400]),
        "empty": rewritten(ADAM, lambda data: b""),
        "a text": rewritten(ADAM, lambda data: b"not compiled here\n"),
        "zeros": rewritten(ADAM, lambda data: bytes(len(data))),
        "a program": elf(kind=2),
        "an object file": elf(kind=1),
        "a program in disguise": elf(segments=(*PLAIN_STACK, (INTERP, 4))),
        "64-bit Arm": elf(machine=183),
        "32 bits": elf(machine=3),
        "32 bits in its first bytes": at(ADAM, 4, b"\1"),
        "the other byte order": at(ADAM, 5, b"\2"),
        "FreeBSD": at(ADAM, 7, b"\x09"),
        "a later format": at(ADAM, 6, b"\7"),
        "something behind it": rewritten(ADAM, lambda data: data + b"#!/bin/sh\n"),
        "zeros behind it": rewritten(ADAM, lambda data: data + bytes(100_000)),
        "no function for Python": elf(init="adam"),
        "a module of Windows": added(ADAM, make_pe()),
    },
    "debug information": {"sections": elf(debug=True)},
    "run paths": {
        "of the build": elf(run_path="/home/ci/lib"),
        "relative": elf(run_path="lib"),
        "to other packages": elf(run_path="$ORIGIN/../../../torch/lib"),
        "out of the environment": elf(run_path="$ORIGIN/../../../../../../usr/lib"),
        "with a platform": elf(run_path="$ORIGIN/$PLATFORM"),
        "of a name like it": elf(run_path="$ORIGINAL/lib"),
        "wherever the process is": elf(run_path="$ORIGIN:"),
    },
    "memory": {
        "a stack that is run": elf(segments=((STACK, ALL),)),
        "no word of the stack": elf(segments=((LOAD, 4),)),
        "written and run": elf(segments=(*PLAIN_STACK, (LOAD, ALL))),
        "text relocations": elf(text_relocations=True),
    },
    "needed libraries": {
        "a path": elf(needed=(*LIBRARIES, "/usr/lib/libc.so.6")),
        "CUDA": elf(needed=(*LIBRARIES, "libcudart.so.12")),
        "the GPU driver": elf(needed=(*LIBRARIES, "libcuda.so.1")),
        "the library of another op": elf(needed=(*LIBRARIES, "libaio.so.1")),
        "MKL": elf(needed=(*LIBRARIES, "libmkl_rt.so.2")),
        "CUDA's kernels of torch": elf(needed=(*LIBRARIES, "libtorch_cuda.so")),
        "NCCL": elf(needed=(*LIBRARIES, "libnccl.so.2")),
        "a sanitizer": elf(needed=(*LIBRARIES, "libasan.so.8")),
        "another C++ library": elf(needed=(*LIBRARIES, "libc++.so.1")),
        "a library of no name": elf(needed=(*LIBRARIES, "")),
        "a library upwards": elf(needed=(*LIBRARIES, "../libhelper.so")),
        "MPI": elf(needed=(*LIBRARIES, "libmpi.so.40")),
        "Python": elf(needed=(*LIBRARIES, "libpython3.11.so.1.0")),
        "musl": elf(needed=(*LIBRARIES, "libc.musl-x86_64.so.1")),
    },
    "platform tag": {
        "older than its libraries": tagged("linux_x86_64", "manylinux1_x86_64"),
        "no glibc that is known": tagged("linux_x86_64", "manylinux_2_99_x86_64"),
        "another major glibc": tagged("linux_x86_64", "manylinux_3_1_x86_64"),
    },
    "GPU architectures": {"GPU code": elf(fatbin=make_fatbin(80))},
    "CPU instructions": {
        "AVX-512": elf(code=VECTOR_CODE + ZMM * 3),
        "AMX": elf(code=VECTOR_CODE + AMX),
        "AVX-VNNI": elf(code=VECTOR_CODE + VNNI),
        "AVX512-FP16": elf(code=VECTOR_CODE + FP16),
        "FMA4": elf(code=VECTOR_CODE + FMA4 * 3),
        "XOP": elf(code=VECTOR_CODE + XOP * 3),
        "GFNI": elf(code=VECTOR_CODE + GFNI),
        "VAES": elf(code=VECTOR_CODE + VAES),
    },
    "CPU vector code": {"scalar": elf(code=b"\xc3"), "too little": elf(code=VECTOR_CODE[:25])},
}
OF_WINDOWS: dict[str, dict[str, Change]] = {
    "source files": {"half of csrc": half_csrc},
    "RECORD": {"a wrong hash of a module": misrecorded(FUSED, b"other")},
    "op modules": {
        "none": removed(FUSED),
        "of another Python": moved(FUSED, FUSED.replace("cp311", "cp312")),
        "of every Python": moved(FUSED, FUSED.replace(".cp311-win_amd64", "")),
        "named for 32 bits": moved(FUSED, FUSED.replace("win_amd64", "win32")),
        "named for Arm": moved(FUSED, FUSED.replace("win_amd64", "win_arm64")),
        "in capitals": moved(FUSED, FUSED.replace(".pyd", ".PYD")),
        "in the place of Python": added(ENGINE.replace(".py", ".cp311-win_amd64.pyd"), make_pe(DLLS, "engine")),
        "a tag of arm64": tagged("win_amd64", "win_arm64"),
        "a tag of 32 bits": tagged("win_amd64", "win32"),
    },
    "commands": {
        "no batch file": lambda parts: parts.members.__delitem__(
            f"deepspeed-{parts.version}.data/scripts/deepspeed.bat"
        ),
        "another batch file": rewritten("deepspeed-{v}.data/scripts/ds_report.bat", lambda text: text + b"curl\r\n"),
    },
    "module format": {
        "cut short": rewritten(FUSED, lambda data: data[:70]),
        "empty": rewritten(FUSED, lambda data: b""),
        "a program": pe(kind=0x22),
        "32 bits": pe(machine=0x14C),
        "arm64": pe(machine=0xAA64),
        "no function for Python": pe(init="adam"),
        "not whole": pe(kind=0x2020),
        "no relocations": pe(kind=0x2023),
        "only with a signature": pe(marks=0x1E0),
        "a driver": pe(marks=0x2160),
        "a module of Linux": added(FUSED, make_elf(init="fused_adam_op")),
    },
    "debug information": {"the path of a build machine": pe(pdb="D:\\a\\fused_adam_op.pdb")},
    "memory": {
        "written and run": pe(code_use=0xE0000020),
        "data that is run": pe(marks=0x60),
        "at one place": pe(marks=0x120),
    },
    "needed libraries": {
        "another Python": pe(needed=(*CUDA_DLLS, "python312.dll")),
        "another CUDA": pe(needed=(*CUDA_DLLS, "cudart64_110.dll")),
        "the GPU driver": pe(needed=(*CUDA_DLLS, "nvcuda.dll")),
        "OpenMP": cpu_pe(needed=(*DLLS, "vcomp140.dll")),
        "libaio": pe(needed=(*CUDA_DLLS, "aio.dll")),
        "the debug runtime": pe(needed=(*CUDA_DLLS, "vcruntime140d.dll")),
        "a path": pe(needed=(*CUDA_DLLS, "C:\\helper.dll")),
        "a path upwards": pe(needed=(*CUDA_DLLS, "..\\helper.dll")),
        "cuDNN": pe(needed=(*CUDA_DLLS, "cudnn64_9.dll")),
        "MKL": pe(needed=(*CUDA_DLLS, "mkl_core.2.dll")),
        "another cuBLAS": pe(needed=(*CUDA_DLLS, "cublas64_11.dll")),
        "a sanitizer": pe(needed=(*CUDA_DLLS, "clang_rt.asan_dynamic-x86_64.dll")),
        "the internet": pe(needed=(*CUDA_DLLS, "wininet.dll")),
        "mingw": pe(needed=(*CUDA_DLLS, "libstdc++-6.dll")),
    },
    "runtime calls": {"a mutex that no call made": pe(calls=("_Mtx_lock", "_Mtx_unlock"))},
    "GPU architectures": {
        "one less": pe(fatbin=make_fatbin(80)),
        "one more": pe(fatbin=make_fatbin(80, 86, 90)),
        "none": pe(fatbin=b""),
        "PTX unasked": pe(fatbin=make_fatbin(80, 90, ptx=(90,))),
        "zeros": pe(fatbin=make_fatbin(80, 90, cubin=bytes(64))),
        "of another architecture than it says": pe(fatbin=make_fatbin(80, 90, cubin=cubin(70))),
        "of none": pe(fatbin=make_fatbin(0, 80, 90)),
        "an empty section": pe(fatbin=bytes(64)),
        "cut short": pe(fatbin=make_fatbin(80, 90)[:40]),
        "another container": pe(fatbin=b"\1" * 64),
        "in a CPU op": cpu_pe(fatbin=make_fatbin(80)),
    },
    "CPU instructions": {
        "AVX-512": cpu_pe(code=VECTOR_CODE + ZMM * 3),
        "AMX": cpu_pe(code=VECTOR_CODE + AMX),
        "XOP": cpu_pe(code=VECTOR_CODE + XOP),
    },
    "CPU vector code": {"scalar": cpu_pe(code=b"\xc3")},
}


def makers(families: dict[str, dict[str, Change]], promises: Promises) -> dict[str, Maker]:
    """Every maker by a name of its own."""
    found = {
        f"{check}: {name}": Maker(check=check, change=change)
        for check, changes in families.items()
        for name, change in changes.items()
    }
    stated = {name: replace(told, arches=promises.arches) for name, told in MANIFESTS.items()}
    more = {f"manifest: {n}": Maker(check="manifest", change=lambda parts: None, promises=p) for n, p in stated.items()}
    return found | more


LINUX_MAKERS = makers(FAMILIES, LINUX_PROMISES) | makers(OF_LINUX, LINUX_PROMISES)
WINDOWS_MAKERS = makers(FAMILIES, WINDOWS_PROMISES) | makers(OF_WINDOWS, WINDOWS_PROMISES)
