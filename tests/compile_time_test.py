"""Scanned layers are compiled once: depth costs nothing; state falls as 1 / fsdp."""

import dataclasses
import json
import time

import jax
import pytest

from tests.tiny import python
from vdit.config.model_config import ModelConfig
from vdit.planning import lowered
from vdit.planning.job import Job, mesh_of

SHAPE = ModelConfig((2, 4, 4, 2), (1, 2, 2), 24, 4, 2, frequencies=16, vocabulary=9, text_length=4)


def cost(depth: int, width: int) -> tuple[float, int]:
    """(seconds of this process's CPU to compile the training step, instructions of its program).

    Every width is another program, which no cache knows.
    """
    shape = dataclasses.replace(SHAPE, depth=depth, width=width)
    began = time.process_time()
    program = lowered.compiled(Job(shape, 2, mesh_of("data=1"), None))
    return time.process_time() - began, program.as_text().count(" = ")


@pytest.fixture
def uncached():
    """No program is read from a cache."""
    jax.config.update("jax_enable_compilation_cache", False)
    yield
    jax.config.update("jax_enable_compilation_cache", True)


def test_twenty_eight_layers_compile_as_fast_as_four(uncached):
    cost(2, 20)  # what is imported and traced once for all
    for width in (24, 32):  # a second pair where the machine was busy in the first
        (shallow_s, shallow), (deep_s, deep) = (cost(depth, width) for depth in (4, 28))
        assert deep < 1.1 * shallow
        if deep_s < 1.5 * shallow_s:
            return
    pytest.fail(f"28 layers compile in {deep_s:.1f} s, 4 in {shallow_s:.1f} s")


SPLIT = """
import json, sys, jax, numpy as np
from vdit import sharding, train
from vdit.training.optimizer import Recipe
from vdit.config.sizes import Shape
from vdit.training.programs import Init

init, found = Init(Shape((2, 4, 4, 2), (1, 2, 2), 64, 2, 2, vocabulary=9, text_length=4)), {}
for fsdp in (1, 2, 4, 8):
    mesh = sharding.make_mesh({"fsdp": fsdp}, devices=jax.devices()[:fsdp])
    with jax.set_mesh(mesh):
        create, _ = train.compiled(None, init, Recipe(), mesh)
        state = create(jax.random.key(0))
    for name in ("params", "ema", "optimizer"):
        held = dict.fromkeys(jax.devices()[:fsdp], 0)
        for leaf in jax.tree.leaves(getattr(state, name)):
            for shard in leaf.addressable_shards:
                held[shard.device] += shard.data.nbytes
        assert len(set(held.values())) == 1, held
        found.setdefault(name, []).append(held.popitem()[1])
print(json.dumps(found))
"""


def test_weights_average_and_moments_fall_as_one_over_fsdp():
    """Of real arrays: what lies on each device, in bytes."""
    found = json.loads(python("-c", SPLIT, devices=8).stdout.splitlines()[-1])
    assert set(found) == {"params", "ema", "optimizer"}
    for name, held in found.items():
        shares = [held[0] / n for n in held]
        assert shares == pytest.approx([1, 2, 4, 8], rel=0.1), name
    assert found["optimizer"][0] == pytest.approx(2 * found["params"][0], rel=0.01)
