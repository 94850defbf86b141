"""init_inference with and without DeepSpeed's kernels, and ZeRO-Inference: what comes out must be the plain model's.

Usage: python inference.py PART
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import language  # type: ignore[import-not-found,unused-ignore]
import part  # type: ignore[import-not-found,unused-ignore]
import tiny  # type: ignore[import-not-found,unused-ignore]


def serve(model: Any, kind: Any, kernels: bool) -> Any:
    """The model as init_inference makes it; since Transformers 5 a layer returns a tensor and no tuple."""
    import deepspeed  # type: ignore[import-not-found,unused-ignore]

    tensors = {"return_tuple": False} if kernels else {}
    return deepspeed.init_inference(model.eval(), dtype=kind, replace_with_kernel_inject=kernels, **tensors)


def close(make: Callable[[], Any], dtype: str, kernels: bool, most: float) -> part.Verdict:
    """Whether the logits of init_inference are those of the plain model in the same type."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    reason = part.lacking("transformer_inference") if kernels else ""
    if reason:
        return None, reason
    kind = getattr(torch, dtype)
    words = language.texts(2)
    with torch.no_grad():
        right = logits(make().to(part.device(), kind).eval(), words)
        served = serve(make(), kind, kernels)
        got = logits(served, words)
    passed, detail = part.near({"logits": (got, right)}, most)
    replaced = sum(type(module).__name__.startswith("DeepSpeed") for module in served.module.modules())
    return passed and bool(replaced) >= kernels, f"{detail}; {replaced} modules of DeepSpeed's inside"


def logits(model: Any, words: Any) -> Any:
    """What the model makes of the words, without the cache of Transformers 5, which DeepSpeed's layers do not take."""
    cached = getattr(getattr(model, "module", model).config, "model_type", "") != "bert"
    return model(words, **({"use_cache": False} if cached else {})).logits


def same_words(make: Callable[[], Any], kernels: bool) -> part.Verdict:
    """Whether the words generated in fp32 are the plain model's."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    start = language.prompt()
    right = language.generated(make().to(part.device()).eval(), start)
    served = serve(make(), torch.float32, kernels)
    got = language.generated(served.module, start)
    return bool(torch.equal(got, right)), f"{int((got == right).sum())} of {right.numel()} words are the same"


def offloaded(dtype: str, device: str) -> part.Verdict:
    """Whether ZeRO-Inference with parameters on `device` generates the plain model's words; in bf16 its logits."""
    import torch  # type: ignore[import-not-found,unused-ignore]
    from transformers.integrations import HfDeepSpeedConfig  # type: ignore[import-not-found,unused-ignore]

    kind = getattr(torch, dtype)
    start = language.prompt()
    plain = language.llama().to(part.device(), kind).eval()
    kept = {"offload_param": {"device": "cpu", "pin_memory": True}} if device == "cpu" else {}
    settings = tiny.config(3, kept, **({"bf16": {"enabled": True}} if dtype == "bfloat16" else {}))
    del settings["optimizer"]
    keeper = HfDeepSpeedConfig(settings)  # while it lives, Transformers makes its models parted
    import deepspeed  # type: ignore[import-not-found,unused-ignore]

    served = deepspeed.initialize(model=language.llama(), config=settings)[0]
    served.module.eval()
    if dtype == "bfloat16":  # words that are about as likely change places by rounding
        with torch.no_grad():
            same, detail = part.near({"logits": (served(start).logits, plain(start).logits)}, 2e-2)
    else:
        got, right = (language.generated(model, start) for model in (served.module, plain))
        same, detail = (
            bool(torch.equal(got, right)),
            f"{int((got == right).sum())} of {right.numel()} words are the same",
        )
    places = {str(value.ds_tensor.device) for value in served.module.parameters()}
    del keeper
    right_place = places == {"cpu"} or device != "cpu"
    return same and right_place, f"{detail}; parameters on {', '.join(sorted(places))}"


def even_llama() -> Any:
    """A LLaMA with as many heads of keys as of queries, of size 128: DeepSpeed's kernels take no fewer of keys."""
    return language.llama(4, 512)


MODELS = {"gpt2": language.gpt2, "bert": language.bert, "opt": language.opt, "llama": even_llama}
TYPES = {"fp16": ("float16", 2e-2), "bf16": ("bfloat16", 5e-2), "fp32": ("float32", 5e-3)}


def plain(name: str) -> Sequence[part.Question]:
    """The questions about a model that is served without kernels."""
    make = MODELS[name]
    asked: list[part.Question] = [("logits, fp32", partial(close, make, "float32", False, 1e-5))]
    return asked if name == "bert" else [*asked, ("generates the plain words", partial(same_words, make, False))]


def injected(name: str, short: str) -> Sequence[part.Question]:
    """The questions about a model with kernels in one type, for which a process keeps one workspace."""
    make, (kind, most) = MODELS[name], TYPES[short]
    asked: list[part.Question] = [("logits", partial(close, make, kind, True, most))]
    generates = short == "fp32" and name != "bert"
    return [*asked, ("generates the plain words", partial(same_words, make, True))] if generates else asked


PARTS: dict[str, Callable[[], Sequence[part.Question]]] = {
    **{f"init-inference-{name}": partial(plain, name) for name in MODELS},
    **{f"kernels-{name}-{short}": partial(injected, name, short) for name in MODELS for short in TYPES},
    "llama-generation": lambda: [
        ("fp32, parameters parted", partial(offloaded, "float32", "gpu")),
        ("fp32, parameters on the CPU", partial(offloaded, "float32", "cpu")),
        ("bf16, parameters on the CPU", partial(offloaded, "bfloat16", "cpu")),
    ],
}

if __name__ == "__main__":
    part.main(PARTS)
