"""DeepSpeed's autotuner, through the launcher, over a training of its own: this same program, called by it.

Usage: python tuning.py autotuning
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import part  # type: ignore[import-not-found,unused-ignore]
import rank_processes  # type: ignore[import-not-found,unused-ignore]
import tiny  # type: ignore[import-not-found,unused-ignore]

STEPS = 64  # the autotuner measures up to a step that fewer, gathered two by two, do not reach
TUNING = {
    "enabled": True,
    "fast": True,
    "tuner_type": "gridsearch",
    "num_tuning_micro_batch_sizes": 1,
    "min_train_micro_batch_size_per_gpu": 8,
    "max_train_micro_batch_size_per_gpu": 8,
    "start_profile_step": 3,
    "end_profile_step": 5,
    "results_dir": "results",
    "exps_dir": "experiments",
    "overwrite": True,
}


def tuned() -> part.Verdict:
    """Whether the autotuner writes a configuration that DeepSpeed takes."""
    settings = {**tiny.config(0), "train_micro_batch_size_per_gpu": "auto", "autotuning": TUNING}
    Path("settings.json").write_text(json.dumps(settings), encoding="utf-8")
    launcher = [
        "-m",
        "deepspeed.launcher.runner",
        "--autotuning",
        "tune",
        "--num_nodes",
        "1",
        "--num_accelerators",
        "1",
    ]
    port = rank_processes.free_port()
    words = [
        sys.executable,
        *launcher,
        "--master_port",
        str(port),
        __file__,
        "--train",
        "--deepspeed",
        "--deepspeed_config",
        "settings.json",
    ]
    # the autotuner starts `deepspeed` by that name, as it is found in an activated environment, and that this program
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])
    try:
        code, output = rank_processes.ended(words, 550 * rank_processes.slowness())
    finally:
        for each in (port, *experiment_ports()):
            rank_processes.forget_buffers(each)
    found = sorted(Path().rglob("ds_config_optimal.json"))
    if code or not found:
        return False, f"exit code {code}, no ds_config_optimal.json; last output: {output[-300:]}"
    best = json.loads(found[0].read_text(encoding="utf-8"))
    return "train_micro_batch_size_per_gpu" in best, f"chose {best.get('train_micro_batch_size_per_gpu')} rows at once"


def experiment_ports() -> Iterator[int]:
    """The port of each experiment that the autotuner began: it counts on from the one that it was given."""
    for file in Path().rglob("exp.json"):
        yield int(json.loads(file.read_text(encoding="utf-8"))["master_port"])


def train() -> None:
    """Train as the autotuner's configuration says."""
    import deepspeed  # type: ignore[import-not-found,unused-ignore]

    parser = deepspeed.add_config_arguments(argparse.ArgumentParser())
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--local_rank", type=int, default=0)
    arguments = parser.parse_args()
    network = tiny.model()
    trained = deepspeed.initialize(args=arguments, model=network, model_parameters=list(network.parameters()))[0]
    rows = trained.train_micro_batch_size_per_gpu()
    for inputs, wanted in tiny.batches(STEPS):
        value = tiny.loss(trained(inputs[:rows]), wanted[:rows])
        trained.backward(value)
        trained.step()


PARTS: dict[str, Callable[[], Sequence[part.Question]]] = {"autotuning": lambda: [("finds a configuration", tuned)]}

if __name__ == "__main__":
    train() if "--train" in sys.argv else part.main(PARTS)
