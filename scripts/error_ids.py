"""What each id of an error means and what to do: the rows of docs/errors.md, which is written from them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Explained:
    """One situation that a user can meet."""

    id: str
    means: str
    do: str


ERRORS: tuple[Explained, ...] = tuple(
    Explained(id=name, means=means, do=do)
    for name, means, do in (
        # ------------------------------------------------------------ what was typed
        (
            "invalid-input",
            "A selector, option, variable or file cannot be used as given.",
            "Correct what the message names; it lists what is accepted.",
        ),
        ("option-unknown", "An option behind `nox --` is not one of a build.", "Take one of those that are listed."),
        (
            "value-not-accepted",
            "An option has a value of the wrong kind, such as a word for a number.",
            "Give a value as the message says.",
        ),
        ("options-conflict", "Two options were given of which only one can count.", "Leave one of them out."),
        (
            "driver-unknown",
            "An NVIDIA card is here, and its driver does not say which CUDA it supports.",
            "Look at what nvidia-smi says, and name the variant: `--cuda 13.0`.",
        ),
        ("not-a-directory", "A directory is named that does not exist.", "Correct the path, or make the directory."),
        ("not-writable", "A directory cannot be made or written.", "Choose another, or change its permissions."),
        ("file-not-usable", "A file that was named cannot be read or written.", "Correct the path or permissions."),
        (
            "value-not-in-matrix",
            "A selector asks for a release, variant, Python or platform that `matrix.yaml` does not have.",
            "Take one that is listed, or [add a row](../CONTRIBUTING.md#add-a-row).",
        ),
        (
            "not-a-target-id",
            "A text is not a target's id.",
            "Write one such as `ds0.16.5-torch2.6.0-cu124-cp311-win_amd64`; `invoke plan --json` lists all.",
        ),
        ("one-target-needed", "The task is about one target, and none or several were named.", "Name one with `--id`."),
        (
            "op-not-available",
            "An op was asked for that this target or machine cannot have.",
            "Take one that is listed, or install what the message names.",
        ),
        ("store-not-known", "`--store` is missing or has another form.", "Give `dir:PATH` or `github:OWNER/REPO`."),
        ("token-needed", "Publishing to GitHub needs a token.", "Set `GITHUB_TOKEN` with `contents: write`."),
        (
            "token-not-accepted",
            "GitHub does not accept the token, or it may not do this.",
            "Set another in `GITHUB_TOKEN`, with `contents: write` of the repository.",
        ),
        (
            "step-not-run",
            "An earlier step of a build has left nothing to go on from.",
            "Run the lines before it first.",
        ),
        ("python-needed", "A level above audit runs the wheel.", "Name the Python of an environment that has it."),
        ("too-many-targets", "A shard would hold more targets than are allowed.", "Ask for as many parts as it says."),
        ("table-marks-missing", "A document lacks the marks of its table.", "Write both lines where it belongs."),
        ("log-not-available", "A log cannot be downloaded.", "Set `GITHUB_TOKEN`, or download it and give its path."),
        # ------------------------------------------------------------ data and selections
        (
            "invalid-data",
            "`matrix.yaml`, a file of `scripts/data` or a JSON document has faults.",
            "Correct each place that is named; all are listed at once.",
        ),
        ("nothing-to-do", "A selection holds nothing.", "Change the selection."),
        (
            "target-excluded",
            "The targets that were selected cannot exist, or are not wanted; each rule is named with its reason.",
            "Change a selector; `invoke plan --omitted` lists every combination that is excluded.",
        ),
        ("no-target-matches", "No combination of the matrix matches.", "See `invoke plan`; near ids are listed."),
        ("no-target-for-host", "The matrix has no target for this Python and platform.", "See `invoke plan`."),
        (
            "no-wheel-fits",
            "None of the wheels on offer is for this environment; the nearest is named with what differs.",
            "Do what the last lines of the message say, or build one: [installing](installing.md).",
        ),
        ("no-wheels-offered", "The site or directory has no wheels.", "Name another with `--index` or `--store`."),
        (
            "nothing-to-publish",
            "No wheel of the wheelhouse is verified at level full.",
            "Build one with `invoke build`.",
        ),
        ("no-build-result", "No build has left a result in `logs/`.", "Read the output of `invoke build`."),
        # ------------------------------------------------------------ this machine
        (
            "prerequisite-missing",
            "This machine lacks something, or something cannot be downloaded.",
            "Run the command in the message, or see to the network, then run the same command again.",
        ),
        (
            "cannot-build-here",
            "A target is for another platform, or for a Python that is not installed.",
            "Install that Python and put it on PATH, or build on the machine that is named.",
        ),
        ("already-building", "Another process builds the target.", "Wait for the process that is named, or stop it."),
        ("compiler-not-found", "There is no C++ compiler.", "Install it with the line in the message."),
        (
            "op-header-missing",
            "This machine lacks a header without which an op cannot be built, so the wheel would not be whole.",
            "Install it with the line in the message; or go on without that op: `--allow-missing`.",
        ),
        ("python-headers-not-found", "Python's headers are missing.", "Install them with the line in the message."),
        (
            "visual-studio-not-found",
            "There is no Visual Studio with a C++ compiler.",
            "Install the Build Tools as the message says: [Windows](windows.md#visual-studio).",
        ),
        ("msvc-not-installed", "Visual Studio lacks its C++ compiler.", "Add the component that is named."),
        (
            "msvc-not-accepted",
            "No installed MSVC toolset is one that this CUDA accepts.",
            "Add the toolset that is named: [Windows](windows.md#visual-studio).",
        ),
        ("vcvars-failed", "Visual Studio's own prompt is not intact.", "Repair it with the Visual Studio Installer."),
        ("prompt-not-x64", "The Visual Studio prompt is for another processor.", "Open the x64 prompt or a plain one."),
        ("python-not-usable", "This Python is 32-bit, or too old to unpack safely.", "Use one that the message names."),
        (
            "toolchain-not-accepted",
            "Compiler, CUDA toolkit, torch and DeepSpeed do not go together; each rule is named.",
            "Change what the rule names.",
        ),
        (
            "cuda-toolkit-not-available",
            "There is no CUDA toolkit of the target's version, and none can be fetched.",
            "Install it and name its directory with `DEEPSPEED_WHEELS_CUDA`, or use a mirror: [CUDA](cuda.md).",
        ),
        ("not-a-cuda-toolkit", "A directory holds no complete CUDA toolkit.", "Name another, or install its parts."),
        ("nvcc-not-usable", "A toolkit's nvcc does not run.", "Repair the toolkit, or name another."),
        ("cuda-not-known", "A CUDA version has no row in `scripts/data`.", "Take one that is listed, or add a row."),
        ("cuda-version-mismatch", "A kept toolkit is of another CUDA version.", "Delete its directory and run again."),
        (
            "cuda-manifest-not-usable",
            "The list of a CUDA release's archives is damaged or lacks a part.",
            "Name a toolkit with `DEEPSPEED_WHEELS_CUDA`, or use another mirror: [CUDA](cuda.md).",
        ),
        (
            "cuda-wheels-not-usable",
            "The wheels of a CUDA compiler cannot be installed, or have another layout.",
            "Read what the package client said; or name a toolkit with `DEEPSPEED_WHEELS_CUDA`.",
        ),
        ("dll-not-usable", "A DLL of CUDA is damaged or not for x64.", "Delete the toolkit it is in and run again."),
        ("package-client-not-found", "The environment has no pip, and uv is not on PATH.", "Add one of the two."),
        ("package-client-failed", "pip or uv failed.", "Read its output above the message."),
        ("package-manager-not-found", "No known package manager is there.", "Install by hand what the build names."),
        ("not-removed", "Something could not be freed.", "Close what has it open, or change its permissions."),
        ("program-not-found", "A program cannot be started.", "Install it and put it on PATH."),
        ("disk-full", "A disk has too little space.", "Free some, as with `invoke clean`, then run again."),
        ("digest-mismatch", "A download is not the file that is expected.", "Run again; if it stays, do not trust it."),
        ("download-failed", "A server cannot be reached or refuses a file.", "See to the network, then run again."),
        ("download-not-found", "There is no such file on the server.", "Correct the address or the mirror."),
        ("archive-damaged", "An archive is cut short or damaged.", "Delete it and run again: it is fetched anew."),
        # ------------------------------------------------------------ building
        ("source-not-usable", "The DeepSpeed source is not what it should be.", "Delete the archive and run again."),
        ("source-not-available", "No source of this DeepSpeed can be reached.", "See to the network or the index."),
        ("source-damaged", "An unpacked source lost files during a build.", "Run again: it is unpacked anew."),
        ("source-mismatch", "An archive is not of the DeepSpeed release asked for.", "Delete it and run again."),
        ("tag-not-verified", "The archive of a tag differs from its pinned sdist.", "Build with `--source sdist`."),
        ("patch-does-not-apply", "A patch finds nothing to change.", "Correct its range in `deepspeed.yaml`."),
        ("environment-not-usable", "An environment could not be filled.", "Read the log for what the client said."),
        (
            "torch-not-available",
            "The target's torch cannot be installed from any index that is known here.",
            "See to the network or pip's settings; the log has what the package client said.",
        ),
        ("torch-mismatch", "An environment holds another torch than it must.", "Make a new environment, then retry."),
        ("compile-failed", "A compiler failed.", "Read the first error lines; the log has all. Run again to resume."),
        (
            "not-portable",
            "A source of a Windows target has what cl does not compile.",
            "Mend it with a row under `patches` in `deepspeed.yaml`, or leave the op out: [Windows](windows.md).",
        ),
        ("package-failed", "Upstream's packaging did not make what it should.", "Read the log."),
        ("interrupted", "Stopped by Ctrl-C, a signal or `--minutes`.", "Run the same command again: it resumes."),
        ("build-not-reported", "A build ended without a result.", "Read the output above the message."),
        ("command-failed", "A program failed.", "Read its last lines in the message."),
        ("command-timed-out", "A program ran too long and was ended.", "Run again; see what it waits for."),
        # ------------------------------------------------------------ wheels, sites, stores
        ("not-a-wheel", "A file is not a wheel.", "Give a .whl file; download or build it again if it is damaged."),
        (
            "wheel-damaged",
            "A wheel cannot be read: it is cut short, changed, encrypted, or would unpack to more than any wheel.",
            "Download or build it again.",
        ),
        (
            "wheels-damaged",
            "Some wheels of a store are damaged, or are not what their manifests say; the others are offered.",
            "Build or publish again those that are named, or remove them.",
        ),
        ("not-a-deepspeed-wheel", "A wheel is not a built one of DeepSpeed.", "Give one that `invoke build` made."),
        ("manifest-without-wheel", "A manifest lies alone.", "Build its wheel again, or remove the manifest."),
        ("manifest-mismatch", "A wheel is not the file that its manifest describes.", "Build or send both again."),
        (
            "verification-failed",
            "A wheel exists and failed a check.",
            "See the wheel in `wheels/failed/` and `proof` in its manifest.",
        ),
        ("not-a-python-environment", "There is no usable Python there.", "Name another with `--python`."),
        ("not-an-index", "An address or directory has no `wheels.json`.", "Give those of a site of `invoke index`."),
        ("index-not-available", "The published index cannot be read.", "See to the network, then run again."),
        ("wheel-listed-twice", "Two wheels of an index have one name.", "Remove one of them, then run again."),
        (
            "wheels-would-vanish",
            "The new index would lack wheels that the earlier one offers, or offer other bytes.",
            "Find out why; `--allow-shrink` writes it all the same.",
        ),
        (
            "publish-failed",
            "A store cannot be read or written, or has other bytes under a name that was to be published.",
            "Do what the message says, then run the same command again: what is sent is not sent twice.",
        ),
        (
            "wheels-refused",
            "Some wheels were not published, each with its reason: it is damaged, or other bytes have its name.",
            "Do what each reason says; nothing published is ever replaced.",
        ),
        (
            "wheel-not-as-described",
            "A wheel fails its audit or contradicts its manifest.",
            "Build it again, or do not use it.",
        ),
        ("artifact-refused", "An artifact of a run holds what was not queued or planned.", "Read its job's log."),
        ("wheel-not-published", "A wheel is to be withdrawn that was never published.", "Take the id of one that was."),
        ("wheel-withdrawn", "A wheel is withdrawn already, for another reason.", "Give `--undo` first."),
        ("release-immutable", "No release can take the note of a withdrawal.", "Publish another wheel first."),
        (
            "already-published",
            "A name is published already, and nothing published is ever replaced.",
            "Compare both files; keep the published one, and remove what is left of the new one.",
        ),
        ("rate-limit", "GitHub takes no more requests for now.", "Run the same command again after the time it names."),
        ("github-not-available", "GitHub does not answer, or with an error.", "Run the same command again later."),
        ("request-refused", "GitHub refuses a request.", "Read its message, and look at the release."),
        ("repository-not-found", "GitHub does not have it, or hides it.", "Check OWNER/REPO and the token's rights."),
        ("connection-not-safe", "The token would go to another host, or unprotected.", "Correct proxy or address."),
        ("upload-failed", "A file could not be uploaded.", "Run the same command again: it goes on from there."),
        ("upload-damaged", "A file did not arrive as it was sent.", "Run the same command again."),
        ("release-ambiguous", "Two releases have one tag.", "Delete the draft among them."),
        ("release-still-draft", "A complete release did not become public.", "Publish it by hand on GitHub."),
        ("asset-renamed", "GitHub gave a file another name.", "Delete that file from the release."),
        ("store-not-usable", "A directory of the store cannot be read or written.", "Correct its permissions."),
    )
)
