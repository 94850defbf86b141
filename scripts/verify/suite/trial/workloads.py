"""What people do with DeepSpeed, small and with made-up data: images, masked words, fine-tuning, generating.

Usage: python workloads.py PART
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import language  # type: ignore[import-not-found,unused-ignore]
import part  # type: ignore[import-not-found,unused-ignore]
import rank_processes  # type: ignore[import-not-found,unused-ignore]
import tiny  # type: ignore[import-not-found,unused-ignore]


def images() -> part.Verdict:
    """Whether a convolutional network learns ten classes of images like CIFAR-10's, in half precision with ZeRO 1."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    torch.manual_seed(1)
    convolutions = [torch.nn.Conv2d(3, 16, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
    more = [torch.nn.Conv2d(16, 32, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(4)]
    network = torch.nn.Sequential(*convolutions, *more, torch.nn.Flatten(), torch.nn.Linear(32 * 16, 10))
    trained = tiny.engine(tiny.config(1, **tiny.half()), network)
    kind = next(iter(network.parameters())).dtype
    patterns = torch.randn(10, 3, 32, 32, device=part.device())
    losses, right = [], 0.0
    for _ in range(80):
        classes = torch.randint(10, (tiny.BATCH,), device=part.device())
        seen = patterns[classes] + torch.randn(tiny.BATCH, 3, 32, 32, device=part.device())
        got, classes = trained(tiny.share(seen).to(kind)), tiny.share(classes)
        value = torch.nn.functional.cross_entropy(got.float(), classes)
        trained.backward(value)
        trained.step()
        losses.append(float(value.detach()))
        right = float((got.argmax(dim=1) == classes).float().mean())
    passed, detail = part.falls(losses, 5)
    return passed and right > 0.9, f"{detail}; {right:.0%} of the last images right"


def masked() -> part.Verdict:
    """Whether a BERT learns to guess masked words, in bf16 with ZeRO 2."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    trained = tiny.engine(tiny.config(2, rate=1e-3, bf16={"enabled": True}), language.bert())
    losses = []
    for step in range(300):
        words = language.texts(tiny.BATCH, seed=step)
        hidden = torch.rand(words.shape, device=words.device) < 0.15
        shown, wanted = tiny.share(words.masked_fill(hidden, 1)), tiny.share(words.masked_fill(~hidden, -100))
        value = trained(shown, labels=wanted).loss
        trained.backward(value)
        trained.step()
        losses.append(float(value.detach()))
    return part.falls(losses, 1.3)


def fine_tuned() -> part.Verdict:
    """Whether LoRA teaches an OPT with ZeRO 2 and the optimizer on the CPU, and leaves the base as it was."""
    import torch  # type: ignore[import-not-found,unused-ignore]
    from peft import LoraConfig, get_peft_model  # type: ignore[import-not-found,unused-ignore]

    reason = part.lacking("cpu_adam")
    if reason:
        return None, reason
    adapters = LoraConfig(r=8, lora_alpha=32, target_modules=["q_proj", "v_proj", "fc1", "fc2"], task_type="CAUSAL_LM")
    network = get_peft_model(language.opt(), adapters)
    settings = tiny.config(2, {"offload_optimizer": {"device": "cpu", "pin_memory": True}}, bf16={"enabled": True})
    before = {name: value.detach().bfloat16() for name, value in network.named_parameters() if not value.requires_grad}
    import deepspeed  # type: ignore[import-not-found,unused-ignore]

    taught = [value for value in network.parameters() if value.requires_grad]
    trained = deepspeed.initialize(model=network, model_parameters=taught, config=settings)[0]
    losses = []
    for step in range(120):
        words = tiny.share(language.texts(tiny.BATCH, seed=step))
        value = trained(input_ids=words, labels=words).loss
        trained.backward(value)
        trained.step()
        losses.append(float(value.detach()))
    after = dict(trained.module.named_parameters())
    kept = all(torch.equal(value, after[name].detach().cpu()) for name, value in before.items())
    passed, detail = part.falls(losses, 1.3)
    used = tiny.optimizer_name(trained)
    return passed and kept and used == "DeepSpeedCPUAdam", f"{used}: {detail}; base weights kept: {kept}"


def launched() -> part.Verdict:
    """Whether DeepSpeed's launcher starts the program of the images and hands on its end."""
    words = [sys.executable, "-m", "deepspeed.launcher.runner", "--num_gpus", "1", __file__, "cifar"]
    code, output = rank_processes.ended(words, 150)
    passed = code == 0 and '"passed": true' in output
    return passed, f"exit code {code}" + ("" if passed else f", {output[-300:]}")


PARTS: dict[str, Callable[[], Sequence[part.Question]]] = {
    "cifar": lambda: [("a convolutional network, fp16, ZeRO 1", images)],
    "bert": lambda: [("masked words, bf16, ZeRO 2", masked)],
    "opt-lora": lambda: [("fine-tuning with LoRA, bf16, ZeRO 2, CPU offload", fine_tuned)],
    "launcher": lambda: [("deepspeed --num_gpus 1", launched)],
}

if __name__ == "__main__":
    part.main(PARTS)
