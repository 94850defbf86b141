"""The torch that a target is built with: the ways to it, what is installed beside it, and whether it is the one."""

from __future__ import annotations

from dataclasses import dataclass

from scripts.errors import BuildEnvironmentError
from scripts.facts.build_requirements import BuildRequirements
from scripts.facts.torch_releases import TorchRelease
from scripts.plan.target import Target


@dataclass(frozen=True, kw_only=True)
class TorchRoute:
    """One way to get torch: the requirement, and the index that is asked first (None: the client's own)."""

    name: str
    requirement: str
    index: str | None


def build_requirements(torch: TorchRelease, base: BuildRequirements) -> list[str]:
    """What a build environment holds beside torch."""
    bound = f",{torch.setuptools}" if str(torch.setuptools) else ""
    return [*base.packages, base.setuptools + bound]


def torch_routes(target: Target, torch: TorchRelease, index: str) -> list[TorchRoute]:
    """The ways to this target's torch, best first.

    The labelled release from the target's index; the labelled release from wherever the client looks by itself (a local
    directory of wheels); and the plain release, where the default index is known to carry this very variant.
    """
    labelled = f"torch=={target.torch}+{target.cuda}"
    routes = [
        TorchRoute(name="the PyTorch index", requirement=labelled, index=index.format(variant=target.cuda)),
        TorchRoute(name="the client's own index", requirement=labelled, index=None),
    ]
    if torch.default_variant.get(target.system) == target.cuda:
        routes.append(TorchRoute(name="the default index", requirement=f"torch=={target.torch}", index=None))
    return routes


def require_torch(version: str | None, cuda: str | None, target: Target) -> str:
    """The torch's full version.

    Raises BuildEnvironmentError when its release or CUDA variant is not the target's: a wheel built against it would
    not load.
    """
    if version is None or version.split("+")[0] != target.torch or cuda != target.cuda_version:
        has = f"torch {version} for CUDA {cuda or 'none'}" if version else "no torch"
        wants = f"torch {target.torch} for {target.cuda}"
        raise BuildEnvironmentError(
            f"{target.id}: the environment holds {has}, the target asks for {wants}", id="torch-mismatch"
        )
    return version
