"""State dicts under diffusers' names, heads and captions that do not fit: each is named."""

import numpy as np
import pytest

from tests.diffusers_test import T, captions, clip, ours, theirs
from vdit.errors import InputError
from vdit.pretrained import from_torch

EMBED = "transformer_blocks.{}.norm1.emb."
QUERY = "transformer_blocks.1.attn1.to_q.weight"
COPY = EMBED.format(2) + "timestep_embedder.linear_2.bias"
LABELS = EMBED.format(1) + "class_embedder.embedding_table.weight"


@pytest.mark.parametrize(
    ("kind", "changes", "line"),
    [
        ("dit", {COPY: np.ones(24)}, r"s\.2\..*linear_2\.bias differs from .*s\.0\..*equal copies"),
        (
            "dit",
            {LABELS: np.ones((8, 24))},
            r"table\.weight differs from .*: expected equal copies",
        ),
        ("dit", {QUERY: None, COPY: None}, r"lacks .*1\.attn1\.to_q\.weight, .*2\.norm1\.emb\."),
        ("dit", {"spare": np.ones(3)}, r"has unknown spare: expected the names of kind=dit"),
        ("dit", {QUERY: np.ones((24, 20))}, r"to_q\.weight: shape \(24, 20\): expected \(24, 24\)"),
        ("dit", {"proj_out_2.weight": np.ones((13, 24))}, r"proj_out_2\.weight: 13 rows: expected"),
        ("dit", {"pos_embed.proj.weight": np.ones((24, 12))}, r"expected 4 axes"),
        ("latte", {"scale_shift_table": None}, r"lacks scale_shift_table: expected .* kind=latte"),
        ("latte", {"scale_shift_table": np.ones((6, 24))}, r"\(6, 24\): expected \(2, 24\)"),
        (
            "latte",
            {"temporal_transformer_blocks.3.ff.net.2.bias": np.ones(24)},
            r"has unknown temporal_transformer_blocks\.3\.ff",
        ),
        (
            "latte",
            {"transformer_blocks.1.attn2.to_v.bias": np.ones(12)},
            r"attn2\.to_v\.bias: shape \(12,\): expected \(24,\)",
        ),
    ],
)
def test_a_weight_that_does_not_fit_is_named(kind, changes, line):
    with pytest.raises(InputError, match=line) as caught:
        ours(kind, **changes)
    assert "\n" not in str(caught.value)


def test_kind_and_heads_that_do_not_fit_are_named():
    with pytest.raises(InputError, match=r"lacks adaln_single"):
        from_torch(theirs("dit")[1], "latte", 2)
    with pytest.raises(InputError, match=r"lacks transformer_blocks\.0\.norm1\.emb"):
        from_torch(theirs("latte")[1], "dit", 2)
    for kind in ("dit", "latte"):
        with pytest.raises(InputError, match=r"width 24: expected a multiple of 5 heads"):
            ours(kind, heads=5)


def test_captions_that_do_not_fit_are_named():
    x, words, mask = clip(4), captions(), np.ones((2, 7), bool)
    for y, seen, line in (
        (None, None, r"captions of shape \(\): expected \(2, S, 5\)"),
        (words[:1], None, r"captions of shape \(1, 6, 5\): expected \(2, S, 5\)"),
        (words[..., :4], None, r"captions of shape \(2, 6, 4\): expected"),
        (words, mask, r"mask of shape \(2, 7\): expected \(2, 6\)"),
        (words, np.arange(6) % 2 < [[1], [2]], r"mask: expected the words of a caption first"),
        (words, np.arange(6) < [[0], [2]], r"mask: expected the words of a caption first"),
    ):
        with pytest.raises(InputError, match=line):
            ours("latte")(x, T, y, seen)
    with pytest.raises(InputError, match="mask: expected none"):
        ours("dit")(clip(1), T, np.array([0, 1]), mask)
