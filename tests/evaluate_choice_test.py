"""What an evaluation of a sweep takes: the best sizes, and roots that have some."""

from sweeps.launcher.evaluation import best_sizes
from tests.evaluate_sweep_test import EVALUATE
from tests.sweeps_test import launch
from vdit.runs.files import write_json


def test_the_best_captioner_is_that_of_lowest_loss(tmp_path):
    runs = [{"flops_budget": 1e9, "params": params} for params in (1, 2, 3)]
    ready = [(run, tmp_path / str(run["params"])) for run in runs]
    for (_, folder), loss in zip(ready, (2.0, 1.0, 3.0), strict=True):
        write_json(folder / "result.json", {"loss": loss})
    assert best_sizes(ready) == [runs[1]]


def test_roots_without_plan_or_finished_run_are_refused(tmp_path):
    status, _, err = launch(tmp_path, module=EVALUATE)
    assert (status, err.count("\n")) == (2, 1)
    launch(tmp_path, act="fail")
    status, _, err = launch(tmp_path, module=EVALUATE)
    assert (status, err.count("\n")) == (2, 1)
    assert "no run there has ended and has a checkpoint" in err
