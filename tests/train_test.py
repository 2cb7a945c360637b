"""The loop: the same numbers on every mesh, and none when one is not finite."""

import dataclasses
import functools

import jax
import numpy as np
import pytest

from tests.tiny import config, forked, trained
from vdit.config.model_config import ModelConfig
from vdit.errors import InputError
from vdit.models import dit
from vdit.parallel import sharding
from vdit.runs import checkpoint, checkpointer
from vdit.runs.folder import steps_saved
from vdit.training.diffusion_loss import Init
from vdit.training.diffusion_task import DiffusionTask
from vdit.training.loop import train
from vdit.training.metrics import Silent
from vdit.training.optimizer import OptimizerConfig, ema_decays, learning_rates
from vdit.training.step import DivergedError, TrainState, train_step

MESHES = ["1,1,1,1", "2,2,2,1", "1,2,2,2"]  # of data alone: processes_test
CURVE = """
import sys, jax, pathlib, numpy as np
from tests.tiny import config
from vdit.parallel import sharding
from vdit.training import startup
from vdit.training.diffusion_task import DiffusionTask
from vdit.data import pipeline
tmp = pathlib.Path(sys.argv[1])
made = config(tmp, **{"optimizer.flatten": False})
task = DiffusionTask(made)
for name in sys.argv[2:]:
    sizes = dict(zip(sharding.MESH_AXES, map(int, name.split(","))))
    count = int(np.prod(list(sizes.values())))
    mesh = sharding.make_mesh(sizes, made.batch, jax.devices()[:count])
    with jax.set_mesh(mesh):
        state, step = startup.create(task, made, mesh)
        rows = pipeline.batches(task.records, made.batch, 0, sharding.batch_sharding(mesh))
        losses = []
        for batch, _ in zip(rows, range(10)):
            state, metrics = step(state, batch, np.float32(1e-2), 0.9)
            losses.append(float(metrics["loss"]))
    print(name, *losses)
"""


def test_every_mesh_gives_the_curve_of_one_device(tmp_path):
    script = tmp_path / "curve.py"
    script.write_text(CURVE)
    lines = forked(script, tmp_path, *MESHES, devices=8)
    curves = {row.split()[0]: np.array(row.split()[1:], float) for row in lines.stdout.splitlines()}
    assert list(curves) == MESHES
    one = curves.pop(MESHES[0])
    assert np.ptp(one) > 0.01
    for name, curve in curves.items():
        np.testing.assert_allclose(curve, one, rtol=1e-5, err_msg=name)


def test_weights_lie_split_over_the_mesh(tmp_path):
    code = "import jax; from vdit.parallel import sharding\n"
    code += "from vdit.training.diffusion_loss import Init\n"
    code += "from vdit.config.model_config import ModelConfig\n"
    code += "mesh = sharding.make_mesh({'data': 1, 'fsdp': 4, 'tensor': 2})\n"
    code += "init = Init(ModelConfig((3, 4, 4, 2), (1, 2, 2), 24, 2, 2))\n"
    code += "tree = sharding.tree_sharding(jax.eval_shape(init, jax.random.key(0)), mesh)\n"
    code += "print(tree['stages'][0]['blocks'][0]['mlp']['up']['kernel'].get_value().spec)"
    assert "'fsdp', 'tensor'" in forked("-c", code, devices=8).stdout


def test_checkpoints_written_in_the_background_hold_their_own_step(tmp_path, monkeypatch):
    """Training goes on, with the same buffers, while they are written: as on an accelerator."""
    made = config(tmp_path, steps=6, checkpoint_every=1, keep=6)
    folders = tmp_path / "waited", tmp_path / "not waited"
    for folder, waits in zip(folders, (True, False), strict=True):
        monkeypatch.setattr(checkpointer, "_waits", lambda waits=waits: waits)
        train(DiffusionTask(made), made, folder, Silent())
    assert steps_saved(folders[1]) == list(range(1, 7))
    shapes = dit.weight_shapes(DiffusionTask(made).model)
    for step in range(1, 7):
        first, second = (checkpoint.read_weights(folder, shapes, step)[1] for folder in folders)
        jax.tree.map(np.testing.assert_array_equal, first, second)


def test_a_changed_config_is_refused_and_the_key_named(tmp_path):
    made = config(tmp_path, steps=4)
    row = trained(made, tmp_path / "run")
    assert row["remat"] == "none"  # what auto is on a CPU
    assert trained(made, tmp_path / "run") == row  # finished: returned as it is
    made.optimizer.lr = 2e-3
    with pytest.raises(InputError, match=r"differs in: optimizer.lr: 0.001 -> 0.002"):
        trained(made, tmp_path / "run")
    again = config(tmp_path, steps=4)
    again.log_every = 3  # watching a run does not change it
    assert trained(again, tmp_path / "run") == row


class Exploding(DiffusionTask):
    """Learns as always, until the weights have moved for a few steps."""

    def __init__(self, config):
        super().__init__(config)
        self.loss = Explosion(self.loss)


class Explosion:
    def __init__(self, loss):
        self.inner, self.draw, self.tokens = loss, loss.draw, loss.tokens

    def __call__(self, weights, drawn):
        value, metrics = self.inner(weights, drawn)
        moved = sum(abs(x).sum() for x in jax.tree.leaves(weights["output"]))
        return jax.numpy.where(moved > 0.2, jax.numpy.nan, value), metrics


def test_a_loss_that_is_not_finite_stops_the_run_and_leaves_no_checkpoint_of_it(tmp_path):
    made = config(tmp_path, checkpoint_every=1, evaluate_every=1, keep=1)
    with pytest.raises(DivergedError, match=r"not finite at step (\d+)") as caught:
        train(Exploding(made), made, tmp_path / "run", Silent())
    step = int(str(caught.value).split()[-1])
    assert 1 < step <= made.steps
    assert steps_saved(tmp_path / "run") == [step - 1]
    measured = {int(path.stem) for path in (tmp_path / "run" / "evaluations").glob("*.json")}
    assert measured == set(range(1, step))
    shapes = dit.weight_shapes(DiffusionTask(made).model)
    _, weights = checkpoint.read_weights(tmp_path / "run", shapes)
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(weights))


PARAMS = {"w": np.arange(3, dtype=np.float32), "matrix": np.ones((3, 2), np.float32)}


def stepped(adam):
    """Weights, average, loss and norm after one step of least squares from PARAMS."""

    class LeastSquares:
        def tokens(self, drawn):
            return None

        def draw(self, batch, key):
            return batch | {"noise": jax.random.normal(key, (8,))}

        def __call__(self, params, drawn):
            y = drawn["x"] @ params["w"] + (drawn["x"] @ params["matrix"]).sum(-1)
            return ((y - drawn["noise"]) ** 2).mean(), {}

    batch = {"x": jax.random.normal(jax.random.key(0), (8, 3))}
    key, minus = jax.random.key_data(jax.random.key(1)), jax.numpy.int32(-1)
    memory = adam.transform().init(PARAMS)
    state = TrainState(jax.numpy.int32(0), PARAMS, PARAMS, memory, key, minus)
    state, metrics = train_step(state, batch, 0.1, 0.5, loss=LeastSquares(), optimizer=adam)
    return state.params, state.ema, metrics["loss"], metrics["gradient_norm"]


def assert_close(found, expected):
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5), found, expected)


def test_accumulated_parts_give_the_gradient_of_the_batch():
    one = stepped(OptimizerConfig())
    assert_close(stepped(OptimizerConfig(accumulate=4)), one)
    np.testing.assert_allclose(one[1]["w"], (PARAMS["w"] + one[0]["w"]) / 2, rtol=1e-6)


def test_one_vector_of_all_weights_gives_the_same_step_and_norm():
    adam = OptimizerConfig(weight_decay=0.1)
    assert_close(stepped(dataclasses.replace(adam, flatten=True)), stepped(adam))


def test_muon_of_one_vector_is_refused():
    """It has no matrices, and every weight would be Adam's."""
    with pytest.raises(InputError, match="flatten=True: muon asks for matrices"):
        OptimizerConfig("muon", flatten=True).transform()


def test_learning_rates_rise_and_end_with_the_run(tmp_path):
    optimizer = config(tmp_path).optimizer
    optimizer.warmup = 0.1
    for schedule in ("cosine", "wsd"):
        optimizer.schedule = schedule
        for steps in (100, 1000, 2500):  # the last in three blocks
            done = (steps // 2 + 1 - 0.1 * steps) / (0.9 * steps)  # of the decay, half way
            middle = 0.5 * (1 + np.cos(np.pi * done)) if schedule == "cosine" else 1.0
            rates = learning_rates(optimizer, steps) / optimizer.lr
            assert rates.argmax() == pytest.approx(steps * 0.1, abs=1.5)
            assert rates[0] > 0
            assert rates[steps // 2] == pytest.approx(middle, rel=1e-3)
            assert rates[-1] == pytest.approx(0, abs=1e-6)
    optimizer.schedule = "stairs"
    with pytest.raises(InputError, match="expected cosine or wsd"):
        learning_rates(optimizer, 100)


def test_half_life_is_a_share_of_the_run_and_under_wsd_of_the_steps_so_far(tmp_path):
    optimizer = config(tmp_path).optimizer
    optimizer.ema_halflife = 0.1
    decays = ema_decays(optimizer, 1000).astype(float)
    assert decays[:100].prod() == decays[-100:].prod() == pytest.approx(0.5, rel=1e-4)
    optimizer.schedule = "wsd"
    grown = ema_decays(optimizer, 1000)
    assert grown[499] ** 50 == pytest.approx(0.5, rel=1e-4)
    assert grown[999] == decays[999].astype(np.float32)
    assert (grown[:700] == ema_decays(optimizer, 700)).all()


def test_wsd_without_a_decay_stays_at_its_peak(tmp_path):
    optimizer = config(tmp_path).optimizer
    optimizer.schedule, optimizer.decay, optimizer.warmup = "wsd", 0.0, 0.1
    rates = learning_rates(optimizer, 100)
    assert (rates[9:] == np.float32(optimizer.lr)).all()


@pytest.mark.parametrize(
    ("sizes", "batch", "message"),
    [
        ({"data": 3}, 8, "takes 3 devices, 1 exist"),
        ({"data": -1, "tensor": 5}, 8, "takes 5 devices, 1 exist"),
        ({"data": -1, "fsdp": -1}, 8, "expected sizes of 1 or more, at most one of them -1"),
        ({"data": 0}, 8, "expected sizes of 1 or more"),
    ],
)
def test_a_mesh_that_does_not_fit_is_named(sizes, batch, message):
    with pytest.raises(InputError, match=message):
        sharding.make_mesh(sizes, batch)


def test_a_batch_that_does_not_divide_is_named():
    code = "from vdit.parallel.sharding import make_mesh; make_mesh({'data': 4, 'fsdp': 2}, 12)"
    done = forked("-c", code, devices=8, check=False)
    assert "batch 12 does not divide over data x fsdp of mesh data=4, fsdp=2" in done.stderr


def test_parts_of_a_batch_that_do_not_divide_are_named():
    line = "accumulate=3 does not divide the 8 clips that each part of batch 8 has on mesh data=1"
    with pytest.raises(InputError, match=line):
        sharding.make_mesh({}, 8, accumulate=3)


def test_equal_runs_share_their_programs():
    assert Init(ModelConfig((3, 4, 4, 2), (1, 2, 2), 24, 2, 2)) == Init(
        ModelConfig((3, 4, 4, 2), (1, 2, 2), 24, 2, 2)
    )
