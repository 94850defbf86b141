"""Made-up CUDA toolkits: every file that counts, and an nvcc that runs and says a version."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from scripts.facts.load import load_facts
from scripts.toolchain.cuda.toolkit import compiler_of, this_system

SYSTEM = this_system()
CODE_BYTES = 80
SAYS = "nvcc: NVIDIA (R) Cuda compiler driver\nCuda compilation tools, release {minor}, V{full}\n"


def program_bytes(output: str, exit_code: int = 0) -> bytes:
    """A program of this system that prints `output`: a script, or on Windows a few hundred bytes of machine code."""
    if os.name != "nt":
        return f"#!/bin/sh\ncat <<'END'\n{output}END\nexit {exit_code}\n".encode()
    return windows_program(output.encode(), exit_code)


def windows_program(output: bytes, exit_code: int) -> bytes:
    """A PE program for x64 that writes `output` and ends; a Python behind a launcher would take a second to start."""
    base = 0x1000  # where the only section is loaded, below the image
    names, places = b"", []
    for function in (b"GetStdHandle", b"WriteFile", b"ExitProcess"):
        places.append(base + 104 + len(names))
        names += b"\0\0" + function + b"\0" * (2 - len(function) % 2)
    dll = base + 104 + len(names)
    names += b"kernel32.dll\0"
    table = struct.pack("<4Q", *places, 0)  # twice: what to look up, and where the loader puts the addresses
    imports = struct.pack("<5I20x", base + 40, 0, 0, dll, base + 72) + table + table + names
    get, write, leave = (base + 72 + 8 * index for index in range(3))
    entry = base + len(imports)
    text = entry + CODE_BYTES
    code = b"\x48\x83\xec\x38" + b"\xb9" + struct.pack("<i", -11)  # sub rsp, 56; mov ecx, STD_OUTPUT_HANDLE
    code += b"\xff\x15" + struct.pack("<i", get - (entry + len(code) + 6))
    code += (
        b"\x48\x89\xc1" + b"\x48\x8d\x15" + struct.pack("<i", text - (entry + len(code) + 10))
    )  # mov rcx, rax; lea rdx
    code += b"\x41\xb8" + struct.pack("<I", len(output))  # mov r8d
    code += b"\x4c\x8d\x4c\x24\x28" + b"\x48\xc7\x44\x24\x20" + bytes(4)  # lea r9, [rsp+40]; mov [rsp+32], 0
    code += b"\xff\x15" + struct.pack("<i", write - (entry + len(code) + 6))
    code += b"\xb9" + struct.pack("<I", exit_code)
    code += b"\xff\x15" + struct.pack("<i", leave - (entry + len(code) + 6))
    section = imports + code.ljust(CODE_BYTES, b"\xcc") + output
    size = -(-len(section) // 512) * 512
    pages = -(-size // 0x1000) * 0x1000
    optional = struct.pack(
        "<HBBIIIIIQIIHHHHHHIIIIHHQQQQII",
        0x20B,
        14,
        0,
        size,
        0,
        0,
        entry,
        base,
        0x140000000,
        0x1000,
        512,
        6,
        0,
        0,
        0,
        6,
        0,
        0,
        base + pages,
        512,
        0,
        3,
        0x100,
        0x100000,
        0x1000,
        0x100000,
        0x1000,
        0,
        16,
    ) + struct.pack("<QII", 0, base, 40).ljust(128, b"\0")
    headers = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64) + b"PE\0\0"
    headers += struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, len(optional), 0x22) + optional
    headers += struct.pack("<8sIIIIIIHHI", b".text", pages, base, size, 512, 0, 0, 0, 0, 0xE0000060)
    return headers.ljust(512, b"\0") + section.ljust(size, b"\0")


def nvcc_bytes(full: str = "12.4.131", exit_code: int = 0) -> bytes:
    """An nvcc that says it is of this version."""
    return program_bytes(SAYS.format(minor=".".join(full.split(".")[:2]), full=full), exit_code)


def compiler_name() -> str:
    """The compiler's path below the root."""
    return compiler_of(Path(), SYSTEM).as_posix()


def component_files(name: str, system: str = SYSTEM, full: str = "12.4.131") -> dict[str, bytes]:
    """The files of one component, by path below the root; the compiler runs."""
    files = {}
    for pattern in load_facts().toolkit_components[name].files[system]:
        path = pattern.split(" | ")[-1]
        runs = path == compiler_of(Path(), system).as_posix()
        files[path] = nvcc_bytes(full) if runs else f"{name} {path} of {full}".encode()
    return files


def make_toolkit(root: Path, full: str = "12.4.131", *, system: str = SYSTEM, without: str | None = None) -> Path:
    """A whole toolkit in `root`, but for the component `without`."""
    for name in load_facts().toolkit_components:
        if name != without:
            write_files(root, component_files(name, system, full))
    return root


def write_files(root: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o755)
