"""Scanned layers are lowered once: depth makes no larger program; state falls as 1 / fsdp."""

import dataclasses
import json

import pytest

from tests.tiny import forked
from vdit.config.model_config import ModelConfig
from vdit.planning import lowered
from vdit.planning.job import Job, mesh_of

MODEL = ModelConfig((2, 4, 4, 2), (1, 2, 2), 24, 4, 2, frequencies=16, vocabulary=9, text_length=4)


def operations(depth: int) -> int:
    """Of the training step as XLA is handed it; what it compiles grows with them."""
    model = dataclasses.replace(MODEL, depth=depth)
    return lowered.lowered(Job(model, 2, mesh_of("data=1"), None)).as_text().count(" = ")


def test_twenty_eight_layers_are_the_program_of_four():
    assert operations(28) == pytest.approx(operations(4), rel=0.01)


SPLIT = """
import json, jax
from vdit.config.model_config import ModelConfig
from vdit.parallel import sharding
from vdit.training.diffusion_loss import Init
from vdit.training.optimizer import OptimizerConfig
from vdit.training.step import compiled

model, found = ModelConfig((2, 4, 4, 2), (1, 2, 2), 64, 2, 2, vocabulary=9, text_length=4), {}
for fsdp in (1, 2, 8):
    mesh = sharding.make_mesh({"fsdp": fsdp}, devices=jax.devices()[:fsdp])
    with jax.set_mesh(mesh):
        create, _ = compiled(None, Init(model), OptimizerConfig(), mesh)
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
    found = json.loads(forked("-c", SPLIT, devices=8).stdout.splitlines()[-1])
    assert set(found) == {"params", "ema", "optimizer"}
    for name, held in found.items():
        shares = [held[0] / n for n in held]
        assert shares == pytest.approx([1, 2, 8], rel=0.1), name
    assert found["optimizer"][0] == pytest.approx(2 * found["params"][0], rel=0.01)
