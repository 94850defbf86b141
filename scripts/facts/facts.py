"""`Facts`: everything known, one field per table of scripts/data. Each says which file and key it is read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from scripts.facts.absent_values import AbsentValue
from scripts.facts.arch_branches import ArchFamily, HeaderBranches
from scripts.facts.build_requirements import AddedRequirement, BuildRequirements
from scripts.facts.build_variables import INHERITED, Variable
from scripts.facts.cpu_levels import CpuException, CpuLevel, VectorOp
from scripts.facts.cuda_toolkits import CudaToolkit
from scripts.facts.deepspeed_releases import DeepSpeedRelease, Op, Patch
from scripts.facts.disk_needs import DiskNeed
from scripts.facts.finding_rows import FindingRow, ShellGuide
from scripts.facts.flag_edits import FlagEdit
from scripts.facts.gpu_generations import GpuGeneration
from scripts.facts.hosted_runners import LIMIT, BuildsOn, ContainerImage, Runner
from scripts.facts.manylinux_policies import ManylinuxPolicy
from scripts.facts.msvc_toolsets import Toolset, ToolsetChoice, VisualStudioEdition, VisualStudioRelease
from scripts.facts.portability_rows import Dialect, ForeignWord, FrontEndRow, HeaderWheel, PythonHeaders
from scripts.facts.python_versions import PythonVersion
from scripts.facts.rules import Rule
from scripts.facts.shared_libraries import Library, PairedCall
from scripts.facts.system_packages import GccToolset, PackageManager, SystemNeed
from scripts.facts.tag_files import TagFile
from scripts.facts.third_parties import LicenceText, ThirdParty
from scripts.facts.toolkit_parts import ToolkitArchive, ToolkitComponent, ToolkitWheels
from scripts.facts.torch_releases import TorchRelease
from scripts.facts.unit_costs import HeaderCost, StepCost, UnitCost, UnitRatio
from scripts.facts.verification_parts import VerificationLevel, VerificationPart, WineEnvironment
from scripts.facts.watched_sources import WatchedImage, WatchedPage, WatchedProject
from scripts.facts.wheel_origins import WheelOrigin
from scripts.schema.readers import mapped


@dataclass(frozen=True)
class Table:
    """Where a field is read from: a key of a data file."""

    file: str
    key: str


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything known, by kind. Mappings of rows are by the rows' own names."""

    torch: Annotated[Mapping[str, TorchRelease], Table("torch.yaml", "torch")]  # by minor
    cuda: Annotated[Mapping[str, CudaToolkit], Table("cuda.yaml", "cuda")]
    arch_families: Annotated[tuple[ArchFamily, ...], Table("cuda.yaml", "arch_families")]
    arch_branches: Annotated[tuple[HeaderBranches, ...], Table("cuda.yaml", "arch_branches")]
    toolkit_components: Annotated[Mapping[str, ToolkitComponent], Table("toolkit.yaml", "components")]
    toolkit_archive: Annotated[ToolkitArchive, Table("toolkit.yaml", "archive")]
    toolkit_wheels: Annotated[ToolkitWheels, Table("toolkit.yaml", "wheels")]
    toolsets: Annotated[tuple[Toolset, ...], Table("msvc.yaml", "toolsets")]
    toolset_choices: Annotated[tuple[ToolsetChoice, ...], Table("msvc.yaml", "choices")]
    visual_studios: Annotated[Mapping[str, VisualStudioRelease], Table("msvc.yaml", "visual_studios")]  # best first
    editions: Annotated[Mapping[str, VisualStudioEdition], Table("msvc.yaml", "editions")]
    runners: Annotated[Mapping[str, Runner], Table("runners.yaml", "runners")]
    images: Annotated[Mapping[str, ContainerImage], Table("runners.yaml", "images")]
    builds_on: Annotated[Mapping[str, BuildsOn], Table("runners.yaml", "builds_on")]  # by system
    limits: Annotated[Mapping[str, int], Table("runners.yaml", "limits"), mapped(LIMIT)]
    pythons: Annotated[Mapping[str, PythonVersion], Table("python.yaml", "python")]
    gpus: Annotated[tuple[GpuGeneration, ...], Table("gpu.yaml", "gpu")]
    cpu_levels: Annotated[Mapping[str, CpuLevel], Table("cpu.yaml", "levels")]
    cpu_exceptions: Annotated[tuple[CpuException, ...], Table("cpu.yaml", "exceptions")]
    vector_ops: Annotated[Mapping[str, VectorOp], Table("cpu.yaml", "vector_ops")]
    libraries: Annotated[tuple[Library, ...], Table("libraries.yaml", "libraries")]
    paired_calls: Annotated[tuple[PairedCall, ...], Table("libraries.yaml", "paired_calls")]
    origins: Annotated[tuple[WheelOrigin, ...], Table("origins.yaml", "origins")]  # the first that matches
    third_parties: Annotated[Mapping[str, ThirdParty], Table("third_party.yaml", "parties")]
    licences: Annotated[Mapping[str, LicenceText], Table("third_party.yaml", "licences")]
    manylinux: Annotated[tuple[ManylinuxPolicy, ...], Table("manylinux.yaml", "policies")]  # oldest first
    deepspeed: Annotated[Mapping[str, DeepSpeedRelease], Table("deepspeed.yaml", "releases")]
    ops: Annotated[Mapping[str, Op], Table("deepspeed.yaml", "ops")]
    patches: Annotated[tuple[Patch, ...], Table("deepspeed.yaml", "patches")]
    tag_files: Annotated[tuple[TagFile, ...], Table("deepspeed.yaml", "tag_files")]
    rules: Annotated[tuple[Rule, ...], Table("rules.yaml", "rules")]
    off_axis: Annotated[tuple[AbsentValue, ...], Table("rules.yaml", "off_axis")]  # the first that matches
    flags: Annotated[tuple[FlagEdit, ...], Table("flags.yaml", "flags")]
    variables: Annotated[tuple[Variable, ...], Table("variables.yaml", "variables")]
    inherited_variables: Annotated[tuple[str, ...], Table("variables.yaml", "inherited"), INHERITED]
    setup_variables: Annotated[tuple[str, ...], Table("variables.yaml", "setup"), INHERITED]
    costs: Annotated[tuple[UnitCost, ...], Table("costs.yaml", "costs")]
    header_costs: Annotated[tuple[HeaderCost, ...], Table("costs.yaml", "headers")]
    unit_ratios: Annotated[tuple[UnitRatio, ...], Table("costs.yaml", "unit_ratios")]
    step_costs: Annotated[tuple[StepCost, ...], Table("costs.yaml", "steps")]
    disk: Annotated[tuple[DiskNeed, ...], Table("costs.yaml", "disk")]
    build_requirements: Annotated[BuildRequirements, Table("environment.yaml", "build_requirements")]
    added_requirements: Annotated[tuple[AddedRequirement, ...], Table("environment.yaml", "added_requirements")]
    managers: Annotated[Mapping[str, PackageManager], Table("system.yaml", "managers")]
    gcc_toolsets: Annotated[tuple[GccToolset, ...], Table("system.yaml", "gcc_toolsets")]  # newest first
    needs: Annotated[Mapping[str, SystemNeed], Table("system.yaml", "needs")]
    header_wheels: Annotated[Mapping[str, HeaderWheel], Table("portability.yaml", "headers")]
    python_headers: Annotated[PythonHeaders, Table("portability.yaml", "python_headers")]
    front_end: Annotated[FrontEndRow, Table("portability.yaml", "front_end")]
    dialects: Annotated[tuple[Dialect, ...], Table("portability.yaml", "dialects")]
    findings: Annotated[
        Mapping[str, FindingRow], Table("findings.yaml", "findings")
    ]  # in the order that they are told in
    guides: Annotated[Mapping[str, ShellGuide], Table("findings.yaml", "guides")]
    foreign_words: Annotated[tuple[ForeignWord, ...], Table("portability.yaml", "words")]
    verification_levels: Annotated[Mapping[str, VerificationLevel], Table("parts.yaml", "levels")]  # lowest first
    verification_parts: Annotated[Mapping[str, VerificationPart], Table("parts.yaml", "parts")]
    wine: Annotated[WineEnvironment, Table("parts.yaml", "wine")]
    watched_projects: Annotated[Mapping[str, WatchedProject], Table("watched.yaml", "projects")]
    watched_pages: Annotated[tuple[WatchedPage, ...], Table("watched.yaml", "pages")]
    watched_images: Annotated[Mapping[str, WatchedImage], Table("watched.yaml", "images")]

    @property
    def linux_glibc(self) -> str | None:
        """The glibc of the image that builds the wheels for Linux; None where no row names one."""
        image = self.images.get(self.builds_on["linux"].image or "")
        return image.glibc if image else None
