"""Packed runs: the numbers of unpacked ones, the bits of an unbroken pack, their own failures."""

import json
import shutil
import signal
import time

import jax
import numpy as np
import pytest

from tests import forks
from tests.tiny import ROOT, config, environment, trained
from vdit.errors import InputError
from vdit.models import dit
from vdit.parallel import sharding
from vdit.runs import checkpoint, mode
from vdit.runs.folder import steps_saved
from vdit.training import packing, stack
from vdit.training.diffusion_task import DiffusionTask
from vdit.training.optimizer import OptimizerConfig
from vdit.training.resolve import resolve
from vdit.training.step import DivergedError, TrainState

SMALL = {"model.depth": 1, "model.width": 16, "validation.triples": 20}
# Seed, rate and length differ; the pack shrinks at step 6, to two of four slots.
RUNS = {
    "a": {"seed": 0, "steps": 12},
    "b": {"seed": 1, "steps": 12, "optimizer.lr": 3e-3},
    "c": {"seed": 2, "steps": 6, "optimizer.schedule": "wsd"},
    "d": {"seed": 0, "steps": 5, "optimizer.ema_halflife": 0.3, "checkpoint_every": 0},
}
RUNS = {name: SMALL | changes for name, changes in RUNS.items()}
PACK = [(name, changes["steps"]) for name, changes in RUNS.items()]
TRAIN = """
import pathlib, sys
from tests.packing_test import pairs
from vdit.training import packing
packing.run(pairs(*map(pathlib.Path, sys.argv[1:3])))
"""


def pairs(tmp_path, folder, names=RUNS):
    return [(resolve(config(tmp_path, **RUNS[name])), str(folder / name)) for name in names]


def curve(workdir):
    rows = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    return [(row["step"], row["loss"], row["gradient_norm"]) for row in rows if "loss" in row]


def arrays(workdir):
    """Every array of a run's last checkpoint, by name."""
    folder = workdir / "checkpoints" / str(steps_saved(workdir)[-1])
    found = checkpoint.ocp.checkpointables_metadata(folder).metadata
    parts = {p: jax.tree.map(checkpoint._on_one, found[p]) for p in ("weights", "training")}
    loaded = checkpoint.ocp.load_checkpointables(folder, parts)
    return {k: np.asarray(x) for part in loaded.values() for k, x in part.items()}


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """(where the latents are, the folder of a pack trained without a break, its outcome)."""
    tmp = tmp_path_factory.mktemp("pack")
    return tmp, tmp / "whole", packing.run(pairs(tmp, tmp / "whole"))


def test_packed_runs_have_the_numbers_of_unpacked_ones(packed):
    tmp, folder, outcome = packed
    for name, row in zip(RUNS, outcome.ends, strict=True):
        alone = trained(config(tmp, **RUNS[name]), tmp / "alone" / name)
        np.testing.assert_allclose(curve(folder / name), curve(tmp / "alone" / name), rtol=1e-5)
        assert len(curve(folder / name)) == RUNS[name]["steps"]
        for column in ("loss", "loss_ema", "loss_train", "loss_t09"):
            assert row[column] == pytest.approx(alone[column], rel=1e-5)
        assert row.keys() == alone.keys()
        assert (row["mode"], row["pack"], alone["mode"]) == ("packed", 4, "one")
        files = [{p.name for p in (d / name).iterdir()} for d in (folder, tmp / "alone")]
        assert files[0] == files[1]
        assert arrays(folder / name).keys() == arrays(tmp / "alone" / name).keys()


def test_a_slot_that_has_ended_stands_still_until_half_have(packed):
    _, folder, outcome = packed
    assert outcome.idle_steps == 1  # d, while c takes its last step
    assert packing.stages([12, 12, 6, 5]) == [(0, 6, (0, 1, 2, 3)), (6, 12, (0, 1))]
    assert packing.stages([4, 4]) == [(0, 4, (0, 1))]
    assert arrays(folder / "d")["step"] == 5


def test_a_run_is_measured_at_its_own_last_step(packed):
    _, folder, _ = packed
    lines = (folder / "c" / "metrics.jsonl").read_text().splitlines()
    last = next(row for row in map(json.loads, lines) if row["step"] == 6)
    assert json.loads((folder / "d" / "result.json").read_text())["finished"] < last["time"]


def test_one_killed_between_its_last_step_and_its_result_has_no_times(packed):
    tmp, whole, outcome = packed
    shutil.copytree(whole / "d", tmp / "unmeasured" / "d")
    (tmp / "unmeasured" / "d" / "result.json").unlink()
    (row,) = packing.run(pairs(tmp, tmp / "unmeasured", ["d"]), PACK).ends
    assert row["loss"] == outcome.ends[3]["loss"]
    assert not {"wall_s", "compile_s", "step_s", "mfu"} & set(row)  # they are not known, nor 0


def test_a_killed_pack_ends_bitwise_as_an_unbroken_one(packed):
    tmp, whole, _ = packed
    broken = tmp / "broken"
    process = forks.start(["-c", TRAIN, tmp, broken], ROOT, environment(1), tmp / "log")
    while process.poll() is None and not (broken / "c" / "result.json").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the pack ended before it was killed"
    assert steps_saved(broken / "a") == [4]
    left = [name for name in RUNS if not (broken / name / "result.json").exists()]
    assert left == ["a", "b"]
    # As if it had been killed between the two saves: b begins anew, a waits for it at step 4.
    shutil.rmtree(broken / "b" / "checkpoints")
    packing.run(pairs(tmp, broken, left), mode.recorded_mode(broken / "a")["pack"])
    for name in RUNS:
        first, second = arrays(whole / name), arrays(broken / name)
        assert first.keys() == second.keys()
        different = [key for key in first if first[key].tobytes() != second[key].tobytes()]
        assert not different, name
        assert dict((s, x) for s, *x in curve(whole / name)) == dict(
            (s, x) for s, *x in curve(broken / name)
        )
        rows = [json.loads((d / name / "result.json").read_text()) for d in (whole, broken)]
        assert rows[0]["loss_ema"] == rows[1]["loss_ema"]


def test_an_idle_slot_keeps_its_state_to_the_bit():
    class Squares:
        def tokens(self, drawn):
            return None

        def draw(self, batch, key):
            return batch

        def __call__(self, params, drawn):
            return ((drawn["x"] @ params["w"]) ** 2).mean(), {}

    def state(seed):
        w, optimizer = jax.random.normal(jax.random.key(seed), (3,)), OptimizerConfig()
        key, minus = jax.random.key_data(jax.random.key(1)), np.int32(-1)
        ema, moments = {"w": w + 1}, optimizer.transform().init({"w": w})
        return TrainState(np.int32(0), {"w": w}, ema, moments, key, minus)

    before = stack.stacked([state(0), state(1)])
    step = stack.compiled(Squares(), OptimizerConfig(), sharding.make_mesh({}))
    batch = {"x": np.ones((2, 4, 3), np.float32)}
    rates, decays, active = np.full(2, 0.1), np.full(2, 0.5), np.array([True, False])
    after, _ = step(before, batch, rates, decays, active)
    for old, new in zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True):
        assert np.asarray(new)[1].tobytes() == np.asarray(old)[1].tobytes()
    assert (np.asarray(after.params["w"])[0] != before.params["w"][0]).all()
    assert after.step.tolist() == [1, 0]


def test_an_unpacked_run_goes_on_from_a_packed_checkpoint(packed):
    tmp, _, _ = packed
    made = config(tmp, **RUNS["a"])
    shapes = dit.weight_shapes(DiffusionTask(made).model)
    _, weights = checkpoint.read_weights(tmp / "whole" / "a", shapes)
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(weights))
    assert mode.recorded_mode(tmp / "whole" / "a")["pack"] == [list(x) for x in PACK]


def test_a_run_that_diverges_fails_alone(tmp_path):
    names = {"a": {}, "b": {"optimizer.lr": 1e9}}
    runs = [
        (resolve(config(tmp_path, **SMALL | more)), str(tmp_path / name))
        for name, more in names.items()
    ]
    outcome = packing.run(runs)
    assert isinstance(outcome.ends[1], DivergedError)
    assert "not finite at step" in str(outcome.ends[1])
    assert not (tmp_path / "b" / "result.json").exists()
    assert outcome.ends[0]["loss"] > 0
    assert outcome.idle_steps > 0
    weights = steps_saved(tmp_path / "b")
    assert max(weights, default=0) < 12


@pytest.mark.parametrize(
    ("changes", "named"), [({"model.width": 32}, "loss"), ({"optimizer.b2": 0.9}, "optimizer")]
)
def test_runs_of_another_shape_are_refused_and_the_part_named(tmp_path, changes, named):
    configs = {"a": config(tmp_path), "b": config(tmp_path, **changes)}
    runs = [(resolve(made), str(tmp_path / name)) for name, made in configs.items()]
    with pytest.raises(InputError, match=f"b and a differ in {named}"):
        packing.run(runs)
