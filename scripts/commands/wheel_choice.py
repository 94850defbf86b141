"""Which of the wheels on offer fits an environment; when none does, why, and what to change."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from scripts.carried import typed
from scripts.ci.actions import site_address
from scripts.commands.install_options import OfferOptions
from scripts.commands.next_line import left_unused, next_line
from scripts.commands.project import open_project
from scripts.errors import InputError, NothingToDoError, PrerequisiteError
from scripts.facts.load import load_facts
from scripts.index.install_line import PROGRAMS, Tool, install_words
from scripts.install.choose import Choice, Rejection, choose
from scripts.install.environment import Environment, Torch, read_environment
from scripts.install.installed import why_wrong
from scripts.install.machine_choice import choose_for
from scripts.install.package_client import client_words
from scripts.install.served_cards import named as named_cards
from scripts.install.served_cards import without_code
from scripts.options import as_words
from scripts.plan.target import Target
from scripts.shell import WINDOWS, shell_line
from scripts.versions import minor_of
from scripts.wheel.published import Published
from scripts.wheel.record import WheelRecord

if TYPE_CHECKING:
    from scripts.plan.expand import Plan


FIXED = {"platform", "c-library", "cpu"}  # what nobody changes to use a wheel


def choose_wheel(options: OfferOptions) -> tuple[Published, Environment, Choice]:
    """What is offered, the environment, and which wheel fits; raises InputError for options that cannot be used."""
    deepspeed = options.deepspeed
    if deepspeed and not re.fullmatch(r"\d+(\.\d+)*", deepspeed):
        raise InputError(
            f"--deepspeed {deepspeed!r}: give a release such as 0.16.5, or a minor line such as 0.16",
            id="value-not-accepted",
        )
    published = _published(options.index, options.store)
    environment = read_environment(options.python)
    return published, environment, choose_for(published, environment, deepspeed)


def _published(index: str, store: str) -> Published:
    """What is offered by what was named: a site, else a store, else the wheelhouse of this checkout."""
    if index and store:
        raise InputError("give either --index or --store", id="options-conflict")
    address = index or ("" if store else site_address())
    if address:
        from scripts.index.published_site import read_site  # each way is imported when it is gone: a person waits

        return read_site(address)
    from scripts.commands.store_wheels import open_published

    return open_published(store)


def asked_words(options: OfferOptions) -> tuple[str, ...]:
    """What was asked for, whose environment was meant and where from: a line to go on with has to say it again."""
    said = OfferOptions(python=options.python, deepspeed=options.deepspeed, index=options.index, store=options.store)
    wheel = getattr(options, "wheel", "")  # of `install`
    return (*as_words(said), *(("--wheel", wheel) if wheel else ()))


def none_fits(
    published: Published, environment: Environment, choice: Choice, asked: Sequence[str] = ()
) -> NothingToDoError:
    """The error of `find` and `install` when no wheel fits; `asked` are the words for whom and from where."""
    message = explanation(published, environment, choice, asked)
    if choice.nearest is None:
        return NothingToDoError(message, id="no-wheels-offered")
    return NothingToDoError(message, id="no-wheel-fits")


def explanation(published: Published, environment: Environment, choice: Choice, asked: Sequence[str] = ()) -> str:
    """Why no wheel fits, the nearest one that this machine can come to, and what to type to use it."""
    if not choice.rejected:
        hint = f"'{typed('build')}' makes one for this machine, --index names a site that has some"
        more = [*(f"  {line}" for line in wrong_installed(environment, choice)), *_withdrawn(published, environment)]
        return "\n".join([f"no wheels are offered at {published.url}; {hint}", *more])
    torch = f"torch {environment.torch.version}" if environment.torch else "no torch"
    yours = f"Python {environment.version}, {torch}, {environment.platform}"
    wrong = wrong_installed(environment, choice)
    lines = [
        *wrong,
        *_own(environment, choice),
        *_way(published, environment, choice, asked),
        *_why_not_offered(choice, environment),
    ]
    head = f"none of {len(published.offered.wheels)} wheels is for {yours}"
    return "\n".join([head, *(f"  {line}" for line in lines), *_withdrawn(published, environment)])


def _own(environment: Environment, choice: Choice) -> list[str]:
    """Why the newest wheel for this very torch is not for this machine: its driver, or its card."""
    torch = environment.torch
    if torch is None:
        return []
    mine = {"python": environment.version, "platform": environment.platform}
    for row in choice.rejected.of(torch=torch.minor, cuda=torch.variant, **mine):
        why = [mismatch.reason for mismatch in row.mismatches if mismatch.what in ("driver", "gpu")]
        if why:
            return [f"for this torch there is {row.record.file}, but: {'; '.join(why)}"]
    return []


def wrong_installed(environment: Environment, choice: Choice) -> list[str]:
    """That the installed DeepSpeed cannot load its ops here, with every reason; nothing when it can, or none is here.

    A wheel that is offered says more of its like than an installed one says of itself: its GPUs, its processor.
    """
    release = (environment.deepspeed or "").partition("+")[0]
    alike = choice.rejected.of(deepspeed=release, python=environment.version, platform=environment.platform)
    same = (row for row in alike if row.record.target.wheel_version == environment.deepspeed)
    rejected = (mismatch.reason for row in same for mismatch in row.mismatches if mismatch.what != "deepspeed")
    reasons = list(dict.fromkeys([*why_wrong(environment), *rejected]))
    if not reasons:
        return []
    return [f"wrong: the installed DeepSpeed {environment.deepspeed} cannot load its ops here: {'; '.join(reasons)}"]


def within_reach(choice: Choice) -> Iterator[Rejection]:
    """The rejected wheels that this machine can come to, nearest first: of its own system and processor."""
    return (row for row in choice.rejected if not {mismatch.what for mismatch in row.mismatches} & FIXED)


def _way(published: Published, environment: Environment, choice: Choice, asked: Sequence[str]) -> list[str]:
    """The nearest wheel with its reasons, and one line that leads to a wheel; or why there is none."""
    from scripts.plan.off_axis import why_never  # here: who has a wheel needs no rules

    other = why_never("cuda", environment.torch.variant, load_facts()) if environment.torch else None
    if other:
        return [other]
    reachable = next(within_reach(choice), None)
    if reachable is None:
        offered = sorted({rejection.record.target.platform for rejection in choice.rejected})
        never = why_never("platform", environment.platform, load_facts())
        why = {m.reason for row in choice.rejected for m in row.mismatches if m.what in ("cpu", "c-library")}
        reasons = [never] if never else sorted(why)
        others = "" if environment.platform in offered else f": the wheels are for {', '.join(offered)}"
        return [f"there is none for this machine{others}", *reasons]
    line = next_line(reachable, published, environment, asked)
    return [*_nearest(reachable), *left_unused(reachable, environment, choice), line]


def _nearest(rejection: Rejection) -> list[str]:
    return [f"nearest: {rejection.record.file}", *(f"  {mismatch.reason}" for mismatch in rejection.mismatches)]


def _withdrawn(published: Published, environment: Environment) -> list[str]:
    """The wheels that would fit, had they not turned out to be bad."""
    fitting = choose((record for record in published.wheels if record.yanked), environment).fitting
    return [f"  withdrawn: {record.file}: {record.yanked}" for record in fitting]


def _why_not_offered(choice: Choice, environment: Environment) -> Sequence[str]:
    """What the plan says of the environment's own combination, for the newest DeepSpeed that it has."""
    if environment.torch is None:
        return ()
    plan = _plan_of(environment, environment.torch)
    planned = {planned.target for planned in plan.targets}
    alike = choice.rejected.of(cuda=environment.torch.variant, python=environment.version)
    if any(row.record.target in planned for row in alike):
        return ()
    if planned:
        return [f"your own combination is planned, but not offered there: {max(planned, key=Target.sort_key).id}"]
    newest = max(plan.excluded, key=lambda excluded: excluded.target.sort_key(), default=None)
    return [f"your own combination is excluded from the matrix: {newest.reason}"] if newest else []


def _plan_of(environment: Environment, torch: Torch) -> Plan:
    """The plan of the environment's own combination, with every DeepSpeed."""
    from scripts.plan.expand import axes_of, expand, narrowed  # here: an environment with a wheel needs no plan

    project = open_project()
    axes = axes_of(project.matrix, project.facts)
    wanted = {
        "torch": [release for release in axes["torch"] if minor_of(release) == torch.minor],
        "cuda": [torch.variant],
        "python": [environment.version],
        "platform": [environment.platform],
    }
    return expand(project.matrix, project.facts, axes=narrowed(axes, wanted))


def note_lines(wheel: WheelRecord) -> list[str]:
    """What to know before the wheel is installed, a line for each note."""
    return [f"note: {text}" for text in wheel.notes.values()]


def idle_cards(wheel: WheelRecord, environment: Environment) -> list[str]:
    """That the wheel has no code for a card beside the one that it runs on."""
    cards = without_code(environment.machine.graphics, wheel.arches)
    line = (
        f"note: it has no code for {named_cards(cards)}, which it leaves unused; CUDA_VISIBLE_DEVICES names the others"
    )
    return [line] if cards else []


def line_to_paste(
    wheel: WheelRecord, published: Published, environment: Environment, *, named: bool, windows: bool = WINDOWS
) -> str:
    """What to paste: by the index, or by the file itself for a directory of wheels, which has no index.

    `named`: the environment is not the active one, whose `python` the line else means.
    """
    tool, program = _client(environment, named=named)
    if wheel.url and wheel.url.startswith("file:"):
        file = f"{published.address(wheel)}#sha256={wheel.sha256}"  # uv takes a digest behind a name alone
        return shell_line([*program, f"deepspeed @ {file}" if tool == "uv" else file], windows=windows)
    return shell_line(install_words(wheel, published, tool, program), windows=windows)


def _client(environment: Environment, *, named: bool) -> tuple[Tool, Sequence[str]]:
    """Whose line it is: `python -m pip`, but for an environment without pip or of a name of its own."""
    if environment.has_pip and not named:
        return "pip", PROGRAMS["pip"]
    try:
        words = [word for word in client_words(environment) if word != "--no-input"]
    except PrerequisiteError:  # `install` and the doctor say that there is none
        return "pip", PROGRAMS["pip"]
    if PurePath(words[0]).stem == "uv":
        return "uv", [*words, "--index-strategy", "unsafe-best-match"]
    return "pip", words
