"""The facts as values: one frozen class per kind of row in scripts/data/*.yaml.

`scripts.facts.load.load_facts` makes them; nothing past it looks at YAML. Every row carries its `source`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from packaging.specifiers import SpecifierSet

from scripts.facts.build_rows import AddedRequirement, BuildRequirements, FlagEdit, UnitCost, Variable
from scripts.facts.code_rows import CpuException, Library
from scripts.facts.condition import Condition
from scripts.facts.msvc import Toolset, ToolsetChoice, VisualStudioEdition, VisualStudioRelease


@dataclass(frozen=True, kw_only=True)
class TorchRelease:
    """One torch minor: its patch releases and what its official wheels cover."""

    minor: str  # "2.6"
    patches: Mapping[str, date | None]  # full release -> release date, oldest first
    pythons: Mapping[str, tuple[str, ...]]  # "windows" | "linux" -> "3.11", "3.13t", ...
    cuda: tuple[str, ...]  # variants on the PyTorch index beside cpu, "cu124"
    default_variant: Mapping[str, str]  # "windows" | "linux" -> variant of the plain wheel on the default index
    arches: Mapping[str, Mapping[str, str]]  # system -> variant -> TORCH_CUDA_ARCH_LIST of the official binaries
    cpp_standard: int  # what torch.utils.cpp_extension adds when an extension gives none
    cxx11_abi: Mapping[str, int]  # Linux, variant -> _GLIBCXX_USE_CXX11_ABI
    msvc: str  # toolset that linked the official Windows binaries, "14.29"
    setuptools: SpecifierSet  # what a build environment must hold; empty when any will do
    source: tuple[str, ...]

    @property
    def newest(self) -> str:
        """The newest patch release, `2.5.1`."""
        return list(self.patches)[-1]


@dataclass(frozen=True, kw_only=True)
class CudaToolkit:
    """One CUDA minor: what its compiler accepts and what a driver must offer."""

    version: str  # "12.4"
    releases: tuple[str, ...]  # "12.4.0", "12.4.1"
    nvcc: str
    msvc_min: int  # lowest accepted _MSC_VER
    msvc_below: int  # first refused _MSC_VER
    gcc_max: int
    sms: tuple[int, ...]  # 50 ... 90
    driver_min: Mapping[str, str]  # system -> driver version
    pip_compiler: Mapping[str, str]  # system -> "yes" | "partial" | "no"
    source: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ToolkitComponent:
    """A part of a CUDA toolkit that an extension needs: what it consists of, and its names where it is fetched."""

    name: str  # "cublas"
    what: str
    files: Mapping[str, tuple[str, ...]]  # system -> patterns below the root, " | " between alternatives
    redist: tuple[str, ...]  # keys of the manifest, "cccl" or "cuda_cccl"
    extra: str  # of the cuda-toolkit metapackage
    since: int  # first CUDA major that ships it apart
    without: tuple[str, ...]  # patterns of what is not unpacked
    source: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ToolkitArchive:
    """NVIDIA's archive of toolkit parts."""

    address: str
    platforms: Mapping[str, str]  # system -> key of the manifest
    room: int  # that a toolkit takes until it is whole, in sizes of its archives
    source: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ToolkitWheels:
    """The toolkit as wheels of the default index."""

    requirement: str  # with {extras} and {release}
    bytes: Mapping[str, int]  # system -> room needed
    source: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Runner:
    """A hosted runner image."""

    name: str
    status: str
    visual_studio: str | None
    toolsets: tuple[str, ...]
    pythons: tuple[str, ...]
    source: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class BuildsOn:
    """The hosted image that builds the cells of a system, where no row of msvc.yaml names one."""

    runner: str
    why: str
    source: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PythonVersion:
    """One CPython minor (or its free-threaded build)."""

    version: str  # "3.11", "3.13t"
    end_of_life: date | None
    status: str
    source: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class GpuGeneration:
    """One compute capability and the cards that have it."""

    sm: int  # 86
    names: str
    cuda_min: str
    cuda_max: str
    source: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CpuLevel:
    """What a CPU level of the matrix means to the compilers and to DeepSpeed's own detection."""

    name: str  # "avx2"
    define: str  # DeepSpeed's macro, "-D__AVX256__"
    gcc: tuple[str, ...]  # flags that replace -march=native
    cpuinfo_flags: tuple[str, ...]  # what py-cpuinfo must appear to say
    refuses: tuple[str, ...]  # starts of CPU features that no compiled instruction may need, "AVX512"
    source: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class DeepSpeedRelease:
    """One DeepSpeed release."""

    version: str
    date: date
    sdist_sha256: str | None
    cuda_minors: tuple[str, ...]  # toolkit minors of 11.x and 12.x whose mismatch with torch's is tolerated
    default_arches: str
    source: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class OpSupport:
    """Where an op can be built for one accelerator: system -> None when it can, else the reason why not."""

    versions: SpecifierSet
    module: str
    kind: str  # "cuda" (has .cu files) | "cpu" | "cpp"
    units: int  # translation units, for the forecast
    seconds: Mapping[str, float]  # system -> recorded or estimated compile seconds of one core
    why_not: Mapping[str, str]  # system -> reason; absent when the op can be built there
    default: bool  # built when the selection is "all"; off carries its reason in `note`
    libraries: Mapping[str, tuple[str, ...]]  # system package manager -> packages, "apt" -> ("libaio-dev",)
    header: str | None  # system header that must be found, "libaio.h"
    link: tuple[str, ...]  # libraries that upstream forgets to link, ("aio",)
    min_sm: int | None
    note: str | None
    source: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Op:
    """One of DeepSpeed's ops: its name, its build variable, and a row of support per accelerator and range."""

    name: str  # "cpu_adam"
    variable: str  # "DS_BUILD_CPU_ADAM"
    support: Mapping[str, tuple[OpSupport, ...]]  # accelerator -> rows, at most one of which holds a version

    def support_for(self, accelerator: str, deepspeed: str) -> OpSupport | None:
        """The row that holds for this accelerator and DeepSpeed version; None when the op does not exist there."""
        rows = self.support.get(accelerator, ())
        return next((row for row in rows if row.versions.contains(deepspeed, prereleases=True)), None)


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One change of one file: `replace` (every occurrence, must occur), `regex`, or `write` (whole content)."""

    file: str  # path below the source tree, forward slashes; a glob for several
    replace: str | None = None
    regex: str | None = None
    write: str | None = None
    by: str = ""


@dataclass(frozen=True, kw_only=True)
class Patch:
    """A small change to the source of some releases, with the condition that makes it needed."""

    id: str  # "P5"
    title: str
    when: Condition
    enabled: bool  # off: known, not applied unless asked for
    edits: tuple[Edit, ...]
    reason: str
    source: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A known truth about cells: `refuse` it, `fix` it (the stated change makes it work) or `warn`."""

    id: str
    level: str
    when: Condition
    reason: str
    hint: str | None  # what makes it work, of a fix
    audience: str  # of a fix or a warning: "user", who installs the wheel, or "builder"
    source: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Trap:
    """A known failure and its fix, W1 ... W22."""

    id: str
    symptom: str
    versions: SpecifierSet
    cause: str
    fix: str
    source: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PackageManager:
    """A system's package manager: its program, and the line that a person types with {packages} in it."""

    name: str
    program: str
    command: str
    refresh: str | None  # what makes its lists of packages new, where they grow old


@dataclass(frozen=True, kw_only=True)
class SystemNeed:
    """Something of the system that a build needs, and the packages that bring it, by package manager."""

    name: str
    what: str
    packages: Mapping[str, tuple[str, ...]]
    source: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything known, by kind."""

    torch: Mapping[str, TorchRelease]  # by minor
    cuda: Mapping[str, CudaToolkit]  # by version
    toolkit_components: Mapping[str, ToolkitComponent]
    toolkit_archive: ToolkitArchive
    toolkit_wheels: ToolkitWheels
    toolsets: tuple[Toolset, ...]
    toolset_choices: tuple[ToolsetChoice, ...]
    visual_studios: Mapping[str, VisualStudioRelease]  # by name, the recommended one first
    editions: Mapping[str, VisualStudioEdition]
    runners: Mapping[str, Runner]
    builds_on: Mapping[str, BuildsOn]  # by system
    pythons: Mapping[str, PythonVersion]
    gpus: tuple[GpuGeneration, ...]
    cpu_levels: Mapping[str, CpuLevel]
    cpu_exceptions: tuple[CpuException, ...]
    libraries: tuple[Library, ...]
    limits: Mapping[str, int]
    deepspeed: Mapping[str, DeepSpeedRelease]
    ops: Mapping[str, Op]
    patches: tuple[Patch, ...]
    rules: tuple[Rule, ...]
    traps: tuple[Trap, ...]
    flags: tuple[FlagEdit, ...]
    variables: tuple[Variable, ...]
    inherited_variables: tuple[str, ...]
    costs: tuple[UnitCost, ...]
    build_requirements: BuildRequirements
    added_requirements: tuple[AddedRequirement, ...]
    managers: Mapping[str, PackageManager]
    needs: Mapping[str, SystemNeed]
