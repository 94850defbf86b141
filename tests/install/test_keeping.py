"""What was installed before is there again when its successor does not load, and after a kill."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from scripts.errors import CommandError
from scripts.fetch.installer import environment_python
from scripts.install.keeping import KEEP, kept, load_all


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "an environment, größer"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder


@pytest.fixture
def site(empty: Path) -> Path:
    """The folder of an environment's packages, with nothing in it."""
    paths = sysconfig.get_paths("venv", {"base": str(empty), "platbase": str(empty)})
    folder = Path(paths["purelib"])
    shutil.rmtree(folder)
    folder.mkdir()
    return folder


def put(site: Path, version: str, init: str = "") -> None:
    """Install a DeepSpeed of two files, with bytecode as pip writes and lists it."""
    files = {"deepspeed/__init__.py": f"VERSION = {version!r}\n{init}", f"deepspeed/only_{version}.py": "\n"}
    files |= {f"deepspeed/__pycache__/{name}.{sys.implementation.cache_tag}.pyc": "" for name in ("only", "other")}
    info = f"deepspeed-{version}.dist-info"
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: deepspeed\nVersion: {version}\n"
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    for name, text in files.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)


def there(site: Path) -> dict[str, str]:
    return {path.relative_to(site).as_posix(): path.read_text() for path in site.rglob("*") if path.is_file()}


def replace_and_fail(empty: Path, site: Path) -> None:
    with kept(environment_python(empty)):
        shutil.rmtree(site / "deepspeed", ignore_errors=True)
        shutil.rmtree(site / "deepspeed-1.0.dist-info", ignore_errors=True)
        put(site, "2.0")
        raise CommandError("no")


def replace_unlisted_and_fail(empty: Path, site: Path) -> None:
    with kept(environment_python(empty)):
        assert list(site.glob("deepspeed*")) == []
        put(site, "2.0")
        raise CommandError("no")


@pytest.mark.parametrize("damage", ["gone", "damaged"])
def test_one_without_its_list_makes_room_and_comes_back(empty: Path, site: Path, damage: str) -> None:
    """pip ends with uninstall-no-record-file else."""
    put(site, "1.0")
    record = site / "deepspeed-1.0.dist-info/RECORD"
    record.unlink() if damage == "gone" else record.write_bytes(b'deepspeed/__init__.py,,\n"\xff')
    before = {path.relative_to(site): path.read_bytes() for path in site.rglob("*") if path.is_file()}
    with pytest.raises(CommandError, match="no"):
        replace_unlisted_and_fail(empty, site)
    assert {path.relative_to(site): path.read_bytes() for path in site.rglob("*") if path.is_file()} == before
    with kept(environment_python(empty)):
        put(site, "2.0")
    assert sorted(path.name for path in site.glob("*deepspeed*")) == ["deepspeed", "deepspeed-2.0.dist-info"]


@pytest.mark.parametrize("before", [True, False])
def test_an_error_brings_back_what_was_there(empty: Path, site: Path, before: bool) -> None:
    if before:
        put(site, "1.0")
    was = there(site)
    with pytest.raises(CommandError, match="no"):
        replace_and_fail(empty, site)
    assert there(site) == was


def test_without_an_error_the_new_one_stays_and_nothing_is_kept(empty: Path, site: Path) -> None:
    put(site, "2.0")
    was = there(site)
    with kept(environment_python(empty)):
        pass
    assert there(site) == was


def test_what_a_kill_left_half_done_is_put_back_by_the_next_installation(empty: Path, site: Path) -> None:
    put(site, "1.0")
    was, python = there(site), environment_python(empty)
    subprocess.run([str(python), str(KEEP), "save"], check=True)
    shutil.rmtree(site / "deepspeed")
    with kept(python):
        assert {name: text for name, text in there(site).items() if "kept" not in name} == was


def test_each_op_is_loaded_and_one_that_cannot_be_is_named(empty: Path, site: Path) -> None:
    python = environment_python(empty)
    (site / "torch.py").write_text("")
    put(site, "1.0")
    assert load_all(python).sentence == "it can be imported, and has no compiled ops"
    (site / "deepspeed" / "ops").mkdir()
    (site / "deepspeed" / "ops" / f"cpu_adam_op{EXTENSION_SUFFIXES[-1]}").write_bytes(b"no module")
    with pytest.raises(CommandError, match=r"does not load: cpu_adam_op: ImportError: .*what was there before"):
        load_all(python)
    put(site, "1.0", "raise OSError('libtorch.so: cannot open')")
    with pytest.raises(CommandError, match=r"does not load: OSError: libtorch\.so: cannot open"):
        load_all(python)
