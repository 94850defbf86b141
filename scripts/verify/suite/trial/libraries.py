"""DeepSpeed under the libraries that people use it through: Transformers' Trainer, Accelerate and Lightning.

Usage: python libraries.py PART
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import language  # type: ignore[import-not-found,unused-ignore]
import part  # type: ignore[import-not-found,unused-ignore]
import tiny  # type: ignore[import-not-found,unused-ignore]

CLIP = 0.5


def absent(name: str) -> str:
    """The reason to skip when the library is not installed."""
    return "" if importlib.util.find_spec(name) else f"{name} is not installed here"


def through_trainer() -> part.Verdict:
    """Whether Transformers' Trainer learns with ZeRO 2 in bf16."""
    losses, wrapped = trained(60, trainer_settings(bf16={"enabled": True}), bf16=True)
    passed, detail = part.falls(losses, 1.5)
    return passed and wrapped == "DeepSpeedEngine", f"{wrapped}: {detail}"


def trainer_as_without() -> part.Verdict:
    """Whether the Trainer's losses with ZeRO 2 in fp32 are those of the same Trainer without DeepSpeed."""
    right, alone = trained(20, None)
    got, wrapped = trained(20, trainer_settings())
    passed, detail = part.same_losses(got, right, fall=1.0, of="without it")
    return passed and wrapped == "DeepSpeedEngine" != alone, f"{wrapped}, and {alone}: {detail}"


def trainer_settings(**more: Any) -> dict[str, Any]:
    """DeepSpeed's configuration, filled in by the Trainer."""
    params = {"lr": "auto", "weight_decay": "auto", **({"torch_adam": True} if part.device() == "cpu" else {})}
    automatic = ("train_micro_batch_size_per_gpu", "gradient_accumulation_steps", "gradient_clipping")
    optimizer = {"type": "AdamW", "params": params}
    return {"zero_optimization": {"stage": 2}, "optimizer": optimizer, **dict.fromkeys(automatic, "auto"), **more}


def trained(count: int, settings: dict[str, Any] | None, **more: Any) -> tuple[list[float], str]:
    """The losses of a Trainer, each the mean of five steps, and the class of what it trained."""
    from transformers import Trainer, TrainingArguments  # type: ignore[import-not-found,unused-ignore]

    rows = [{"input_ids": row, "labels": row} for row in language.texts(1024).cpu()]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            deepspeed=settings,
            use_cpu=part.device() == "cpu",
            per_device_train_batch_size=32,
            max_steps=count,
            learning_rate=5e-3,
            logging_steps=5,
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
            **more,
        )
        trainer = Trainer(model=language.llama(), args=arguments, train_dataset=rows)
        trainer.train()
    losses = [float(entry["loss"]) for entry in trainer.state.log_history if "loss" in entry]
    return losses, type(trainer.model_wrapped).__name__


def through_accelerate(precision: str) -> part.Verdict:
    """Whether Accelerate's plugin learns with ZeRO 2; without a lower precision its losses must be torch's."""
    os.environ["ACCELERATE_USE_DEEPSPEED"] = "true"
    import torch  # type: ignore[import-not-found,unused-ignore]
    from accelerate import Accelerator, DeepSpeedPlugin  # type: ignore[import-not-found,unused-ignore]
    from accelerate.state import AcceleratorState  # type: ignore[import-not-found,unused-ignore]

    AcceleratorState._reset_state(reset_partial_state=True)  # of the question before
    accelerator = Accelerator(
        deepspeed_plugin=DeepSpeedPlugin(zero_stage=2, gradient_clipping=CLIP), mixed_precision=precision
    )
    network = tiny.model()
    optimizer = torch.optim.AdamW(network.parameters(), lr=tiny.RATE, weight_decay=tiny.DECAY)
    rows = [(x, y) for xs, ys in tiny.batches() for x, y in zip(xs.cpu(), ys.cpu(), strict=True)]
    loader = torch.utils.data.DataLoader(rows, batch_size=tiny.BATCH)
    network, optimizer, loader = accelerator.prepare(network, optimizer, loader)
    losses = []
    for inputs, wanted in loader:
        value = tiny.loss(network(inputs.bfloat16() if precision == "bf16" else inputs), wanted)
        accelerator.backward(value)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(value.detach()))
    wrapped = type(network).__name__
    passed, detail = (
        part.falls(losses, 4) if precision == "bf16" else part.same_losses(losses, tiny.plain(clip=CLIP)[0])
    )
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
    "transformers-trainer": lambda: [
        ("ZeRO 2, fp32, as without DeepSpeed", unless_absent("accelerate", trainer_as_without)),
        ("ZeRO 2, bf16", unless_absent("accelerate", through_trainer)),
    ],
    "accelerate": lambda: [
        ("ZeRO 2, fp32, as torch", unless_absent("accelerate", partial(through_accelerate, "no"))),
        ("ZeRO 2, bf16", unless_absent("accelerate", partial(through_accelerate, "bf16"))),
    ],
    "lightning": lambda: [("ZeRO 2, bf16", through_lightning)],
}

if __name__ == "__main__":
    part.main(PARTS)
