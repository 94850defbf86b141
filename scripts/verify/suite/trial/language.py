"""Small language models of Transformers with random weights, and texts that a model can learn.

Nothing is fetched: the models are made from their configurations. Their inner layers are four times as wide as the
outer ones: DeepSpeed's kernels for inference expect it.
"""

from __future__ import annotations

from typing import Any

import part  # type: ignore[import-not-found,unused-ignore]

WORDS, LENGTH = 64, 32


def llama(keys: int = 2, hidden: int = 128) -> Any:
    """A LLaMA of two layers, four heads and as many of keys as `keys` says."""
    import torch  # type: ignore[import-not-found,unused-ignore]
    from transformers import LlamaConfig, LlamaForCausalLM  # type: ignore[import-not-found,unused-ignore]

    torch.manual_seed(1)
    sizes = {"hidden_size": hidden, "intermediate_size": 4 * hidden, "num_hidden_layers": 2, "num_attention_heads": 4}
    return LlamaForCausalLM(
        LlamaConfig(vocab_size=WORDS, num_key_value_heads=keys, max_position_embeddings=128, **sizes)
    )


def gpt2() -> Any:
    """A GPT-2 of two layers, without dropout."""
    import torch  # type: ignore[import-not-found,unused-ignore]
    from transformers import GPT2Config, GPT2LMHeadModel  # type: ignore[import-not-found,unused-ignore]

    torch.manual_seed(1)
    quiet = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    return GPT2LMHeadModel(GPT2Config(vocab_size=WORDS, n_positions=128, n_embd=128, n_layer=2, n_head=4, **quiet))


def bert() -> Any:
    """A BERT of two layers that guesses masked words, without dropout."""
    import torch  # type: ignore[import-not-found,unused-ignore]
    from transformers import BertConfig, BertForMaskedLM  # type: ignore[import-not-found,unused-ignore]

    torch.manual_seed(1)
    sizes = {"hidden_size": 128, "intermediate_size": 512, "num_hidden_layers": 2, "num_attention_heads": 4}
    quiet = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return BertForMaskedLM(BertConfig(vocab_size=WORDS, max_position_embeddings=128, **sizes, **quiet))


def opt() -> Any:
    """An OPT of two layers, without dropout."""
    import torch  # type: ignore[import-not-found,unused-ignore]
    from transformers import OPTConfig, OPTForCausalLM  # type: ignore[import-not-found,unused-ignore]

    torch.manual_seed(1)
    sizes = {"hidden_size": 128, "ffn_dim": 512, "num_hidden_layers": 2, "num_attention_heads": 4}
    quiet = {"dropout": 0.0, "attention_dropout": 0.0, "word_embed_proj_dim": 128}
    return OPTForCausalLM(OPTConfig(vocab_size=WORDS, max_position_embeddings=128, **sizes, **quiet))


def texts(count: int, seed: int = 2) -> Any:
    """Rows of words, each the one before plus a step that the row keeps: what comes next can be learnt."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    source = torch.Generator().manual_seed(seed)
    first, step = (
        torch.randint(4, WORDS, (count, 1), generator=source),
        torch.randint(1, 4, (count, 1), generator=source),
    )
    return (4 + (first + step * torch.arange(LENGTH)) % (WORDS - 4)).to(part.device())


def prompt() -> Any:
    """The beginnings of two texts."""
    return texts(2)[:, :8]


def generated(model: Any, start: Any, count: int = 16) -> Any:
    """The words that the model finds most likely to follow."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    mask = torch.ones_like(start)
    return model.generate(start, attention_mask=mask, max_new_tokens=count, do_sample=False, pad_token_id=0)
