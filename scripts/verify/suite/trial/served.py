"""The kernels for inference, of transformer_inference and of inference_core_ops, in fp16, bf16 and fp32.

Usage: python served.py OP
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import part  # type: ignore[import-not-found,unused-ignore]

SHORT = {"float16": "fp16", "bfloat16": "bf16", "float32": "fp32"}
MOST = {"float16": 3e-3, "bfloat16": 2e-2, "float32": 1e-4}  # a few roundings, relative


PRODUCTS = {**MOST, "float32": 1e-3}  # cuBLAS is told to use tensor cores, which take fp32 as TF32: 10 bits of mantissa


def load(op: str) -> Any:
    """The op's module, by DeepSpeed's own builder."""
    from deepspeed.ops.op_builder.all_ops import ALL_OPS  # type: ignore[import-not-found,unused-ignore]

    return ALL_OPS[op].load()


def noise(kind: str, *shapes: tuple[int, ...]) -> list[Any]:
    """Random tensors of these shapes on the GPU, the same at each call."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    torch.manual_seed(7)
    return [torch.randn(*shape, device=part.device(), dtype=getattr(torch, kind)) for shape in shapes]


def rms(values: Any, weight: Any) -> Any:
    """Each row divided by its root mean square, in fp32."""
    return values.float() * values.float().square().mean(dim=-1, keepdim=True).add(1e-5).rsqrt() * weight.float()


def normed(values: Any, weight: Any, bias: Any) -> Any:
    """Layer norm, in fp32."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    return torch.nn.functional.layer_norm(values.float(), (values.shape[-1],), weight.float(), bias.float(), 1e-5)


# ---------------------------------------------------------------- transformer_inference


def norms(kind: str) -> part.Verdict:
    """Layer norm and RMS norm, alone and after adding a residual."""
    module = load("transformer_inference")
    rows, more, weight, bias, extra = noise(kind, (2, 64, 512), (2, 64, 512), (512,), (512,), (512,))
    summed = rows.float() + more.float() + extra.float()
    added = module._layer_norm_residual(rows, extra, more, weight, bias, 1e-5)
    pre, kept = module.pre_rms_norm(rows, more, weight, 1e-5)
    stored, total = module.layer_norm_residual_store_pre_ln_res(rows, extra, more, weight, bias, 1e-5)
    pairs = {
        "layer norm": (module.layer_norm(rows, weight, bias, 1e-5), normed(rows, weight, bias)),
        "with residual": (added, normed(summed, weight, bias)),
        "keeping the sum": (stored, normed(summed, weight, bias)),
        "the sum": (total, summed),
        "RMS norm": (module.rms_norm(rows, weight, 1e-5), rms(rows, weight)),
        "RMS norm with residual": (pre, rms(rows.float() + more.float(), weight)),
        "its sum": (kept, rows.float() + more.float()),
    }
    return part.near(pairs, MOST[kind])


def activations(kind: str) -> part.Verdict:
    """Biases with and without an activation, gated activations, and a sum."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    module, short = load("transformer_inference"), SHORT[kind]
    rows, more, bias = noise(kind, (2, 64, 512), (2, 64, 512), (512,))
    summed = rows.float() + bias.float()
    first, gate = summed.chunk(2, dim=-1)
    functional = torch.nn.functional

    def ours(name: str) -> Any:
        return getattr(module, f"{name}_{short}")(rows.clone(), bias)

    pairs = {
        "bias": (ours("bias_add"), summed),
        "GELU": (ours("bias_gelu"), functional.gelu(summed, approximate="tanh")),
        "ReLU": (ours("bias_relu"), functional.relu(summed)),
        "gated GELU": (module.gated_activation(rows, bias, 3), first * functional.gelu(gate)),
        "gated SiLU": (module.gated_activation(rows, bias, 4), first * functional.silu(gate)),
        "sum": (module._vector_add(rows.clone(), more, 0.5), rows.float() * 0.5 + more.float()),
    }
    return part.near(pairs, MOST[kind])


def soft(kind: str) -> part.Verdict:
    """Softmax of attention scores, with a mask and without looking ahead."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    compute = getattr(load("transformer_inference"), f"softmax_{SHORT[kind]}")
    (scores,) = noise(kind, (2, 4, 64, 64))
    none = torch.empty(1, device=part.device())
    mask = torch.zeros(2, 1, 1, 64, device=part.device(), dtype=scores.dtype)
    mask[1, ..., 48:] = -10000.0
    ahead = torch.ones(64, 64, device=part.device(), dtype=torch.bool).triu(1)
    scaled = scores.float() * 0.5

    def ours(given: Any, triangular: bool) -> Any:
        return compute(scores.clone(), given, none, triangular, False, False, 1, False, 0.5, 0, 1)

    pairs = {
        "plain": (ours(none, False), scaled.softmax(dim=-1)),
        "masked": (ours(mask, False), (scaled + mask.float()).softmax(dim=-1)),
        "triangular": (ours(none, True), scaled.masked_fill(ahead, float("-inf")).softmax(dim=-1)),
    }
    return part.near(pairs, MOST[kind])


def products(kind: str) -> part.Verdict:
    """Products with matrices, in the workspace that the op keeps."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    module, short = load("transformer_inference"), SHORT[kind]
    getattr(module, f"allocate_workspace_{short}")(512, 8, 64, 2, 2, 1, False, 0, 256, 1)
    rows, weight, bias, gain, shift = noise(kind, (2, 64, 512), (1536, 512), (1536,), (512,), (512,))
    none = torch.empty(1)
    plain = getattr(module, f"vector_matmul_{short}")(rows, weight, False, none, False, True).clone()
    make = getattr(module, f"qkv_gemm_{short}")
    three, inner = (each.clone() for each in make(rows, weight, none, bias, gain, shift, 1e-5, True, False, True))
    right = normed(rows, gain, shift)
    pairs = {
        "matrix": (plain, rows.float() @ weight.float().T),
        "norm before query, key and value": (inner, right),
        "query, key and value": (three, right.to(rows.dtype).float() @ weight.float().T + bias.float()),
    }
    module.release_workspace()
    return part.near(pairs, PRODUCTS[kind])


# ---------------------------------------------------------------- inference_core_ops


def core_norms(kind: str) -> part.Verdict:
    """Layer norm and RMS norm, before and after adding a residual."""
    import torch  # type: ignore[import-not-found,unused-ignore]
    from deepspeed.inference.v2.kernels import core_ops as ops  # type: ignore[import-not-found,unused-ignore]

    rows, more, weight, bias = noise(kind, (64, 512), (64, 512), (512,), (512,))
    arguments = (512, getattr(torch, kind), 1e-5)
    summed = rows.float() + more.float()
    total, after = ops.CUDAFPPreLN(*arguments)(rows * 0, rows * 0, rows, more, weight, bias)
    rms_total, rms_after = ops.CUDARMSPreNorm(*arguments)(rows * 0, rows * 0, rows, more, weight)
    pairs = {
        "layer norm": (ops.CUDAFPLN(*arguments)(rows * 0, rows, weight, bias), normed(rows, weight, bias)),
        "norm after": (ops.CUDAFPPostLN(*arguments)(rows * 0, rows, more, weight, bias), normed(summed, weight, bias)),
        "sum kept": (total, summed),
        "norm of the sum": (after, normed(summed, weight, bias)),
        "RMS norm": (ops.CUDARMSNorm(*arguments)(rows * 0, rows, weight), rms(rows, weight)),
        "RMS sum kept": (rms_total, summed),
        "RMS norm of the sum": (rms_after, rms(summed, weight)),
    }
    return part.near(pairs, MOST[kind])


def core_activations(kind: str) -> part.Verdict:
    """A bias and an activation, and gates whose values lie beside each other."""
    import torch  # type: ignore[import-not-found,unused-ignore]
    from deepspeed.inference.v2.inference_utils import ActivationType as Act  # type: ignore[import-not-found,unused-ignore]
    from deepspeed.inference.v2.kernels import core_ops as ops  # type: ignore[import-not-found,unused-ignore]

    rows, bias = noise(kind, (64, 512), (512,))
    summed, functional = rows.float() + bias.float(), torch.nn.functional
    functions: dict[str, Callable[[Any], Any]] = {
        "GELU": partial(functional.gelu, approximate="tanh"),
        "RELU": functional.relu,
        "SILU": functional.silu,
        "IDENTITY": lambda values: values,
    }
    pairs = {}
    for name, function in functions.items() if kind != "float32" else ():
        got = rows.clone()
        ops.CUDABiasActivation(512, getattr(torch, kind), Act[name])(got, bias)
        pairs[name] = (got, function(summed))
    for name, plain in {"GEGLU": "GELU", "ReGLU": "RELU", "SiGLU": "SILU"}.items():
        got = rows[:, :256].clone() * 0
        ops.CUDAGatedActivation(256, getattr(torch, kind), Act[name])(got, rows, bias)
        pairs[name] = (got, functions[plain](summed[:, 0::2]) * summed[:, 1::2])
    return part.near(pairs, MOST[kind])


def core_product(kind: str) -> part.Verdict:
    """A product with a matrix by cuBLAS."""
    import torch  # type: ignore[import-not-found,unused-ignore]
    from deepspeed.inference.v2.kernels import core_ops as ops  # type: ignore[import-not-found,unused-ignore]

    rows, weight = noise(kind, (64, 512), (1024, 512))
    got = ops.BlasLibLinear(getattr(torch, kind))(torch.empty_like(rows @ weight.T), rows, weight)
    return part.near({"product": (got, rows.float() @ weight.float().T)}, PRODUCTS[kind])


def six_bits() -> part.Verdict:
    """A product with a matrix of floats of six bits: three of exponent, two of mantissa."""
    import torch  # type: ignore[import-not-found,unused-ignore]
    from deepspeed.inference.v2.kernels import core_ops as ops  # type: ignore[import-not-found,unused-ignore]

    reason = part.lacking("inference_core_ops")
    if not reason and torch.cuda.get_device_capability() >= (9, 0):
        reason = "upstream's kernel is for architecture 8.x only; on any other it stops by an assertion"
    if reason:
        return None, reason
    torch.manual_seed(7)
    numbers = [(m / 4 if e == 0 else 1 + m / 4) * 2.0 ** (max(e, 1) - 3) for e in range(8) for m in range(4)]
    table = torch.tensor([*numbers, *(-number for number in numbers)], dtype=torch.float16)
    weight = table[torch.randint(len(table), (512, 256))]
    scale = (torch.rand(512) + 0.5).half()
    rows = torch.randn(64, 256).half()
    linear = ops.CUDAWf6Af16Linear()
    two, four = linear.inf_module.preprocess_weight(weight)
    got = torch.empty(64, 512, dtype=torch.float16, device=part.device())
    linear(got, *(each.to(part.device()) for each in (rows, two, four, scale)), 512, 64, 256)
    return part.near({"product": (got, rows.float() @ (weight.float() * scale.float()[:, None]).T)}, 5e-3)


def in_each_type(op: str, asked: dict[str, Callable[[str], part.Verdict]]) -> list[part.Question]:
    """Each question in each type; skipped where the wheel does not have the op."""

    def skipped(kind: str) -> part.Verdict:
        return None, part.lacking(op)

    return [
        (f"{name}, {SHORT[kind]}", partial(skipped if part.lacking(op) else ask, kind))
        for name, ask in asked.items()
        for kind in SHORT
    ]


PARTS: dict[str, Callable[[], Sequence[part.Question]]] = {
    "transformer_inference": lambda: in_each_type(
        "transformer_inference",
        {"norms": norms, "activations": activations, "softmax": soft, "matrix products": products},
    ),
    "inference_core_ops": lambda: [
        *in_each_type(
            "inference_core_ops", {"norms": core_norms, "activations": core_activations, "matrix product": core_product}
        ),
        ("matrix product of six bits", six_bits),
    ],
}

if __name__ == "__main__":
    part.main(PARTS)
