"""The parts that families share, as in `vdit.models`: attention, MLP, and what goes in. No JAX."""

from vdit.config.model_config import ModelConfig, attended_tokens
from vdit.config.part import Part
from vdit.config.parts import CLIP, WORDS, Attention, Dense, Held, Norm, Table

INWARD = (None, "embed")  # from numbers that no device shares to the width
ONWARD = ("embed", "mlp")


def self_attention(c: ModelConfig, name: str, axis: str) -> list[Part]:
    """`vdit.models.attention.SelfAttention`, and the norm before it."""
    n, d = c.tokens + c.context, c.width
    return [
        Norm(n, d),
        Dense(f"{name}.qkv", n, d, 3 * d, ("embed", "heads")),
        *_head_norms(c, name, n, n),
        Attention(axis, n, attended_tokens(c, axis), n, d, c.heads),
        Dense(f"{name}.out", n, d, d, ("heads", "embed")),
    ]


def cross_attention(c: ModelConfig, name: str, caption_width: int) -> list[Part]:
    """`vdit.models.attention.CrossAttention`, and the norm before it; the words are shared."""
    n, m, d = c.tokens, c.text_length, c.width
    return [
        Norm(n, d),
        Dense(f"{name}.q", n, d, d, ("embed", "heads")),
        Dense(f"{name}.kv", m, caption_width, 2 * d, ("embed", "heads"), of=WORDS),
        *_head_norms(c, name, n, m),
        Attention(WORDS, n, m, m, d, c.heads),
        Dense(f"{name}.out", n, d, d, ("heads", "embed")),
    ]


def _head_norms(c: ModelConfig, name: str, queries: int, keys: int) -> list[Part]:
    rows = {"q_norm": queries, "k_norm": keys} if c.qk_norm else {}
    head = c.width // c.heads
    return [Norm(n, c.width, c.heads, "heads", f"{name}.{k}", head) for k, n in rows.items()]


def mlp(name: str, rows: int, width: int, hidden: int) -> list[Part]:
    """`vdit.models.layers.MLP`."""
    return [
        Dense(f"{name}.up", rows, width, hidden, ONWARD),
        Held(rows, hidden, "mlp"),
        Dense(f"{name}.down", rows, hidden, width, ("mlp", "embed")),
    ]


def inward(c: ModelConfig) -> list[Part]:
    """What goes into any network: patches, the timestep, the caption or label."""
    d = c.width
    return [
        Dense("patches", c.tokens, c.patch_numbers, d, INWARD, first=True),
        Dense("noise_level.up", c.timesteps, c.frequencies, d, INWARD, of=CLIP, first=True),
        Dense("noise_level.out", c.timesteps, d, d, ONWARD, of=CLIP),
        *_shape(c),
        *_caption(c),
    ]


def _shape(c: ModelConfig) -> list[Part]:
    """Three numbers of a clip, each by its sinusoids, as the timestep."""
    up = Dense("shape.up", 1, 3 * c.frequencies, c.width, INWARD, of=CLIP, first=True)
    out = Dense("shape.out", 1, c.width, c.width, ONWARD, of=CLIP)
    return [up, out] if c.shape_condition else []


def _caption(c: ModelConfig) -> list[Part]:
    """A caption is embedded and pooled; a label is a row of a table, and takes no product."""
    d, features, length = c.width, c.text_features, c.text_length
    if c.condition == "none":
        return []
    if c.condition == "label":
        return [Table("caption.table", c.vocabulary, d)]
    given = [
        Dense("caption.inward", length, features, d, INWARD, of=CLIP, first=True),
        Table("caption.null", 1, d),
    ]
    return [
        *(given if features else [Table("caption.words", c.vocabulary, d)]),
        Table("caption.places", length, d),
        Dense("caption.pool", 1, d, d, ONWARD, of=CLIP),
    ]
