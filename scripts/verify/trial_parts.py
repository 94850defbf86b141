"""`TRIAL`: the parts of the trial on a GPU, each a program of `suite/` with its limit of seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Group = Literal["full", "op", "part", "library", "workload"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One process of the trial."""

    group: Group
    name: str
    program: str  # a module of DeepSpeed's after "-m ", else a file of `suite/` without its ending
    seconds: float = 90.0

    @property
    def arguments(self) -> tuple[str, ...]:
        """What follows the program: the part's name, for the programs that hold several."""
        return (self.name,) if self.program.startswith("trial/") else ()


def _parts(group: Group, program: str, *names: str, seconds: float = 90.0) -> tuple[Part, ...]:
    return tuple(Part(group=group, name=name, program=f"trial/{program}", seconds=seconds) for name in names)


MODELS = ("gpt2", "bert", "opt", "llama")
FULL = (
    Part(group="full", name="ds_report", program="-m deepspeed.env_report"),
    *(Part(group="full", name=name, program=name) for name in ("load_ops", "bare_machine", "optimizers", "gpu")),
    Part(group="full", name="train", program="train", seconds=120.0),
)
OPS = (
    *_parts("op", "kernels", "quantizer", "random_ltd", "spatial_inference", "utils", "pin_memory", "ragged_ops"),
    *_parts("op", "kernels", "async_io", "fp_quantizer"),
    *_parts("op", "layers", "transformer", "stochastic_transformer"),
    *_parts("op", "served", "transformer_inference", "inference_core_ops"),
)
PIECES = (
    *_parts("part", "zero", "zero-0", "zero-1", "zero-2", "zero-3", "zero-1-cpu", "zero-2-cpu", "zero-3-cpu"),
    *_parts("part", "zero", "zero-3-nvme", "zero-quantized-weights"),
    *_parts(
        "part",
        "engine",
        "engine",
        "fused-optimizers",
        "pipeline",
        "activation-checkpointing",
        "activation-checkpointing-cpu",
    ),
    *_parts("part", "engine", "mixture-of-experts", "communication", "torch-compile", "flops-profiler"),
    *_parts("part", "saving", "save-and-load", "zero-to-fp32", seconds=120.0),
    *_parts("part", "saving", "universal-checkpoint", seconds=150.0),
    *_parts("part", "inference", *(f"init-inference-{model}" for model in MODELS)),
    *_parts("part", "inference", *(f"kernels-{model}-{kind}" for model in MODELS for kind in ("fp16", "bf16", "fp32"))),
)
LIBRARIES = _parts("library", "libraries", "transformers-trainer", "accelerate", "lightning", seconds=120.0)
WORKLOADS = (
    *_parts("workload", "workloads", "cifar", "bert", "opt-lora", seconds=120.0),
    *_parts("workload", "inference", "llama-generation", seconds=120.0),
    *_parts("workload", "workloads", "launcher", seconds=150.0),
)
TRIAL = (*FULL, *OPS, *PIECES, *LIBRARIES, *WORKLOADS)
