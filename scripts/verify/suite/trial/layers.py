"""DeepSpeed's transformer layer for training, as it is and stochastic: output and gradients must be torch's.

Usage: python layers.py OP
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import part  # type: ignore[import-not-found,unused-ignore]

HIDDEN, HEADS, WIDE = 256, 4, 1024


def layer(stochastic: bool, pre_norm: bool, fp16: bool, **more: Any) -> Any:
    """One layer with random weights, without dropout."""
    import torch  # type: ignore[import-not-found,unused-ignore]
    from deepspeed.ops.transformer import (  # type: ignore[import-not-found,unused-ignore]
        DeepSpeedTransformerConfig,
        DeepSpeedTransformerLayer,
    )

    torch.manual_seed(1)
    made = DeepSpeedTransformerLayer(
        DeepSpeedTransformerConfig(
            batch_size=2,
            hidden_size=HIDDEN,
            intermediate_size=WIDE,
            heads=HEADS,
            attn_dropout_ratio=0.0,
            hidden_dropout_ratio=0.0,
            num_hidden_layers=1,
            initializer_range=0.05,
            layer_norm_eps=1e-5,
            local_rank=0,
            seed=3,
            fp16=fp16,
            pre_layer_norm=pre_norm,
            stochastic_mode=stochastic,
            **more,
        )
    )
    for name, value in made.named_parameters():
        if name.endswith("b"):
            value.data.normal_(std=0.1)  # biases that are zero would prove nothing
    return made.to(part.device(), torch.float16 if fp16 else torch.float32)


def by_torch(weights: Any, values: Any, mask: Any, pre_norm: bool) -> Any:
    """The same layer written out in torch."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    linear, norm = torch.nn.functional.linear, torch.nn.functional.layer_norm
    inner = norm(values, (HIDDEN,), weights["norm_w"], weights["norm_b"], 1e-5) if pre_norm else values
    three = linear(inner, weights["attn_qkvw"], weights["attn_qkvb"]).chunk(3, dim=-1)
    query, key, value = (each.unflatten(-1, (HEADS, -1)).transpose(1, 2) for each in three)
    odds = (query @ key.transpose(2, 3) / (HIDDEN // HEADS) ** 0.5 + mask).softmax(dim=-1)
    attended = linear((odds @ value).transpose(1, 2).flatten(2), weights["attn_ow"], weights["attn_ob"]) + values
    normed = norm(attended, (HIDDEN,), weights["attn_nw"], weights["attn_nb"], 1e-5)
    raised = torch.nn.functional.gelu(linear(normed, weights["inter_w"], weights["inter_b"]), approximate="tanh")
    result = linear(raised, weights["output_w"], weights["output_b"]) + (attended if pre_norm else normed)
    return result if pre_norm else norm(result, (HIDDEN,), weights["norm_w"], weights["norm_b"], 1e-5)


def compared(stochastic: bool, pre_norm: bool, fp16: bool, **more: Any) -> part.Verdict:
    """Whether the layer's output, its gradients and the input's are those of torch in fp32."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    made = layer(stochastic, pre_norm, fp16, **more)
    weights = {name: value.detach().float().requires_grad_() for name, value in made.named_parameters()}
    torch.manual_seed(2)
    start = torch.randn(2, 128, HIDDEN, device=part.device())
    pull = torch.randn(2, 128, HIDDEN, device=part.device()) / 100
    mask = torch.zeros(2, 1, 1, 128, device=part.device())
    mask[1, ..., 96:] = -10000.0  # the second row is shorter
    ours, theirs = (start.detach().clone().to(kind).requires_grad_() for kind in (made.attn_ow.dtype, torch.float32))
    got = made(ours, mask.to(made.attn_ow.dtype))
    right = by_torch(weights, theirs, mask, pre_norm)
    got.backward(pull.to(got.dtype))
    right.backward(pull)
    gradients = {name: (value.grad, weights[name].grad) for name, value in made.named_parameters()}
    pairs = {"output": (got, right), "gradient of the input": (ours.grad, theirs.grad), **gradients}
    return part.near(pairs, 2e-2 if fp16 else 5e-3)


def questions(op: str) -> Sequence[part.Question]:
    """The questions about one of the two ops."""
    if part.lacking(op):
        return [("layer", lambda: (None, part.lacking(op)))]
    stochastic = op == "stochastic_transformer"
    plain: list[part.Question] = [
        (
            f"{'pre' if pre else 'post'}-norm layer, {'fp16' if half else 'fp32'}",
            partial(compared, stochastic, pre, half),
        )
        for pre in (True, False)
        for half in (True, False)
    ]
    saving = {"gelu_checkpoint": True, "attn_dropout_checkpoint": True}
    return [*plain, ("saving memory, fp16", partial(compared, stochastic, True, True, **saving))]


PARTS: dict[str, Callable[[], Sequence[part.Question]]] = {
    op: partial(questions, op) for op in ("transformer", "stochastic_transformer")
}

if __name__ == "__main__":
    part.main(PARTS)
