"""The options of whoever wants a wheel: `invoke find` and `invoke install`."""

from __future__ import annotations

from dataclasses import dataclass

from scripts.options import json_option, option, path_option


@dataclass(frozen=True, kw_only=True)
class OfferOptions:
    """Whose environment wants a wheel, and from where."""

    python: str = path_option(
        "",
        "an environment's directory or Python; the active one unless given",
        more="an environment's directory or its Python; the active environment unless given",
    )
    deepspeed: str = option(
        "",
        "a DeepSpeed release or minor line; the newest that fits unless given",
        more="a release, or a minor line; the newest that fits unless given",
    )
    index: str = path_option(
        "",
        "address or directory of a site of these wheels",
        more="address or directory of a [site](#site); `DEEPSPEED_WHEELS_SITE` unless given",
    )
    store: str = path_option(
        "",
        "dir:PATH or github:OWNER/REPO, instead of --index",
        more="`dir:PATH` or `github:OWNER/REPO` instead of a site; without either it is the wheelhouse of this "
        "checkout. On GitHub a manifest that the repository's page has is not downloaded",
    )


@dataclass(frozen=True, kw_only=True)
class FindOptions(OfferOptions):
    """The same, and in which form the answer is."""

    format: str = option(
        "text",
        "text, or uv: a pyproject.toml for uv",
        more="`text`, or `uv`: a [`pyproject.toml` for uv](installing.md#a-project-of-uv), with every CUDA variant of "
        "the wheel's release, torch and Python as an extra",
        choices=("text", "uv"),
    )
    json: bool = json_option("[the environment, the wheel, and the nearest others](#other-json)")


@dataclass(frozen=True, kw_only=True)
class InstallOptions(OfferOptions):
    """The same, and whether to install."""

    wheel: str = path_option(
        "",
        "this wheel's file, such as one that was built here",
        more="this wheel's file instead of a published one: one that was built here, of some ops only, too. It must "
        "fit all the same, and replaces the same version",
    )
    bundle: str = path_option(
        "",
        "write this folder for a machine without a network, and install nothing",
        more="install nothing, and write this folder: the wheel, torch and all that they require, with digests, and a "
        "script that installs them [on a machine without a network](installing.md#a-machine-without-a-network)",
    )
    attestation: str = option(
        "auto",
        "auto, require or off: whether GitHub's attestation of the wheel is checked, with gh",
        more="`auto`: where `gh` (2.67 or newer) is on PATH, GitHub is asked whether a workflow of the wheel's "
        "repository signed this very file, and a file that it did not is refused; `require`: one that nobody could ask "
        "about, too; `off`: nobody is asked",
        choices=("auto", "require", "off"),
    )
    json: bool = json_option("[what was installed](#other-json)")
    repair: bool = option(
        False,
        "bring torch back to a set with the wheel, too",
        more="when something else moved torch: bring it, torchvision and torchaudio (where they are installed) and the "
        "wheel back to a set that fits; the lines are shown first",
    )
    dry_run: bool = option(False, "print the command and run nothing")
