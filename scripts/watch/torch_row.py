"""The row of a new torch minor, and what a new CUDA variant adds to a row, out of the wheels themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packaging.version import Version

from scripts.command import Log
from scripts.facts.facts import Facts
from scripts.facts.torch_releases import TorchRelease
from scripts.versions import SYSTEMS, cuda_version
from scripts.watch.data_text import DataEdit
from scripts.watch.difference import Addition, plain, quoted
from scripts.watch.torch_wheels import BinaryFacts, ExtensionFacts, extension_facts, pick, read_binaries
from scripts.watch.upstream_answers import ServedFile, ServedRelease

FILE = "torch.yaml"
SOURCES = ("index-torch-files", "index-torch-metadata", "pytorch-index", "wheels-torch-linux", "wheels-torch-windows")
Served = Mapping[str, Mapping[str, Sequence[ServedFile]]]  # system -> variant -> wheels
Binaries = Mapping[tuple[str, str], BinaryFacts]


def new_minor(
    facts: Facts,
    minor: str,
    releases: Sequence[ServedRelease],
    pythons: Mapping[str, Sequence[str]],
    cuda: Sequence[str],
    served: Served,
    log: Log,
) -> Addition:
    """The row of a minor that has none; raises ValueError or RequestException when its wheels cannot be read."""
    newest = releases[-1]
    windows, linux = pick(newest.wheels, "windows"), pick(newest.wheels, "linux")
    if not windows or not linux:
        raise ValueError(f"{newest.version} has no wheel for Windows, or none for Linux")
    log(f"  reading {windows.name}")
    extension = extension_facts(windows)
    default, silent = read_binaries({("linux", "default"): linux}, log)
    binaries, more = read_binaries(_files(served, ("cpu", *cuda)), log)
    every: dict[tuple[str, str], BinaryFacts] = dict(binaries)
    for found in default.values():
        every.setdefault(("linux", found.variant), found)
    before = _before(facts, minor)
    default_variant = next((found.variant for found in default.values()), before.default_variant["linux"])
    text, carried = _row(minor, releases, pythons, cuda, default_variant, every, extension, before)
    look = (*silent, *more, *carried, *extension_words(facts, newest.version, extension, cuda))
    words = f"{newest.version} of {newest.day}, {len(cuda)} CUDA variants, Python {', '.join(pythons['linux'])}"
    return Addition(
        row=f"torch {minor}",
        words=words,
        edits=(DataEdit(file=FILE, at=("torch",), key=minor, text=text),),
        look=look,
        toolset=extension.msvc,
    )


def new_variant(
    facts: Facts, row: TorchRelease, release: ServedRelease, variant: str, served: Served, log: Log
) -> Addition:
    """What a CUDA variant that a minor did not have adds to its row."""
    binaries, silent = read_binaries(_files(served, [variant]), log)
    carried: list[str] = []
    edits = [DataEdit(file=FILE, at=("torch", row.minor, "cuda"), key=variant, text=variant)]
    for system in SYSTEMS.values():
        arches = _arches(system, variant, binaries, row, carried)
        at = ("torch", row.minor, "arches", system)
        edits.append(DataEdit(file=FILE, at=at, key=variant, text=f'        {variant}: "{arches}"'))
    abi = _abi(variant, binaries, row, carried)
    edits.append(DataEdit(file=FILE, at=("torch", row.minor, "cxx11_abi"), key=variant, text=f"{variant}: {abi}"))
    words = f"{variant} of {release.version} on the PyTorch index, for both systems"
    return Addition(row=f"torch {row.minor}", words=words, edits=tuple(edits), look=(*silent, *carried))


def extension_words(facts: Facts, torch: str, extension: ExtensionFacts, cuda: Sequence[str]) -> tuple[str, ...]:
    """What its cpp_extension.py appends and accepts, where the rows say otherwise."""
    found = []
    dialect = next((row for row in facts.dialects if row.when.holds({"torch": torch})), None)
    expected = dialect.standard if dialect else "none"
    appended = extension.standards[-1] if extension.standards else "no standard"
    agrees = "as its row in portability.yaml says" if appended == expected else f"portability.yaml says {expected}"
    found.append(
        f"cpp_extension.py appends -std={appended} ({agrees}) and accepts MSVC {extension.oldest_msvc} or newer"
    )
    for variant in cuda:
        toolkit = facts.cuda.get(cuda_version(variant) or "")
        cards = {gpu.sm for gpu in facts.gpus}
        names = [f"{sm // 10}.{sm % 10}" for sm in toolkit.sms if sm in cards] if toolkit else []
        unknown = [name for name in names if name not in extension.arches]
        if unknown:
            found.append(f"cpp_extension.py refuses architectures of {variant}: {', '.join(unknown)}")
    return tuple(found)


def _files(served: Served, cuda: Sequence[str]) -> dict[tuple[str, str], ServedFile]:
    wheels = {
        (system, variant): pick(served[system].get(variant, ()))
        for system in SYSTEMS.values()
        for variant in cuda
        if (system, variant) != ("windows", "cpu")
    }
    return {key: file for key, file in wheels.items() if file}


def _before(facts: Facts, minor: str) -> TorchRelease:
    """The row that what nobody serves is taken over from: the newest older one."""
    rows = sorted(facts.torch.values(), key=lambda row: Version(row.minor))
    older = [row for row in rows if Version(row.minor) < Version(minor)]
    return (older or rows)[-1] if older else rows[0]


def _arches(system: str, variant: str, binaries: Binaries, before: TorchRelease, carried: list[str]) -> str:
    found = binaries.get((system, variant))
    known = before.arches[system]
    if found and found.arches:
        return found.arches
    source = variant if variant in known else list(known)[-1]
    carried.append(
        f"architectures of {variant} on {system} are those of {source} in torch {before.minor}; look them up"
    )
    return known[source]


def _abi(variant: str, binaries: Binaries, before: TorchRelease, carried: list[str]) -> int:
    found = binaries.get(("linux", variant))
    if found:
        return found.cxx11_abi
    known = before.cxx11_abi
    if variant not in known:
        carried.append(f"the C++ ABI of {variant} is that of torch {before.minor}; look it up")
    return known.get(variant, list(known.values())[-1])


def _row(
    minor: str,
    releases: Sequence[ServedRelease],
    pythons: Mapping[str, Sequence[str]],
    cuda: Sequence[str],
    default_variant: str,
    binaries: Binaries,
    extension: ExtensionFacts,
    before: TorchRelease,
) -> tuple[str, tuple[str, ...]]:
    carried: list[str] = []
    patches = ", ".join(f'"{each.version}": {each.day or "null"}' for each in releases)
    arches = [
        line
        for system in SYSTEMS.values()
        for line in (
            f"      {system}:",
            *(f'        {variant}: "{_arches(system, variant, binaries, before, carried)}"' for variant in cuda),
        )
    ]
    abi = {variant: _abi(variant, binaries, before, carried) for variant in ("cpu", *cuda)}
    lines = [
        f'  "{minor}":',
        f"    patches: {{{patches}}}",
        "    pythons:",
        *(f"      {system}: {quoted(pythons[system])}" for system in SYSTEMS.values()),
        f"    cuda: {plain(cuda)}",
        f"    default_variant: {{windows: cpu, linux: {default_variant}}}",
        "    arches:",
        *arches,
        f"    cxx11_abi: {{{', '.join(f'{name}: {value}' for name, value in abi.items())}}}",
        f'    msvc: "{extension.msvc}"',
        f'    setuptools: "{extension.setuptools}"',
        f"    source: {plain(SOURCES)}",
    ]
    return "\n".join(lines) + "\n", tuple(carried)
