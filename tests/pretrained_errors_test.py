"""State dicts, kinds, heads and inputs that do not fit a published model: each is named."""

import numpy as np
import pytest

from tests.pretrained_test import reference, taken
from vdit.errors import InputError
from vdit.pretrained import from_torch

QKV = "blocks.1.attn.qkv.weight"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({QKV: None, "blocks.0.mlp.fc2.bias": None}, r"lacks blocks\.0\.mlp\.fc2\.bias, blocks\.1"),
        ({"spare.weight": np.zeros(3)}, r"has unknown spare\.weight: expected .* kind=dit"),
        ({"temp_embed": np.zeros((1, 6, 48))}, r"has unknown temp_embed"),
        ({"pos_embed": None}, r"lacks pos_embed"),
        ({"pos_embed": np.zeros((1, 15, 48))}, r"pos_embed has 15 places: expected a square"),
        ({"pos_embed": np.zeros((1, 16, 40))}, r"pos_embed: shape \(1, 16, 40\): expected .* 48"),
        ({QKV: np.zeros((144, 40))}, r"qkv\.weight: shape \(144, 40\): expected \(144, 48\)"),
        ({QKV: np.zeros(144)}, r"qkv\.weight: shape \(144,\): expected \(144, 48\)"),
        ({"final_layer.linear.weight": np.zeros((17, 48))}, r"17 rows: expected 16.* or 32"),
        ({"x_embedder.proj.weight": np.zeros((48, 16))}, r"x_embedder.*: expected 4 axes"),
    ],
)
def test_a_weight_that_does_not_fit_is_named(changes, line):
    with pytest.raises(InputError, match=line) as caught:
        taken(reference("dit"), **changes)
    assert "\n" not in str(caught.value)


def test_kind_and_heads_that_do_not_fit_are_named():
    weights = reference("dit").weights
    with pytest.raises(InputError, match=r"kind='sora': expected one of dit, latte"):
        from_torch(weights, "sora", 4)
    with pytest.raises(InputError, match=r"lacks temp_embed"):
        from_torch(weights, "latte", 4)
    with pytest.raises(InputError, match=r"width 48: expected a multiple of 5 heads"):
        from_torch(weights, "dit", 5)
    with pytest.raises(InputError, match=r"lacks x_embedder\.proj\.weight"):
        from_torch({}, "dit", 4)


def test_inputs_that_do_not_fit_are_named():
    model, x, t = taken(reference("dit")), reference("dit")["x"], reference("dit")["t"]
    with pytest.raises(InputError, match=r"labels \[6 0\]: expected 0 to 5"):
        model(x, t, np.array([6, 0]))
    with pytest.raises(InputError, match=r"DiT takes T = 1 frame"):
        model(np.concatenate([x, x], axis=1), t)
    with pytest.raises(InputError, match=r"expected \(B, T, H, W, 4\)"):
        model(x[..., :3], t)
