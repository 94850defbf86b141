"""What a user types. Every task is a call or two into scripts/; `invoke --list` shows them all."""

from __future__ import annotations

import sys

from invoke.context import Context

from scripts.commands.closed_pipe import end_quietly
from scripts.commands.command_task import command
from scripts.commands.hosted_options import ReproduceOptions, RequestOptions
from scripts.commands.install_options import FindOptions, InstallOptions
from scripts.commands.store_options import OneFileOptions, PublishOptions, SiteOptions, YankOptions
from scripts.commands.task_options import (
    BenchOptions,
    CleanOptions,
    DiagnoseOptions,
    DoctorOptions,
    KeysOptions,
    PlanOptions,
    PortabilityOptions,
    ReportOptions,
    RunOptions,
    SuiteOptions,
    TargetIds,
    ToolchainOptions,
    TrialOptions,
)
from scripts.commands.verify_options import VerifyOptions
from scripts.commands.watch_options import WatchOptions
from scripts.plan.selection import Selection
from scripts.wheel_build.build_options import BuildOptions
from scripts.window.window_options import WindowOptions

end_quietly()


@command
def plan(c: Context, selection: Selection, options: PlanOptions) -> None:
    """Show the expanded matrix, what was excluded and why, and what building it costs."""
    from scripts.commands import plan_task

    plan_task.plan(selection.or_handed_over(), options)


@command
def build(c: Context, selection: Selection, options: BuildOptions, output: RunOptions) -> None:
    """Build, verify and file one wheel or more; without selectors, the one for this very host."""
    from scripts.commands import build_task

    build_task.build(selection.or_handed_over(), options, output)


@command
def trial(c: Context, options: TrialOptions, build: BuildOptions) -> None:
    """Build four targets, the least certain first, and leave an archive to send: for whoever has a Windows machine."""
    from scripts.commands import trial_task

    trial_task.trial(options, build)


@command
def toolchain(c: Context, selection: Selection, options: ToolchainOptions) -> None:
    """Show which compilers and CUDA toolkit this machine has for a target, and what is missing; fetches nothing."""
    from scripts.commands import toolchain_task

    toolchain_task.toolchain(selection.or_handed_over(), options)


@command
def portability(c: Context, selection: Selection, options: PortabilityOptions) -> None:
    """Show whether the C++ sources of Windows targets would compile there, as clang reads them; on Linux."""
    from scripts.commands import portability_task

    portability_task.portability(selection, options)


@command
def verify(c: Context, options: VerifyOptions) -> None:
    """Verify wheels, ours or not: their files and, with --level, what DeepSpeed does on them."""
    from scripts.commands import verify_task

    verify_task.verify(options)


@command
def prepare(c: Context, targets: TargetIds) -> None:
    """Install the system packages that building these targets needs, on a machine made for it."""
    from scripts.commands import prepare_task

    prepare_task.prepare(Selection(id=targets.id).or_handed_over())


@command
def keys(c: Context, options: KeysOptions) -> None:
    """Show the cache keys of a job's targets: what it restores before it builds them and saves after it."""
    from scripts.commands import keys_task

    keys_task.keys(Selection(id=options.id).or_handed_over(), as_json=options.json)


@command
def clean(c: Context, options: CleanOptions) -> None:
    """Show what the cache holds and free what only stopped builds left, or the kinds that are named."""
    from scripts.commands import clean_task

    clean_task.clean(options)


@command
def report(c: Context, options: ReportOptions) -> None:
    """Show how the last build of each target ended, from the results beside the logs."""
    from scripts.commands import report_task

    report_task.report(options)


@command
def publish(c: Context, options: PublishOptions) -> None:
    """Publish the verified wheels of the wheelhouse as releases, one per DeepSpeed version."""
    from scripts.commands import publish_task

    publish_task.publish(options)


@command
def yank(c: Context, options: YankOptions) -> None:
    """Withdraw a published wheel: nobody is offered it any more, and the file stays for lock files."""
    from scripts.commands import yank_task

    yank_task.yank(options)


@command
def index(c: Context, options: SiteOptions) -> None:
    """Write the package index of the wheels in a store and the page to choose from, for any static host."""
    from scripts.commands import index_task

    index_task.index(options)


@command
def one_file(c: Context, options: OneFileOptions) -> None:
    """Write deepspeed-wheels.pyz: find, install, verify and diagnose in one file, for whoever has no clone."""
    from scripts.commands import one_file_task

    one_file_task.write_one_file(options)


@command
def find(c: Context, options: FindOptions) -> None:
    """Show which published wheel fits an environment, or the nearest one and what to change."""
    from scripts.commands import find_task

    find_task.find(options)


@command
def install(c: Context, options: InstallOptions) -> None:
    """Install the published wheel that fits an environment; its torch is never touched."""
    from scripts.commands import install_task

    install_task.install(options)


@command
def doctor(c: Context, options: DoctorOptions) -> None:
    """Show what is right, wrong, missing or unknown on this machine, to run a wheel or to build one; --fix mends it."""
    from scripts.commands import doctor_task

    doctor_task.doctor(options)


@command
def gui(c: Context, options: WindowOptions) -> None:
    """Open the window: what is here, what can be had, and the buttons that install and build it."""
    from scripts.window.window_task import gui as open_window

    open_window(options)


@command
def diagnose(c: Context, options: DiagnoseOptions) -> None:
    """Show why a build, an install or an import failed, from its log, and what to do."""
    from scripts.commands import diagnose_task

    diagnose_task.diagnose_log(options)


@command
def reproduce(c: Context, options: ReproduceOptions) -> None:
    """Repeat a build from the replay file that it left, here or on GitHub, and say whether it ends alike."""
    from scripts.commands import reproduce_task

    reproduce_task.reproduce(options)


@command
def request(c: Context, options: RequestOptions) -> None:
    """Answer who asks for a wheel from the plan: published, planned, possible or not; the form of an issue."""
    from scripts.commands import request_task

    request_task.request(options)


@command
def watch(c: Context, options: WatchOptions) -> None:
    """Show what upstream released that the data do not know yet, and what it means for the plan."""
    from scripts.commands import watch_task

    watch_task.watch(options)


@command
def test(c: Context, options: SuiteOptions) -> None:
    """Run the tests, the real build among them."""
    from scripts.commands.testing import lines_to_run

    lines = lines_to_run(fast=options.fast, nightly=options.all, only=options.only, match=options.match)
    for module, *words in lines:
        _python(module, *words)


@command
def lint(c: Context) -> None:
    """Check style and types of everything."""
    _python("ruff", "check", ".")
    _python("ruff", "format", "--check", ".")
    for platform in ("linux", "win32"):
        _python("mypy", "--platform", platform)


@command
def bench(c: Context, options: BenchOptions) -> None:
    """Measure both sides in one run and print the ratio."""
    _python(f"bench.{options.what}", *options.words)


def _python(module: str, *words: str) -> None:
    from scripts.command import Command, run_in_front

    code = run_in_front(Command(argv=(sys.executable, "-m", module, *words)), output=sys.stdout)
    if code:
        raise SystemExit(code)
