"""A checkpoint of one mesh on another: every value, in its new place."""

from tests.tiny import forked

SCRIPT = """
import pathlib, sys, jax, numpy as np
from tests.tiny import config
from vdit.data import pipeline
from vdit.parallel import sharding
from vdit.runs import checkpoint
from vdit.runs.checkpointer import Checkpointer
from vdit.training import startup
from vdit.training.diffusion_task import DiffusionTask

tmp = pathlib.Path(sys.argv[1])
made = config(tmp, **{"model.depth": 1, "optimizer.flatten": False})
task = DiffusionTask(made)

def placed(sizes, seed):
    count = int(np.prod(list(sizes.values())))
    mesh = sharding.make_mesh(sizes, made.batch, jax.devices()[:count])
    with jax.set_mesh(mesh):
        made.seed = seed
        state, _ = startup.create(task, made, mesh)
        rows = pipeline.batches(task.records, made.batch, 0, sharding.batch_sharding(mesh))
        return mesh, state, iter(rows)

def values(state):
    return [np.asarray(x) for x in jax.tree.leaves(state)]

def split(state):  # of all bytes, the share that lies on the first device
    leaves = jax.tree.leaves(state)
    return sum(x.addressable_shards[0].data.nbytes for x in leaves) / sum(x.nbytes for x in leaves)

MESHES = [{"data": 2, "fsdp": 4}, {"fsdp": 2}, {"data": 1}, {"fsdp": 3, "tensor": 2},
          {"tensor": 2, "fsdp": 4}]
mesh, state, rows = placed(MESHES[0], seed=0)
next(rows), next(rows)
truth, before = values(state), MESHES[0]
print("split", split(state))
for i, sizes in enumerate(MESHES[1:]):
    folder = tmp / str(i)
    with jax.set_mesh(mesh), Checkpointer(folder) as checkpoints:
        checkpoints.save(1, state, rows)
    made.batch = 6 if sizes.get("fsdp") == 3 else 8
    mesh, other, rows = placed(sizes, seed=1)
    assert not all((a == b).all() for a, b in zip(values(other), truth))
    with jax.set_mesh(mesh):
        state = checkpoint.restore(folder, other, rows)
    for a, b, c in zip(values(state), truth, jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(a, b)
    shardings = [jax.tree.map(lambda x: x.sharding, s) for s in (state, other)]
    assert jax.tree.leaves(shardings[0]) == jax.tree.leaves(shardings[1])
    print("equal", sizes, split(state))
"""


def test_a_checkpoint_goes_from_eight_devices_to_two_to_one_to_six_and_back(tmp_path):
    script = tmp_path / "remesh.py"
    script.write_text(SCRIPT)
    lines = forked(script, tmp_path, devices=8).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["split"] + ["equal"] * 4
    shares = [float(line.split()[-1]) for line in lines]
    assert shares[0] < 0.3  # a fourth, and what does not divide
    assert shares[1] < 0.55
    assert shares[2] == 1
    assert shares[3] < shares[1]  # six devices hold widths of 24 = 3 x 8 in thirds and halves
