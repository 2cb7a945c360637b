"""The same models under the names of Hugging Face diffusers.

`DiTTransformer2DModel` is DiT with two differences: its noise level's waves have the period 10,000
at the last, where DiT's have it one after the last; and its norm before the MLP adds 1e-5 to the
variance, DiT's and ours 1e-6. `LatteTransformer3DModel` is Latte for text to video.
No positions are stored: they are the tables of the size that the model was trained at.
"""

from collections.abc import Iterable

import numpy as np

from vdit.config.model_config import ModelConfig, checked
from vdit.models import dit
from vdit.pretrained.infer import KeyNames, axes, common
from vdit.pretrained.names import WeightPath, dense

create = dit.create
CAPTION = "caption_projection.linear_1"
LABELS = "class_embedder.embedding_table.weight"
NOISE_LEVEL = {"dit": "transformer_blocks.0.norm1.emb", "latte": "adaln_single.emb"}
OUTPUT = {"dit": "proj_out_2", "latte": "proj_out"}
STACKS = {"transformer_blocks": "space", "temporal_transformer_blocks": "time"}


def names_are_these(weights: Iterable[str]) -> bool:
    """Whether a state dict's names are those of diffusers."""
    return any(name.startswith(("transformer_blocks.", "pos_embed.")) for name in weights)


def infer(weights: dict[str, np.ndarray], kind: str, heads: int) -> ModelConfig:
    """The `ModelConfig` of a model with these weights; `InputError` where none fits."""
    keys = KeyNames(
        patches="pos_embed.proj.weight",
        noise_level=f"{NOISE_LEVEL[kind]}.timestep_embedder.linear_1.weight",
        blocks="transformer_blocks",
        hidden="transformer_blocks.0.ff.net.0.proj.weight",
        output=f"{OUTPUT[kind]}.weight",
    )
    found = {"heads": heads, "positions": "sincos"} | common(weights, keys)
    if kind == "dit":
        half = found["frequencies"] // 2
        found["max_period"] = 10_000 ** (half / (half - 1))
        labels = axes(weights, f"{NOISE_LEVEL[kind]}.{LABELS}", 2)[0]
        return checked(ModelConfig(condition="label", vocabulary=labels, **found))
    found["depth"] *= 2  # of blocks over space there are half
    features = axes(weights, f"{CAPTION}.weight", 2)[1]
    return checked(ModelConfig(attention="latte", text_features=features, **found))


def weight_paths(config: ModelConfig) -> dict[str, WeightPath]:
    """Name to path, for every weight of a model of this config."""
    found = dense("pos_embed.proj", ("patches",), layout="conv")
    return found | (_latte if config.condition == "text" else _dit)(config)


def fixed_tables(_: ModelConfig) -> set[str]:
    """No tables are stored."""
    return set()


def _dit(config: ModelConfig) -> dict[str, WeightPath]:
    """DiT's; every block has a copy of what embeds noise level and label."""
    found = dense("proj_out_1", ("final_modulation",)) | dense("proj_out_2", ("output",))
    path = ("stages", 0, "blocks", 0)
    for i in range(config.depth):
        name = f"transformer_blocks.{i}"
        found |= _noise_level(f"{name}.norm1.emb")
        found[f"{name}.norm1.emb.{LABELS}"] = WeightPath(("caption", "table"), None, "labels")
        found |= dense(f"{name}.norm1.linear", (*path, "modulation"), i)
        found |= _attention(f"{name}.attn1", (*path, "attentions", 0), i, "qkv")
        found |= _mlp(name, path, i)
    return found


def _latte(config: ModelConfig) -> dict[str, WeightPath]:
    """Latte's; only the blocks over space see the caption."""
    found = _noise_level(NOISE_LEVEL["latte"]) | dense("adaln_single.linear", ("modulation",))
    if config.text_features:
        found |= dense(CAPTION, ("caption", "up"))
    else:  # a table is a layer without a bias, of tokens as rows of an identity
        found[f"{CAPTION}.weight"] = WeightPath(("caption", "words"), None, "kernel")
    found |= dense("caption_projection.linear_2", ("caption", "down"))
    found |= dense("proj_out", ("output",))
    found["scale_shift_table"] = WeightPath(("table",), None, "same")
    for i in range(config.depth // 2):
        for stack, block in STACKS.items():
            name, path = f"{stack}.{i}", ("layers", block)
            found[f"{name}.scale_shift_table"] = WeightPath((*path, "table"), i, "same")
            found |= _attention(f"{name}.attn1", (*path, "attention"), i, "qkv")
            if block == "space":
                found |= _attention(f"{name}.attn2", (*path, "cross"), i, "q", "kv")
            found |= _mlp(name, path, i)
    return found


def _noise_level(name: str) -> dict[str, WeightPath]:
    up = dense(f"{name}.timestep_embedder.linear_1", ("noise_level", "up"))
    return up | dense(f"{name}.timestep_embedder.linear_2", ("noise_level", "out"))


def _attention(name: str, path: tuple, layer: int, *groups: str) -> dict[str, WeightPath]:
    """Queries, keys and values apart, those of a group side by side in one layer of ours."""
    found = dense(f"{name}.to_out.0", (*path, "out"), layer)
    for group in groups:
        for i, letter in enumerate(group):
            part = (i, len(group))
            found |= dense(f"{name}.to_{letter}", (*path, group), layer, part=part)
    return found


def _mlp(name: str, path: tuple, layer: int) -> dict[str, WeightPath]:
    up = dense(f"{name}.ff.net.0.proj", (*path, "mlp", "up"), layer)
    return up | dense(f"{name}.ff.net.2", (*path, "mlp", "down"), layer)
