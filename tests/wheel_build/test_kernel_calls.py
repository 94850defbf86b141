"""Patch P17: async_io calls the kernel by itself, so its module needs no libaio on the machine that loads it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.facts.load import load_facts
from scripts.verify.elf_symbols import read_links

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="libaio is of Linux")

(PATCH,) = [patch for patch in load_facts().patches if patch.id == "P17"]
CALLER = r"""
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
extern "C" int write_and_read(const char* path)
{
    io_context_t context{};
    if (io_queue_init(0, &context) != -EINVAL) return 1;
    if (io_queue_init(8, &context)) return 2;
    const int file = open(path, O_RDWR | O_CREAT, 0600);
    char out[4096], in[4096];
    std::memset(out, 7, sizeof out);
    struct iocb block;
    struct iocb* blocks[1] = {&block};
    struct io_event event;
    io_prep_pwrite(&block, file, out, sizeof out, 0);
    if (io_submit(context, 1, blocks) != 1) return 3;
    if (io_pgetevents(context, 1, 1, &event, nullptr, nullptr) != 1 || event.res != sizeof out) return 4;
    io_prep_pread(&block, file, in, sizeof in, 0);
    if (io_submit(context, 1, blocks) != 1) return 5;
    if (io_pgetevents(context, 1, 1, &event, nullptr, nullptr) != 1 || event.res != sizeof in) return 6;
    io_prep_pread(&block, -1, in, sizeof in, 0);
    if (io_submit(context, 1, blocks) != -EBADF) return 7;
    close(file);
    return std::memcmp(out, in, sizeof in) ? 8 : io_queue_release(context);
}
"""


def test_the_calls_that_stand_in_for_libaio_write_and_read_without_it(tmp_path: Path) -> None:
    (edit,) = PATCH.edits
    if subprocess.run(["g++", "-E", "-x", "c++", "-"], input=b"#include <libaio.h>", capture_output=True).returncode:
        pytest.skip("libaio.h is not here")
    source, library = tmp_path / "a.cpp", tmp_path / "a.so"
    source.write_text(f"#include <libaio.h>\n{edit.by}\n{CALLER}", encoding="utf-8")
    subprocess.run(["g++", "-std=c++17", "-shared", "-fPIC", source, "-o", library], check=True)
    links = read_links("a.so", library.read_bytes())
    assert "libc.so.6" in links.needed
    assert not [name for name in links.needed if "aio" in name]
    assert not [name for name in links.undefined if name.startswith("io_")]
    call = f"import ctypes; print(ctypes.CDLL({str(library)!r}).write_and_read({str(tmp_path / 'file')!r}.encode()))"
    told = subprocess.run([sys.executable, "-c", call], capture_output=True, text=True, check=True)
    assert told.stdout == "0\n"
