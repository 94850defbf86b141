"""What people do with DeepSpeed, small and with made-up data: images, masked words, fine-tuning, generating.

Usage: python workloads.py PART
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import language  # type: ignore[import-not-found,unused-ignore]
import part  # type: ignore[import-not-found,unused-ignore]
import rank_processes  # type: ignore[import-not-found,unused-ignore]
import tiny  # type: ignore[import-not-found,unused-ignore]

Batch = tuple[Any, ...]
SAME_STEPS = 10  # that are compared with plain torch's, in fp32
CLIP = 0.5  # without clipping Adam would not see that nobody had averaged the gradients


# ---------------------------------------------------------------- what each workload trains, on what


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A network, its batches, and what it is wrong by."""

    make: Callable[[], Any]
    batch: Callable[[int], Batch]  # of a step, the same for all processes
    loss: Callable[[Any, Batch], Any]
    stage: int
    rate: float = tiny.RATE
    zero: dict[str, Any] = field(default_factory=dict)

    def engine(self, **more: Any) -> tuple[Any, Any]:
        """DeepSpeed's engine around the parameters that learn, and the network as it was given to it."""
        import deepspeed  # type: ignore[import-not-found,unused-ignore]

        network = self.make()
        settings = tiny.config(self.stage, self.zero, self.rate, **more)
        taught = [value for value in network.parameters() if value.requires_grad]
        return deepspeed.initialize(model=network, model_parameters=taught, config=settings)[0], network

    def train(self, trained: Any, count: int, kind: Any) -> list[float]:
        """The mean loss of all processes at each step."""
        losses = []
        for step in range(count):
            value = self.loss(trained, typed([tiny.share(each) for each in self.batch(step)], kind))
            trained.backward(value)
            trained.step()
            losses.append(part.everybodys(float(value.detach())))
        return losses

    def train_alone(self, count: int) -> list[float]:
        """The same by torch alone: the mean of the losses of what would be each process's share."""
        import torch  # type: ignore[import-not-found,unused-ignore]

        network = self.make().to(part.device())
        taught = [value for value in network.parameters() if value.requires_grad]
        optimizer = torch.optim.AdamW(taught, lr=self.rate, weight_decay=tiny.DECAY)
        losses = []
        for step in range(count):
            batch = self.batch(step)
            shares = [tuple(tiny.share(each, rank) for each in batch) for rank in range(part.world())]
            value = torch.stack([self.loss(network, share) for share in shares]).mean()
            value.backward()
            torch.nn.utils.clip_grad_norm_(taught, CLIP)
            optimizer.step()
            optimizer.zero_grad()
            losses.append(float(value.detach()))
        return losses


def typed(batch: Sequence[Any], kind: Any) -> Batch:
    """The batch with its real numbers in this type."""
    return tuple(each.to(kind) if each.is_floating_point() else each for each in batch)


def as_torch(work: Workload) -> part.Verdict:
    """Whether the first losses are torch's, in fp32."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    if "offload_optimizer" in work.zero and (reason := part.lacking("cpu_adam")):
        return None, reason
    right = work.train_alone(SAME_STEPS)
    trained, _ = work.engine(gradient_clipping=CLIP)
    got = work.train(trained, SAME_STEPS, torch.float32)
    return part.same_losses(got, right, fall=1.0)


# ---------------------------------------------------------------- images


def convolutions() -> Any:
    """A convolutional network for images like CIFAR-10's."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    torch.manual_seed(1)
    first = [torch.nn.Conv2d(3, 16, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
    second = [torch.nn.Conv2d(16, 32, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(4)]
    return torch.nn.Sequential(*first, *second, torch.nn.Flatten(), torch.nn.Linear(32 * 16, 10))


def pictures(step: int) -> Batch:
    """Images of ten classes: a pattern for each, and noise."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    patterns = torch.randn(10, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    source = torch.Generator().manual_seed(100 + step)
    classes = torch.randint(10, (tiny.BATCH,), generator=source)
    seen = patterns[classes] + torch.randn(tiny.BATCH, 3, 32, 32, generator=source)
    return seen.to(part.device()), classes.to(part.device())


def wrong_class(network: Any, batch: Batch) -> Any:
    """The cross entropy, in fp32."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    return torch.nn.functional.cross_entropy(network(batch[0]).float(), batch[1])


IMAGES = Workload(make=convolutions, batch=pictures, loss=wrong_class, stage=1)


def images() -> part.Verdict:
    """Whether the network learns ten classes in half precision."""
    half = tiny.half()
    trained, network = IMAGES.engine(**half)
    kind = tiny.dtype_of(half)
    losses = IMAGES.train(trained, 80, kind)
    seen, classes = typed(pictures(80), kind)
    right = float((network(seen).argmax(dim=1) == classes).float().mean())
    passed, detail = part.falls(losses, 5)
    return passed and right > 0.9, f"{detail}; {right:.0%} of new images right"


# ---------------------------------------------------------------- language


def masked(step: int) -> Batch:
    """Texts with some words hidden, and those words."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    words = language.texts(tiny.BATCH, seed=step)
    hidden = torch.rand(words.shape, generator=torch.Generator().manual_seed(step)).to(words.device) < 0.15
    return words.masked_fill(hidden, 1), words.masked_fill(~hidden, -100)


BERT = Workload(
    make=lambda: language.bert(),
    batch=masked,
    loss=lambda network, batch: network(batch[0], labels=batch[1]).loss,
    stage=2,
    rate=1e-3,
)


def guesses() -> part.Verdict:
    """Whether a BERT learns to guess masked words in bf16."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    trained, _ = BERT.engine(bf16={"enabled": True})
    return part.falls(BERT.train(trained, 300, torch.bfloat16), 1.3)


def adapted() -> Any:
    """An OPT with LoRA: what is added learns, the base does not."""
    from peft import LoraConfig, get_peft_model  # type: ignore[import-not-found,unused-ignore]

    adapters = LoraConfig(r=8, lora_alpha=32, target_modules=["q_proj", "v_proj", "fc1", "fc2"], task_type="CAUSAL_LM")
    return get_peft_model(language.opt(), adapters)


OPT = Workload(
    make=adapted,
    batch=lambda step: (language.texts(tiny.BATCH, seed=step),),
    loss=lambda network, batch: network(input_ids=batch[0], labels=batch[0]).loss,
    stage=2,
    zero={"offload_optimizer": {"device": "cpu", "pin_memory": True}},
)


def fine_tuned() -> part.Verdict:
    """Whether LoRA teaches the OPT in bf16 with the optimizer on the CPU, and leaves the base as it was."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    if reason := part.lacking("cpu_adam"):
        return None, reason
    base = {name: value.detach().bfloat16() for name, value in adapted().named_parameters() if not value.requires_grad}
    trained, _ = OPT.engine(bf16={"enabled": True})
    passed, detail = part.falls(OPT.train(trained, 120, torch.bfloat16), 1.3)
    after = dict(trained.module.named_parameters())
    kept = all(torch.equal(value, after[name].detach().cpu()) for name, value in base.items())
    used = tiny.optimizer_name(trained)
    return passed and kept and used == "DeepSpeedCPUAdam", f"{used}: {detail}; base weights kept: {kept}"


def launched() -> part.Verdict:
    """Whether DeepSpeed's launcher starts the program of the images and hands on its end."""
    words = [sys.executable, "-m", "deepspeed.launcher.runner", "--num_gpus", "1", __file__, "cifar"]
    code, output = rank_processes.ended(words, 150)
    passed = code == 0 and '"passed": true' in output
    return passed, f"exit code {code}" + ("" if passed else f", {output[-300:]}")


PARTS: dict[str, Callable[[], Sequence[part.Question]]] = {
    "cifar": lambda: [
        ("first losses as torch, fp32, ZeRO 1", partial(as_torch, IMAGES)),
        ("learns in half precision", images),
    ],
    "bert": lambda: [
        ("first losses as torch, fp32, ZeRO 2", partial(as_torch, BERT)),
        ("learns in bf16", guesses),
    ],
    "opt-lora": lambda: [
        ("first losses as torch, fp32, ZeRO 2, CPU offload", partial(as_torch, OPT)),
        ("learns in bf16, the base stays", fine_tuned),
    ],
    "launcher": lambda: [("deepspeed --num_gpus 1", launched)],
}

if __name__ == "__main__":
    part.main(PARTS)
