"""DeepSpeed under the libraries that people use it through: Transformers' Trainer, Accelerate and Lightning.

Usage: python libraries.py PART
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import language  # type: ignore[import-not-found,unused-ignore]
import part  # type: ignore[import-not-found,unused-ignore]
import tiny  # type: ignore[import-not-found,unused-ignore]


def absent(name: str) -> str:
    """The reason to skip when the library is not installed."""
    return "" if importlib.util.find_spec(name) else f"{name} is not installed here"


def through_trainer() -> part.Verdict:
    """Whether Transformers' Trainer learns with ZeRO 2 in bf16."""
    from transformers import Trainer, TrainingArguments  # type: ignore[import-not-found,unused-ignore]

    settings = {
        "zero_optimization": {"stage": 2},
        "bf16": {"enabled": True},
        "train_micro_batch_size_per_gpu": "auto",
        "gradient_accumulation_steps": "auto",
        "optimizer": {"type": "AdamW", "params": {"lr": "auto", "weight_decay": "auto"}},
    }
    rows = [{"input_ids": row, "labels": row} for row in language.texts(1024).cpu()]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            deepspeed=settings,
            bf16=True,
            use_cpu=part.device() == "cpu",
            per_device_train_batch_size=32,
            max_steps=60,
            learning_rate=5e-3,
            logging_steps=5,
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
        )
        trainer = Trainer(model=language.llama(), args=arguments, train_dataset=rows)
        trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    passed, detail = part.falls([float(value) for value in losses], 1.5)
    wrapped = type(trainer.model_wrapped).__name__
    return passed and wrapped == "DeepSpeedEngine", f"{wrapped}: {detail}"


def through_accelerate() -> part.Verdict:
    """Whether Accelerate's plugin learns with ZeRO 2 in bf16."""
    os.environ["ACCELERATE_USE_DEEPSPEED"] = "true"
    import torch  # type: ignore[import-not-found,unused-ignore]
    from accelerate import Accelerator, DeepSpeedPlugin  # type: ignore[import-not-found,unused-ignore]

    accelerator = Accelerator(deepspeed_plugin=DeepSpeedPlugin(zero_stage=2), mixed_precision="bf16")
    network = tiny.model()
    optimizer = torch.optim.AdamW(network.parameters(), lr=tiny.RATE)
    rows = [(x, y) for xs, ys in tiny.batches() for x, y in zip(xs.cpu(), ys.cpu(), strict=True)]
    loader = torch.utils.data.DataLoader(rows, batch_size=tiny.BATCH)
    network, optimizer, loader = accelerator.prepare(network, optimizer, loader)
    losses = []
    for inputs, wanted in loader:
        value = tiny.loss(network(inputs.bfloat16()), wanted)
        accelerator.backward(value)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(value.detach()))
    wrapped = type(network).__name__
    passed, detail = part.falls(losses, 4)
    return passed and wrapped == "DeepSpeedEngine", f"{wrapped}: {detail}"


def through_lightning() -> part.Verdict:
    """Whether Lightning's strategy learns with ZeRO 2 in bf16; it refuses a CPU."""
    reason = absent("pytorch_lightning")
    if reason or part.device() == "cpu":
        return None, reason or "its strategy needs a GPU"
    import pytorch_lightning as lightning  # type: ignore[import-not-found,unused-ignore]
    import torch  # type: ignore[import-not-found,unused-ignore]
    from pytorch_lightning.strategies import DeepSpeedStrategy  # type: ignore[import-not-found,unused-ignore]

    losses: list[float] = []

    class Regression(lightning.LightningModule):  # type: ignore[misc,unused-ignore]
        """The small regression as Lightning wants it."""

        def __init__(self) -> None:
            super().__init__()
            self.network = tiny.model()

        def training_step(self, batch: Any, index: int) -> Any:
            """The loss of one batch."""
            value = tiny.loss(self.network(batch[0].bfloat16()), batch[1])
            losses.append(float(value.detach()))
            return value

        def configure_optimizers(self) -> Any:
            """DeepSpeed's own Adam."""
            from deepspeed.ops.adam import FusedAdam  # type: ignore[import-not-found,unused-ignore]

            return FusedAdam(self.parameters(), lr=tiny.RATE)

    rows = [(x, y) for xs, ys in tiny.batches() for x, y in zip(xs.cpu(), ys.cpu(), strict=True)]
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = lightning.Trainer(
        accelerator="gpu", devices=1, strategy=DeepSpeedStrategy(stage=2), precision="bf16-mixed", max_epochs=1, **quiet
    )
    trainer.fit(Regression(), torch.utils.data.DataLoader(rows, batch_size=tiny.BATCH))
    passed, detail = part.falls(losses, 4)
    return passed, f"{type(trainer.strategy).__name__}: {detail}"


def unless_absent(name: str, ask: Callable[[], part.Verdict]) -> Callable[[], part.Verdict]:
    """The question, skipped where the library is not installed."""
    return lambda: (None, absent(name)) if absent(name) else ask()


PARTS: dict[str, Callable[[], Sequence[part.Question]]] = {
    "transformers-trainer": lambda: [("ZeRO 2, bf16", unless_absent("accelerate", through_trainer))],
    "accelerate": lambda: [("ZeRO 2, bf16", unless_absent("accelerate", through_accelerate))],
    "lightning": lambda: [("ZeRO 2, bf16", through_lightning)],
}

if __name__ == "__main__":
    part.main(PARTS)
