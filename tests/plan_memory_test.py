"""Bytes on each device, against sums done by hand and against what a backward pass is handed."""

import dataclasses

import pytest

from tests.cost_model_test import H100, XL, job
from tests.flops_test import CONFIGS, handed_bytes
from vdit.config import flops
from vdit.config.activations import REMATS, saved
from vdit.config.devices import MESH_AXES
from vdit.config.part import Weight
from vdit.planning import cost_model, search
from vdit.planning.job import Job, mesh_of
from vdit.planning.weights import layer_weights, split_into


def test_an_axis_that_does_not_divide_stays_whole():
    weight = Weight("up.kernel", (8, 6), ("embed", "mlp"))
    assert split_into(weight, mesh_of("fsdp=4,tensor=2")) == 8
    assert split_into(weight, mesh_of("fsdp=4,tensor=4")) == 4  # 6 stays whole


@pytest.mark.parametrize("remat", REMATS)
@pytest.mark.parametrize(
    ("name", "depth"),
    [("wide", 16), ("interleaved", 16), ("context", 16), ("latte for text", 16), ("unet", 1)],
)
def test_what_remat_keeps_is_what_the_backward_pass_is_handed(name, depth, remat):
    """Of clips, by the difference of two batches; of weights, by what is left of either."""
    changes = {"width": 128, "depth": depth, "remat": remat, "dtype": "bfloat16"}
    model = dataclasses.replace(CONFIGS[name], **changes)
    three, five = (handed_bytes(model, batch) for batch in (3, 5))
    clip = (five - three) / 2
    assert sum(saved(model, remat)) == pytest.approx(clip, rel=0.03)
    if remat == "none":  # the weights as they entered the products, cast
        params = flops.count_params(model)["params_total"]
        assert (three - 3 * clip) / params == pytest.approx(2, rel=0.03)


def test_state_and_gradients_are_twenty_bytes_a_weight_split_over_fsdp():
    """ZeRO's (1910.02054) K + 8: four float32 of state, and the gradient."""
    params = flops.count_params(XL)["params_total"]
    found = cost_model.memory(job("fsdp=8", batch=32, remat="full"))
    held = found["weights_ema_moments"] + found["gradients"]
    assert held == pytest.approx(20 * params / 8, rel=6e-3)
    assert found["batch"] == 4 * 4 * (16 * 32 * 32 * 4 + 77)
    layer = sum(w.size for w, _ in layer_weights(XL))
    assert params / 28 > layer > 0.95 * params / 28


def test_tensor_splits_heads_and_hidden_units_and_context_all_tokens():
    """Bytes a number of a block: 2 x 6 of whole tokens, 2 x (4 + 8) that tensor splits."""
    plain = {"condition": "none", "qk_norm": False, "remat": "none"}
    whole, split, ends = 28 * 12, 28 * 24, 4
    tokens, patches, norms = 4096 * 1152, 2 * 4096 * 16, 4096 * (2 * 28 + 1) * 2 * 4
    for mesh, tensor, parts in [("tensor=4", 4, 1), ("tensor=4,context=2", 4, 2), ("fsdp=8", 1, 8)]:
        found = cost_model.memory(job(mesh, batch=8, **plain))["activations"]
        by_hand = 8 * (tokens * (whole + ends + split / tensor) + patches + norms) / parts
        assert found == pytest.approx(by_hand)


@pytest.mark.parametrize("remat", REMATS)
@pytest.mark.parametrize("axis", MESH_AXES)
def test_more_devices_never_take_more_memory(axis, remat):
    held = []
    for n in (2, 4, 8, 16):
        mesh = mesh_of("data=2,fsdp=2,tensor=2,context=2") | {axis: n}
        held.append(sum(cost_model.memory(Job(job(remat=remat).model, 1024, mesh, H100)).values()))
    assert held == sorted(held, reverse=True)
    assert held[0] > held[-1]


def test_more_recomputation_keeps_less_and_costs_more():
    jobs = search.with_remats(job(), REMATS)
    held = [sum(cost_model.memory(j).values()) for j in jobs]
    assert held == sorted(held, reverse=True)
    products = [cost_model.work(j)["products"] for j in jobs]
    assert products == sorted(products)
    forward, training = flops.forward_flops(XL), flops.training_flops(XL)
    assert products[2] / products[0] == pytest.approx((training + forward) / training)
    assert flops.recomputed_flops(jobs[1].model) == 0
