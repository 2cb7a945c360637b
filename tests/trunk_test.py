"""A branch is a whole run of its schedule, bit for bit; its trunk did the first steps."""

import json

import jax
import numpy as np
import pytest

from sweeps.launcher.branch import branched
from sweeps.launcher.grid import with_overrides
from tests.tiny import config
from vdit.errors import InputError
from vdit.evaluators.common import EvaluationData
from vdit.runs import checkpoint
from vdit.runs.folder import steps_saved
from vdit.training import evaluation
from vdit.training.diffusion_task import DiffusionTask
from vdit.training.loop import train
from vdit.training.metrics import Silent, open_log
from vdit.training.row import row_of

SHORT, LONG = 10, 20
WARMUP = 2  # steps, of the shortest


def trained(made, folder):
    """Every array at the end of a run: weights, average, moments, step, key."""
    folder.mkdir(parents=True, exist_ok=True)
    with open_log(made, folder) as log:
        state, _ = train(DiffusionTask(made), made, folder, log)
    return jax.tree.map(np.asarray, state)


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """A trunk and its two branches: (folder, configs by name, states by name)."""
    folder = tmp_path_factory.mktemp("grown")
    more = {"optimizer.warmup": WARMUP / SHORT, "optimizer.ema_halflife": 0.3}
    base = config(folder, **more)
    cells = [{"steps": n, "flops_budget": float(n), "optimizer.lr": 1e-2} for n in (SHORT, LONG)]
    made = [with_overrides(base, cell) for cell in branched(cells, base, lambda _: "trunk")]
    configs = dict(zip(("trunk", "short", "long"), made, strict=True))
    return folder, configs, {name: trained(made, folder / name) for name, made in configs.items()}


@pytest.mark.parametrize("name", ["short", "long"])
def test_a_branch_ends_with_the_bits_of_a_whole_run(grown, tmp_path, name):
    _, configs, states = grown
    alone = {"trunk.run": "", "trunk.step": 0, "optimizer.warmup": WARMUP / configs[name].steps}
    whole = trained(with_overrides(configs[name], alone), tmp_path / "whole")
    assert int(whole.step) == configs[name].steps
    jax.tree.map(np.testing.assert_array_equal, whole, states[name])
    lines = (grown[0] / name / "metrics.jsonl").read_text().splitlines()
    first, second = (json.loads(line)["step"] for line in lines[:2])
    assert first == configs[name].trunk.step == second - 1  # where it goes on, then its own


def row(made):
    """The results table's, of the end of a run."""
    task = DiffusionTask(made)
    data = EvaluationData(made, task.validation, None, made.steps)
    return row_of(made, made.steps) | evaluation.model_columns(data, task.model)


def test_rows_say_what_was_shared_and_what_has_not_ended(grown):
    configs = grown[1].values()
    trunk, short, long = (row(made) for made in configs)
    assert [trunk["annealed"], short["annealed"], long["annealed"]] == [False, True, True]
    assert trunk["lr_final"] == pytest.approx(1e-2)
    assert [trunk["trunk"], short["trunk"], long["trunk"]] == [trunk["run_id"], "trunk", "trunk"]
    assert trunk["flops_budget"] == trunk["flops_shared"] == 0
    assert long["flops_shared"] == trunk["flops"]
    assert short["flops_shared"] == pytest.approx(0.8 * short["flops"])


def test_a_trunk_keeps_what_its_branches_start_from_and_they_keep_their_own(grown, tmp_path):
    folder, configs, states = grown
    assert steps_saved(folder / "trunk") == [8, 16]
    assert steps_saved(folder / "long") == [20]
    (folder / "trunk").rename(tmp_path / "gone")
    try:
        again = trained(configs["long"], folder / "long")
    finally:
        (tmp_path / "gone").rename(folder / "trunk")
    jax.tree.map(np.testing.assert_array_equal, again, states["long"])


def test_a_trunk_that_moves_while_it_is_read_is_read_where_it_is_then(grown, monkeypatch):
    """Its worker gives it back, or another takes it over."""
    folder, configs, states = grown
    restore = checkpoint.restore_step

    def moved(trunk, *rest):
        if trunk.name == "trunk":
            trunk.rename(folder / "trunk.2")
        return restore(trunk, *rest)

    monkeypatch.setattr(checkpoint, "restore_step", moved)
    try:
        again = trained(configs["short"], folder / "again")
    finally:
        (folder / "trunk.2").rename(folder / "trunk")
    jax.tree.map(np.testing.assert_array_equal, again, states["short"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trunk.run": "nobody"}, "trunk.run=nobody: expected that run's folder at"),
        ({"trunk.step": 12}, r"expected step 12; there are \[8, 16\]"),
        ({"seed": 1}, "trunk.run=trunk is not this run's beginning: seed: 0 -> 1"),
        ({"optimizer.warmup": 0.5}, "other learning rates than this run to step 16"),
        ({"optimizer.decay": 0.5}, "other learning rates than this run to step 16"),
        ({"trunk.step": 0}, "trunk.step=0: expected a step from 1 to 19"),
        ({"trunk.step": 18}, "other learning rates than this run to step 18"),
    ],
)
def test_a_trunk_that_is_not_the_run_s_beginning_is_refused(grown, tmp_path, change, message):
    folder, configs, _ = grown
    made = with_overrides(configs["long"], change)
    with pytest.raises(InputError, match=message):
        train(DiffusionTask(made), made, folder / tmp_path.name, Silent())
