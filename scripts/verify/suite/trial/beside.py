"""What stands beside the engine: the accelerator and op builders, configuration, data, compression.

Usage: python beside.py PART
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import part  # type: ignore[import-not-found,unused-ignore]
import prebuilt  # type: ignore[import-not-found,unused-ignore]
import tiny  # type: ignore[import-not-found,unused-ignore]

# ---------------------------------------------------------------- accelerator and op builders


def accelerated() -> part.Verdict:
    """Whether the accelerator is the wheel's, and what it makes lies where it says and computes as torch does."""
    import torch  # type: ignore[import-not-found,unused-ignore]
    from deepspeed.accelerator import get_accelerator  # type: ignore[import-not-found,unused-ignore]

    one = get_accelerator()
    values = torch.arange(12.0).reshape(3, 4).to(one.current_device_name())
    close, detail = part.near({"product": (values @ values.T, torch.arange(12.0).reshape(3, 4) @ values.cpu().T)}, 1e-6)
    named = (one._name, torch.device(one.current_device_name()).type)
    there = named == (prebuilt.accelerator_name(), values.device.type)
    return close and there and one.is_available(), f"{one._name} on {values.device}: {detail}"


def same_numbers() -> part.Verdict:
    """Whether the accelerator's random state, put back, gives the same numbers again."""
    import torch  # type: ignore[import-not-found,unused-ignore]
    from deepspeed.accelerator import get_accelerator  # type: ignore[import-not-found,unused-ignore]

    one = get_accelerator()
    one.manual_seed(5)
    state = one.get_rng_state()
    first = torch.randn(8, device=one.current_device_name())
    one.set_rng_state(state)
    return part.near({"numbers": (torch.randn(8, device=one.current_device_name()), first)}, 0.0)


def builders() -> part.Verdict:
    """Whether the accelerator makes the builder of each op of the wheel, and that builder loads the op."""
    from deepspeed.accelerator import get_accelerator  # type: ignore[import-not-found,unused-ignore]
    from deepspeed.ops.op_builder.all_ops import ALL_OPS  # type: ignore[import-not-found,unused-ignore]

    one, lacking = get_accelerator(), []
    ops = prebuilt.installed_ops()
    for op in ops:
        made = one.create_op_builder(type(ALL_OPS[op]).__name__)
        lacking += [] if made is not None and made.load() is not None else [op]
    return not lacking, f"{len(ops)} builders; without: {', '.join(lacking) or 'none'}"


def not_compiled() -> part.Verdict:
    """Whether an op that the wheel does not have is refused, and not compiled behind the user's back."""
    from deepspeed.ops.op_builder.all_ops import ALL_OPS  # type: ignore[import-not-found,unused-ignore]

    absent = sorted(set(ALL_OPS) - set(prebuilt.installed_ops()))
    if not absent:
        return None, "the wheel has every op"
    try:
        ALL_OPS[absent[0]].load()
    except Exception as error:  # noqa: BLE001 - any refusal is one
        return True, f"{absent[0]}: {type(error).__name__}"
    return False, f"{absent[0]} was loaded, and is not in the wheel"


# ---------------------------------------------------------------- configuration


def config_of(settings: Any) -> Any:
    """The configuration as DeepSpeed reads it."""
    from deepspeed.runtime.config import DeepSpeedConfig  # type: ignore[import-not-found,unused-ignore]

    return DeepSpeedConfig(settings)


def from_file() -> part.Verdict:
    """Whether a file gives what the same mapping does, and the size that is not stated follows from the others."""
    settings = {"train_micro_batch_size_per_gpu": 3, "gradient_accumulation_steps": 4, "bf16": {"enabled": True}}
    file = Path.cwd() / "settings.json"
    file.write_text(json.dumps({**settings, "zero_optimization": {"stage": 2}}), encoding="utf-8")
    read, given = config_of(str(file)), config_of({**settings, "zero_optimization": {"stage": 2}})
    found = [(each.train_batch_size, each.zero_optimization_stage) for each in (read, given)]
    return found == [(12, 2), (12, 2)], f"batch size and ZeRO stage from the file {found[0]}, from a mapping {found[1]}"


def refused(settings: dict[str, Any] | str) -> part.Verdict:
    """Whether a wrong configuration is an error."""
    if isinstance(settings, str):
        file = Path.cwd() / "wrong.json"
        file.write_text(settings, encoding="utf-8")
    try:
        config_of(settings if isinstance(settings, dict) else str(file))
    except Exception as error:  # noqa: BLE001 - whatever refuses it
        return True, f"{type(error).__name__}: {str(error).strip().splitlines()[0][:80] if str(error).strip() else ''}"
    return False, "it was taken"


WRONG: dict[str, Any] = {
    "sizes that contradict each other": {
        "train_batch_size": 10,
        "train_micro_batch_size_per_gpu": 3,
        "gradient_accumulation_steps": 2,
    },
    "no size of a batch": {"zero_optimization": {"stage": 1}},
    "a stage of ZeRO that is none": {"train_batch_size": 4, "zero_optimization": {"stage": 7}},
    "fp16 and bf16 at once": {"train_batch_size": 4, "fp16": {"enabled": True}, "bf16": {"enabled": True}},
    "a key that is there twice": '{"train_batch_size": 4, "train_batch_size": 8}',
}

# ---------------------------------------------------------------- data


def lengths() -> list[int]:
    """The lengths of made-up samples."""
    return [1 + (7 * number) % 16 for number in range(64)]


def analyzed(folder: Path) -> None:
    """Let the analyzer write the lengths of the samples to `folder`."""
    import torch  # type: ignore[import-not-found,unused-ignore]
    from deepspeed.runtime.data_pipeline.data_sampling.data_analyzer import (  # type: ignore[import-not-found,unused-ignore]
        DataAnalyzer,
    )

    samples = [torch.arange(16) < length for length in lengths()]
    analyzer = DataAnalyzer(
        samples,
        batch_size=8,
        metric_names=["length"],
        metric_functions=[lambda batch: batch.sum(dim=1)],
        metric_types=["single_value_per_sample"],
        metric_dtypes=[torch.int64],
        save_path=str(folder),
    )
    analyzer.run_map()
    analyzer.run_reduce()


def indexed(file: Path) -> list[list[int]]:
    """The rows of an indexed file."""
    from deepspeed.runtime.data_pipeline.data_sampling.indexed_dataset import (  # type: ignore[import-not-found,unused-ignore]
        MMapIndexedDataset,
    )

    rows = MMapIndexedDataset(str(file), skip_warmup=True)
    return [[int(value) for value in rows[number]] for number in range(len(rows))]


def measured() -> part.Verdict:
    """Whether the analyzer's files hold the length of each sample, and the samples of each length."""
    folder = Path.cwd() / "analysis"
    analyzed(folder)
    each = [value for row in indexed(folder / "length" / "length_sample_to_metric") for value in row]
    found = [row[0] for row in indexed(folder / "length" / "length_index_to_metric")]
    samples = indexed(folder / "length" / "length_index_to_sample")
    right = {length: [n for n, own in enumerate(lengths()) if own == length] for length in sorted(set(lengths()))}
    same = {length: sorted(row) for length, row in zip(found, samples, strict=True)} == right
    return each == lengths() and same, f"{len(each)} samples of {len(found)} lengths, in files"


def easy_first() -> part.Verdict:
    """Whether the sampler hands out short samples alone at first, and all of them at last."""
    from deepspeed.runtime.data_pipeline.data_sampling.data_sampler import (  # type: ignore[import-not-found,unused-ignore]
        DeepSpeedDataSampler,
    )

    folder = Path.cwd() / "curriculum"
    analyzed(folder)
    steps, least, most = 12, 4, 16
    schedule = {"total_curriculum_step": steps - 2, "difficulty_step": 4}
    metric = {
        "index_to_sample_path": str(folder / "length" / "length_index_to_sample"),
        "index_to_metric_path": str(folder / "length" / "length_index_to_metric"),
        "difficulty_type": "value",
        "clustering_type": "schedule_based",
        "min_difficulty": least,
        "max_difficulty": most,
        "schedule_type": "fixed_linear",
        "schedule_config": schedule,
    }
    curriculum = {"enabled": True, "data_cluster_path": str(folder / "clusters"), "curriculum_metrics": {"l": metric}}
    sampling = {"enabled": True, "num_epochs": 4, "num_workers": 0, "curriculum_learning": curriculum}
    settings = {"enabled": True, "seed": 3, "data_sampling": sampling}
    import deepspeed  # type: ignore[import-not-found,unused-ignore]
    import torch  # type: ignore[import-not-found,unused-ignore]

    deepspeed.init_distributed()
    group = torch.distributed.group.WORLD
    sampler = iter(DeepSpeedDataSampler(settings, len(lengths()), 8, 0, 1, group, 1, 0))
    longest = [max(lengths()[number] for number in next(sampler)) for _ in range(steps)]
    grows = longest[0] <= least and max(longest) == most and max(longest[:3]) < most
    return grows, f"longest sample of each batch: {', '.join(map(str, longest))}"


# ---------------------------------------------------------------- compression


def pruned() -> part.Verdict:
    """Whether pruning leaves the largest half of the weights, as sorting them in torch does, and the rest at 0."""
    import torch  # type: ignore[import-not-found,unused-ignore]
    from deepspeed.compression.compress import (  # type: ignore[import-not-found,unused-ignore]
        init_compression,
        redundancy_clean,
    )

    network = tiny.model()
    before = network[2].weight.detach().clone()
    shared = {"enabled": True, "schedule_offset": 0, "method": "l1"}
    group = {"half": {"params": {"dense_ratio": 0.5}, "modules": ["2"]}}
    settings = {"compression_training": {"sparse_pruning": {"shared_parameters": shared, "different_groups": group}}}
    network = init_compression(network, settings)
    for module in network.modules():
        if hasattr(module, "sparse_pruning_enabled"):
            module.sparse_pruning_enabled = True
    network = redundancy_clean(network, settings)
    after = network[2].weight.detach()
    border = before.abs().flatten().median()
    right = torch.where(before.abs() > border, before, torch.zeros_like(before))
    kept = float((after != 0).float().mean())
    passed, detail = part.near({"weights": (after, right)}, 2e-2)  # the one at the border may fall to either side
    return passed and abs(kept - 0.5) < 0.01, f"{kept:.1%} of the weights are left; {detail}"


PARTS: dict[str, Callable[[], Sequence[part.Question]]] = {
    "accelerator": lambda: [
        ("computes as torch", accelerated),
        ("random state comes back", same_numbers),
        ("builds each op's builder", builders),
        ("compiles nothing", not_compiled),
    ],
    "configuration": lambda: [
        ("from a file as from a mapping", from_file),
        *((f"refuses {name}", partial(refused, settings)) for name, settings in WRONG.items()),
    ],
    "data-analyzer": lambda: [("lengths of samples as counted by hand", measured)],
    "curriculum-sampler": lambda: [("short samples first", easy_first)],
    "compression": lambda: [("prunes the smaller half", pruned)],
}

if __name__ == "__main__":
    part.main(PARTS)
