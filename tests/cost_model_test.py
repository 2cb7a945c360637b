"""Traffic between devices and time of a step, each formula against a sum done by hand."""

import dataclasses

import pytest

from vdit.config import flops
from vdit.config.activations import kept
from vdit.config.devices import DEVICES
from vdit.config.model_config import ModelConfig
from vdit.config.sizes import size_of
from vdit.parallel import compiler
from vdit.planning import cost_model, search
from vdit.planning.job import Job, mesh_of

H100 = DEVICES["h100"]
XL = ModelConfig((16, 32, 32, 4), (1, 2, 2), *size_of("XL"), text_length=77, dtype="bfloat16")


def job(mesh: str = "data=1", batch: int = 64, shape: ModelConfig = XL, **changes) -> Job:
    return Job(dataclasses.replace(shape, **changes), batch, mesh_of(mesh), H100)


def traffic(asked: Job) -> dict:
    return {(c.kind, c.axis): c for c in cost_model.collectives(asked)}


# --- one collective -------------------------------------------------------------------------------


def test_bytes_that_a_device_sends():
    assert cost_model.sent("all-reduce", 800, 8) == 2 * 800 * 7 / 8
    assert cost_model.sent("all-gather", 800, 8) == cost_model.sent("reduce-scatter", 800, 8) == 700
    assert cost_model.sent("all-to-all", 100, 4) == 75
    assert cost_model.sent("all-reduce", 800, 1) == 0


@pytest.mark.parametrize(
    ("kind", "n", "stride", "expected"),
    [
        ("all-gather", 8, 1, 7 / 8 / 450e9),  # one node
        ("all-reduce", 4, 8, 2 * 3 / 4 / 50e9),  # one GPU of each of four nodes
        ("all-gather", 32, 1, 3 / 4 / (8 * 50e9)),  # four whole nodes, eight adapters each
        ("all-gather", 16, 4, 7 / 8 / (2 * 50e9)),  # two GPUs of each of eight nodes
        ("all-gather", 6, 1, 5 / 6 / 450e9),  # a part of a node
        ("all-to-all", 16, 1, 8 / 16 / 50e9),  # half of it leaves the node
        ("all-to-all", 8, 1, 7 / 8 / 450e9),
    ],
)
def test_seconds_follow_the_slower_link(kind, n, stride, expected):
    found = cost_model.seconds(kind, 1.0, n, stride, H100)
    assert found == pytest.approx(expected / cost_model.LINKS)


def test_device_table():
    for found in DEVICES.values():
        assert {compiler.PEAK_FLOPS[kind] for kind in found.kinds} == {found.peak}


# --- the collectives of a step --------------------------------------------------------------------


def test_weights_and_gradients_travel_as_zero_says():
    params = flops.count_params(XL)["params_total"]
    found = traffic(job("data=4,fsdp=8"))
    assert set(found) == {
        ("all-gather", "fsdp"),
        ("reduce-scatter", "fsdp"),
        ("all-reduce", "data"),
    }
    assert found["all-gather", "fsdp"].bytes == pytest.approx(2 * 2 * params * 7 / 8)
    assert found["reduce-scatter", "fsdp"].bytes == pytest.approx(2 * params * 7 / 8)
    # Each device reduces its eighth over four, and biases of heads and hidden units, whole.
    expected = 2 * 2 * params / 8 * 3 / 4
    assert found["all-reduce", "data"].bytes == pytest.approx(expected, rel=6e-3)
    assert traffic(job("data=1")) == {}


def test_tensor_parallel_blocks_reduce_behind_attention_cross_attention_and_mlp():
    tokens = 4 * 4096 * 1152 * 2  # clips, tokens, width, bytes
    for remat, times in [("none", 2), ("dots", 2), ("full", 3)]:
        found = traffic(job("data=16,tensor=4", remat=remat))["all-reduce", "tensor"]
        assert found.count == 28 * 3 * times
        assert found.bytes == pytest.approx(28 * 3 * times * 2 * tokens * 3 / 4)
    alone = traffic(job("tensor=2", condition="none"))["all-reduce", "tensor"]
    assert alone.count == 28 * 2 * 2


def test_context_gathers_keys_and_values_of_full_attention():
    found = traffic(job("context=4,tensor=2"))
    keys = 28 * 2 * 64 * 4096 * 1152 / 2 * 2
    assert found["all-gather", "context"].bytes == pytest.approx(keys * 3 / 4)
    assert found["reduce-scatter", "context"].bytes == pytest.approx(keys * 3 / 4)
    again = traffic(job("context=4,tensor=2", remat="full"))["all-gather", "context"]
    assert again.bytes == pytest.approx(2 * keys * 3 / 4)
    assert found["all-reduce", "context"].what == "gradients"


def test_context_switches_tokens_around_attention_over_time():
    own = 64 * 1024 * 1152 * 2  # a quarter of 4096 tokens
    for attention, over_time in [("interleaved", 14), ("factorised", 28), ("split_heads", 28)]:
        found = traffic(job("context=4", attention=attention))["all-to-all", "context"]
        assert found.bytes == pytest.approx(over_time * 2 * 2 * own * 3 / 4)


# --- time -----------------------------------------------------------------------------------------


def test_a_lone_device_by_hand():
    found = search.predict(job(batch=2))
    products = 2 * flops.training_flops(XL) / (0.65 * 989.5e12)
    moved = 3 * 2 * sum(kept(XL, "none")[:2]) / 3.35e12
    update = 44 * flops.count_params(XL)["params_total"] / 3.35e12
    assert found["step_s"] == pytest.approx(products + moved + update)
    assert found["mfu"] == pytest.approx(2 * flops.training_flops(XL) / 989.5e12 / found["step_s"])
    assert found["weak_scaling"] == pytest.approx(1)
    slow = search.predict(job(batch=2, dtype="float32"))
    assert slow["seconds"]["products"] == pytest.approx(2 * products)  # TF32


def test_traffic_of_weights_hides_behind_work_and_that_of_tokens_does_not():
    for mesh, batch in [("fsdp=8", 64), ("data=512", 512)]:
        asked = job(mesh, batch)
        found, own = search.predict(asked), sum(cost_model.work(asked).values())
        moving = sum(c["seconds"] for c in found["collectives"])
        assert found["step_s"] == pytest.approx(own + moving - 0.8 * min(own, moving))
    asked = job("tensor=8", 8)
    moving = sum(c.seconds for c in cost_model.collectives(asked))
    assert search.predict(asked)["seconds"]["tokens_between_devices"] == pytest.approx(moving)


def test_weak_scaling_falls_with_nodes_and_rises_with_work():
    def found(n, clips=1):
        return search.predict(job(f"data={n}", clips * n))["weak_scaling"]

    assert 1 > found(8) > found(16) > found(512) > found(4096) > 0
    assert found(512, clips=16) > found(512, clips=4) > found(512)
