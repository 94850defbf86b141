"""The small ops on the GPU, each function of theirs that has a plain counterpart in torch.

Usage: python kernels.py OP
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import part  # type: ignore[import-not-found,unused-ignore]


def load(op: str) -> Any:
    """The op's module, by DeepSpeed's own builder."""
    from deepspeed.ops.op_builder.all_ops import ALL_OPS  # type: ignore[import-not-found,unused-ignore]

    return ALL_OPS[op].load()


def noise(*shape: int, dtype: str = "float16") -> Any:
    """Random values on the GPU, the same at each start."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    torch.manual_seed(7)
    return torch.randn(*shape, device=part.device(), dtype=getattr(torch, dtype))


# ---------------------------------------------------------------- quantizer


def round_trip(bits: int, symmetric: bool, fp32: bool) -> part.Verdict:
    """Whether no value moves by more than a step when it is quantized and made back."""
    module = load("quantizer")
    kind = module.Symmetric if symmetric else module.Asymmetric
    values = noise(16, 512)
    packed, scales = module.quantize(values, 16, bits, kind)
    back = (module.dequantize_fp32 if fp32 else module.dequantize)(packed, scales, 16, bits, kind).float()
    values = values.float()
    low, high = values.amin(dim=1, keepdim=True), values.amax(dim=1, keepdim=True)
    span = 2 * values.abs().amax(dim=1, keepdim=True) if symmetric else high - low
    moved = float(((back - values).abs() / (span / (2**bits - 1))).max())
    return moved <= 1.1 and back.shape == values.shape, f"moved by {moved:.3f} steps, may be 1.1"


def swizzled() -> part.Verdict:
    """Whether quantizing for one node with two GPUs holds the same values, in the order of the receivers."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    module = load("quantizer")
    values = noise(16, 512)
    packed, scales = module.swizzle_quant(values, 16, 8, module.Symmetric, 1, 1, 2)
    back = module.dequantize(packed.reshape(16, 512), scales, 16, 8, module.Symmetric).float()
    step = float(values.float().abs().max() * 2 / 255)
    apart = float((back.flatten().sort().values - values.float().flatten().sort().values).abs().max())
    return apart <= 1.1 * step and bool(torch.isfinite(back).all()), f"{apart:.4f} apart, may be {1.1 * step:.4f}"


def reduced() -> part.Verdict:
    """Whether the sum of what two GPUs sent, each quantized, is the sum of their values."""
    module = load("quantizer")
    values = noise(2, 8192)
    packed, scales = module.quantize(values, 16, 8, module.Symmetric)
    summed, sum_scales = module.quantized_reduction(packed, scales, 16, 8, 8, module.Symmetric, 2)
    got = module.dequantize(summed.reshape(-1)[:8192].reshape(8, 1024), sum_scales, 8, 8, module.Symmetric)
    return part.near({"sum": (got.float().flatten(), values.float().sum(dim=0))}, 2e-2)


def scaled_back(bits: int) -> part.Verdict:
    """Whether whole numbers of 4 or 8 bits become their value divided by the scale, plus the least value."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    module = load("quantizer")
    torch.manual_seed(7)
    numbers = torch.randint(0, 2**bits, (64, 128), device=part.device(), dtype=torch.uint8)
    scale = torch.rand(64, device=part.device()).add(1).half()
    least = noise(64)
    make = getattr(module, f"dequantize_int{bits}_to_half_experimental")
    packed = numbers if bits == 8 else (numbers[:, 0::2] << 4) + numbers[:, 1::2]
    got = make(packed.contiguous(), scale, least, 64, 128)
    return part.near({"values": (got, numbers.float() / scale[:, None].float() + least[:, None].float())}, 2e-3)


def quantizer() -> Sequence[part.Question]:
    """The questions about the quantizer."""
    ways = [(bits, symmetric, fp32) for bits in (4, 8) for symmetric in (True, False) for fp32 in (True, False)]
    named = {True: "symmetric", False: "asymmetric"}
    trips: list[part.Question] = [
        (f"{bits} bits {named[way]}, back to {'fp32' if fp32 else 'fp16'}", partial(round_trip, bits, way, fp32))
        for bits, way, fp32 in ways
    ]
    back: list[part.Question] = [(f"{bits} bits back by a scale", partial(scaled_back, bits)) for bits in (4, 8)]
    return [*trips, *back, ("swizzled", swizzled), ("reduction", reduced)]


# ---------------------------------------------------------------- random_ltd


def chosen(rows: int = 2, tokens: int = 64, kept: int = 24) -> Any:
    """For each row some of the tokens' numbers, in order."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    torch.manual_seed(8)
    picks = [torch.randperm(tokens, device=part.device())[:kept].sort().values for _ in range(rows)]
    return torch.stack(picks).to(torch.int32)


def gathered(dtype: str, batch_first: bool) -> part.Verdict:
    """Whether the chosen tokens are taken out, and put back where they were."""
    module, picks = load("random_ltd"), chosen()
    tokens = noise(2, 64, 128, dtype=dtype)
    index = picks.long()[..., None].expand(-1, -1, 128)
    given = tokens if batch_first else tokens.transpose(0, 1).contiguous()
    taken = module.token_gather(given, picks, batch_first)
    put = module.token_scatter_((given * 0).contiguous(), taken, picks, batch_first)
    if not batch_first:
        taken, put = taken.transpose(0, 1), put.transpose(0, 1)
    right = tokens.gather(1, index)
    return part.near({"taken": (taken, right), "put": (put, (tokens * 0).scatter(1, index, right))}, 0.0)


def ordered() -> part.Verdict:
    """Whether the numbers of tokens are sorted."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    torch.manual_seed(9)
    rows = [torch.randperm(128, device=part.device())[:48] for _ in range(6)]
    numbers = torch.stack(rows).reshape(2, 3, 48).to(torch.int32)
    right = numbers.sort(dim=-1).values
    return part.near({"order": (load("random_ltd").token_sort_(numbers, 128), right)}, 0.0)


def masked() -> part.Verdict:
    """Whether the masks of the chosen tokens are cut out of the whole ones."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    module, picks = load("random_ltd"), chosen()
    mask = noise(2, 1, 64, 64, dtype="float32")
    bert = torch.stack([mask[row, :, picks[row].long()][:, :, picks[row].long()] for row in range(2)])[None]
    pairs = {
        "BERT": (module.mask_gather_bert(mask, picks[None].contiguous()), bert),
        "GPT": (module.mask_gather_gpt(mask, 24), mask[:, :, :24, :24]),
    }
    return part.near(pairs, 0.0)


def random_ltd() -> Sequence[part.Question]:
    """The questions about dropping tokens."""
    ways = [(dtype, first) for dtype in ("float16", "float32") for first in (True, False)]
    return [
        *(
            (f"gather and scatter {dtype}, batch {'first' if first else 'second'}", partial(gathered, dtype, first))
            for dtype, first in ways
        ),
        ("sort", ordered),
        ("masks", masked),
    ]


# ---------------------------------------------------------------- spatial_inference, utils, pin_memory, ragged_ops


def biased() -> part.Verdict:
    """Whether biases are added to the channels of images, with one more image and its bias."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    module = load("spatial_inference")
    both = noise(4, 128, 16, 16)
    first, second = (half.contiguous(memory_format=torch.channels_last) for half in both.split(2))
    one, two = noise(256).split(128)
    wide = [bias.float()[:, None, None] for bias in (one, two)]
    pairs = {
        "bias": (module.nhwc_bias_add(first, one), first.float() + wide[0]),
        "bias and image": (module.nhwc_bias_add_add(first, one, second), first.float() + wide[0] + second.float()),
        "both with bias": (
            module.nhwc_bias_add_bias_add(first, one, second, two),
            first.float() + wide[0] + second.float() + wide[1],
        ),
    }
    return part.near(pairs, 1e-3)


def as_bytes() -> part.Verdict:
    """Whether tensors of each type are seen as their bytes, in place."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    module, pairs = load("utils"), {}
    for dtype in (torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8):
        values = (noise(257, dtype="float32") * 50).abs().to(dtype)
        pairs[str(dtype)] = (module.cast_to_byte_tensor(values), values.view(torch.uint8))
        pairs[f"list of {dtype}"] = (module.cast_to_byte_tensor([values])[0], values.view(torch.uint8))
    return part.near(pairs, 0.0)


def pinned() -> part.Verdict:
    """Whether page-locked memory is made, known as such, copied to the GPU, and given back."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    handle = load("pin_memory").pin_handle()
    memory = handle.new_cpu_locked_tensor(100_000, torch.empty(0))
    memory.copy_(torch.arange(100_000))
    known, strange = handle.is_pinned(memory), handle.is_pinned(torch.empty(8))
    passed, detail = part.near({"copy": (memory.to(part.device()), torch.arange(100_000.0))}, 0.0)
    freed = handle.free_cpu_locked_tensor(memory)
    return passed and known and not strange and freed, f"{detail}; known: {known}, freed: {freed}"


def host_buffer() -> part.Verdict:
    """Whether a buffer of the host is made for a tensor of the GPU, and views of both lie where they should."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    module = load("ragged_ops")
    there = torch.zeros(64, 32, device=part.device(), dtype=torch.int32)
    here = module.allocate_fast_host_buffer(there)
    here.copy_(torch.arange(2048, dtype=torch.int32).reshape(64, 32))
    there.copy_(here)
    right = torch.arange(2048, device=part.device()).reshape(64, 32)
    like = torch.zeros(8, 32, dtype=torch.int32)
    view = module.allocate_view_on(like, there, 4 * 64)
    shaped = module.allocate_view_like((4, 16), (16, 1), like, there, 4 * 128)
    pairs = {
        "copy": (there, right),
        "view": (view, right.flatten()[64 : 64 + 256].reshape(8, 32)),
        "shaped view": (shaped, right.flatten()[128 : 128 + 64].reshape(4, 16)),
    }
    return part.near(pairs, 0.0)


# ---------------------------------------------------------------- ops that a wheel has only on request


def stored() -> part.Verdict:
    """Whether what is written to a file from page-locked memory, and from the GPU, is read back."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    part.make_pinned()
    handle, pairs = load("async_io").aio_handle(1 << 20, 16, False, True, 2), {}
    with tempfile.TemporaryDirectory(dir=os.getcwd(), ignore_cleanup_errors=True) as folder:  # noqa: PTH109
        for place in ("cpu", part.device()):
            file = str(Path(folder) / place.replace(":", ""))
            values = torch.arange(1 << 20, dtype=torch.float32).to(place)
            values = values.pin_memory() if place == "cpu" and torch.cuda.is_available() else values
            back = torch.zeros_like(values)
            back = back.pin_memory() if values.is_pinned() else back
            handle.sync_pwrite(values, file, 0)
            handle.sync_pread(back, file, 0)
            pairs[place] = (back, values)
    return part.near(pairs, 0.0)


def small_floats(bits: int, most: float) -> part.Verdict:
    """Whether values quantized to floats of few bits come back."""
    import torch  # type: ignore[import-not-found,unused-ignore]
    from deepspeed.linear.config import QuantizationConfig  # type: ignore[import-not-found,unused-ignore]
    from deepspeed.ops.fp_quantizer import FP_Quantize  # type: ignore[import-not-found,unused-ignore]

    quantizer = FP_Quantize(QuantizationConfig(group_size=512))
    values = noise(64, 512, dtype="bfloat16")
    packed = quantizer.quantize(values.clone(), q_bits=bits)
    back = quantizer.dequantize(packed, q_bits=bits)
    torch.cuda.synchronize()
    return part.near({"values": (back, values)}, most)


def unless_missing(op: str, questions: Sequence[part.Question]) -> Callable[[], Sequence[part.Question]]:
    """The questions; a skipped one where the wheel does not have the op."""

    def skipped() -> part.Verdict:
        return None, part.lacking(op)

    return lambda: [("op", skipped)] if part.lacking(op) else questions


FEW_BITS = {12: 0.02, 8: 0.04, 6: 0.08, 4: 0.25}  # half of the last bit's weight, and some
PARTS: dict[str, Callable[[], Sequence[part.Question]]] = {
    "quantizer": unless_missing("quantizer", quantizer()),
    "random_ltd": unless_missing("random_ltd", random_ltd()),
    "spatial_inference": unless_missing("spatial_inference", [("biases of images", biased)]),
    "utils": unless_missing("utils", [("tensors as bytes", as_bytes)]),
    "pin_memory": unless_missing("pin_memory", [("page-locked memory", pinned)]),
    "ragged_ops": unless_missing("ragged_ops", [("buffers of the host", host_buffer)]),
    "async_io": unless_missing("async_io", [("write and read", stored)]),
    "fp_quantizer": unless_missing(
        "fp_quantizer",
        [(f"{bits} bits and back", partial(small_floats, bits, most)) for bits, most in FEW_BITS.items()],
    ),
}

if __name__ == "__main__":
    part.main(PARTS)
