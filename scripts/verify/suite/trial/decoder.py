"""A small decoder like LLaMA, in plain torch, and the ways in which DeepSpeed serves it.

Usage: python decoder.py PART
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import part  # type: ignore[import-not-found,unused-ignore]
import tiny  # type: ignore[import-not-found,unused-ignore]

WORDS, WIDTH, HEADS, LAYERS = 64, 128, 4, 2  # tensor parallelism gives each process 64 rows or a multiple


@cache
def classes() -> tuple[Any, Any]:
    """The classes of a layer and of the model; made late, since they need torch."""
    import torch  # type: ignore[import-not-found,unused-ignore]
    from torch.nn.functional import scaled_dot_product_attention  # type: ignore[import-not-found,unused-ignore]

    linear = partial(torch.nn.Linear, bias=False)

    class Attention(torch.nn.Module):  # type: ignore[misc,unused-ignore]
        """Each place looks at those before it."""

        def __init__(self) -> None:
            super().__init__()
            self.num_heads = HEADS  # tensor parallelism divides what has this name
            self.q_proj, self.k_proj, self.v_proj = (linear(WIDTH, WIDTH) for _ in range(3))
            self.o_proj = linear(WIDTH, WIDTH)

        def forward(self, values: Any) -> Any:
            """What each place took from the others."""
            rows, length, _ = values.shape
            parts = (each(values) for each in (self.q_proj, self.k_proj, self.v_proj))
            heads = [each.view(rows, length, self.num_heads, -1).transpose(1, 2) for each in parts]
            mixed = scaled_dot_product_attention(*heads, is_causal=True)
            return self.o_proj(mixed.transpose(1, 2).reshape(rows, length, -1))

    class Gated(torch.nn.Module):  # type: ignore[misc,unused-ignore]
        """A gated product of matrices."""

        def __init__(self) -> None:
            super().__init__()
            self.gate_proj, self.up_proj = linear(WIDTH, 4 * WIDTH), linear(WIDTH, 4 * WIDTH)
            self.down_proj = linear(4 * WIDTH, WIDTH)

        def forward(self, values: Any) -> Any:
            """The product."""
            return self.down_proj(torch.nn.functional.silu(self.gate_proj(values)) * self.up_proj(values))

    class Layer(torch.nn.Module):  # type: ignore[misc,unused-ignore]
        """Attention and the product, each added to what came in."""

        def __init__(self) -> None:
            super().__init__()
            self.before, self.between = torch.nn.LayerNorm(WIDTH), torch.nn.LayerNorm(WIDTH)
            self.self_attn, self.mlp = Attention(), Gated()

        def forward(self, values: Any) -> Any:
            """The values with what this layer adds."""
            values = values + self.self_attn(self.before(values))
            return values + self.mlp(self.between(values))

    class Decoder(torch.nn.Module):  # type: ignore[misc,unused-ignore]
        """Words to the odds of the words that follow."""

        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.place = torch.nn.Embedding(WORDS, WIDTH), torch.nn.Embedding(128, WIDTH)
            self.layers = torch.nn.ModuleList([Layer() for _ in range(LAYERS)])
            self.head = torch.nn.Linear(WIDTH, WORDS, bias=False)

        def forward(self, words: Any) -> Any:
            """The odds at each place."""
            values = self.embedding(words) + self.place(torch.arange(words.shape[1], device=words.device))
            for layer in self.layers:
                values = layer(values)
            return self.head(values)

    return Layer, Decoder


def model(seed: int = 1) -> Any:
    """The decoder, with the same weights at each call."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    torch.manual_seed(seed)
    return classes()[1]().eval()


def prompt() -> Any:
    """The beginnings of two texts."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    return torch.arange(16).reshape(2, 8).to(part.device())


def generated(network: Any, count: int = 12) -> Any:
    """The words that the model finds most likely to follow."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    words = prompt()
    with torch.no_grad():
        for _ in range(count):
            words = torch.cat([words, network(words)[:, -1:].argmax(dim=-1)], dim=1)
    return words


def compared(served: Any, most: float) -> part.Verdict:
    """Whether logits and generated words are those of plain torch."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    plain = model().to(part.device())
    with torch.no_grad():
        close, detail = part.near({"logits": (served(prompt()), plain(prompt()))}, most)
    got, right = generated(served), generated(plain)
    return close and torch.equal(got, right), f"{detail}; {int((got == right).sum())} of {right.numel()} words the same"


def served_whole() -> part.Verdict:
    """Whether init_inference leaves logits and words as they are."""
    import deepspeed  # type: ignore[import-not-found,unused-ignore]
    import torch  # type: ignore[import-not-found,unused-ignore]

    return compared(deepspeed.init_inference(model(), dtype=torch.float32, replace_with_kernel_inject=False), 1e-6)


def served_parted() -> part.Verdict:
    """Whether the model split over the processes gives plain torch's logits and words, and is split."""
    import deepspeed  # type: ignore[import-not-found,unused-ignore]
    import torch  # type: ignore[import-not-found,unused-ignore]

    deepspeed.init_distributed()
    layer, _ = classes()
    served = deepspeed.init_inference(
        model(),
        dtype=torch.float32,
        replace_with_kernel_inject=False,
        tensor_parallel={"tp_size": part.world()},
        injection_policy={layer: ("self_attn.o_proj", "mlp.down_proj")},
    )
    passed, detail = compared(served, 1e-5)
    weight = served.module.layers[0].mlp.up_proj.weight
    split = weight.shape[0] == 4 * WIDTH // part.world()
    return passed and split, f"{detail}; a weight of {4 * WIDTH} rows has {weight.shape[0]} here"


def zero_inference(kept: dict[str, Any]) -> part.Verdict:
    """Whether ZeRO 3 without an optimizer gives plain torch's logits and words, its weights parted or on the CPU."""
    import deepspeed  # type: ignore[import-not-found,unused-ignore]

    settings = tiny.config(3, kept)
    del settings["optimizer"]
    deepspeed.init_distributed()
    with deepspeed.zero.Init(config_dict_or_path=settings):
        network = model(seed=1 + part.rank())  # the first process's weights count
    served = deepspeed.initialize(model=network, config=settings)[0]
    served.module.eval()
    passed, detail = compared(served, 1e-5)
    whole = [name for name, value in served.module.named_parameters() if value.numel()]
    return passed and not whole, f"{detail}; whole outside of their use: {', '.join(whole) or 'none'}"


PARTS: dict[str, Callable[[], Sequence[part.Question]]] = {
    "init-inference": lambda: [("logits and words as torch", served_whole)],
    "tensor-parallel": lambda: [("logits and words as torch", served_parted)],
    "zero-inference": lambda: [
        ("parameters parted, as torch", partial(zero_inference, {})),
        (
            "parameters on the CPU, as torch",
            partial(zero_inference, {"offload_param": {"device": "cpu", "pin_memory": True}}),
        ),
    ],
}

if __name__ == "__main__":
    part.main(PARTS)
