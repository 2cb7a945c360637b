"""One run, from a resolved config to result.json: trained, measured, its generator written."""

import pathlib
import time
from collections.abc import Sequence
from typing import Any

import jax
from clu import platform
from clu.parameter_overview import get_parameter_overview
from flax import nnx
from ml_collections import ConfigDict

from vdit.parallel import processes
from vdit.parallel.compute_dtype import decided
from vdit.runs import evaluations, folder
from vdit.runs.files import read_json_lines, write_json, write_text
from vdit.runs.goodput import GOODPUT, listen
from vdit.runs.mode import record_mode
from vdit.runs.same_run import check_same_run
from vdit.training import out_of_memory
from vdit.training.loop import train
from vdit.training.metrics import Log, Silent, open_log
from vdit.training.spikes import spikes_of
from vdit.training.step import TrainState
from vdit.training.tasks import Task, make_task


def run(config: ConfigDict, workdir: str, mode: str = "one") -> dict[str, Any]:
    """Trains and measures one run in `workdir`; returns its row of the results table.

    `config` is resolved (`vdit.training.resolve`). A finished run is returned as it is. Calls in
    one process share compiled programs. `mode` says whether it is the machine's `one` run, or one
    of several processes `side_by_side`; it is recorded. Raises `InputError` for a config that makes
    no run or does not fit into memory, `DivergedError` if it diverges.
    """
    path = pathlib.Path(workdir)
    processes.check_same_config(config)
    if (path / folder.RESULT).exists():
        check_same_run(path, config.to_dict(), write=False)
        return folder.read_result(path)
    listen()
    started = time.time()
    config = decided(config)
    task = open_run(config, path, mode)
    with open_log(config, path) as log:
        with GOODPUT.to("training"):
            state, timing = train(task, config, path, log)
        state = processes.local(state._replace(optimizer=None))
        if processes.is_first():
            columns = timing | {"mode": mode, "pack": 1}
            columns |= {"started": started, "whole_s": time.time() - started}
            with GOODPUT.to("measuring"):
                measure(task, config, state, columns, path, log)
    processes.wait("measured")
    return folder.read_result(path)


def open_run(
    config: ConfigDict, workdir: pathlib.Path, mode: str, pack: Sequence[tuple[str, int]] = ()
) -> Task:
    """The task of a run whose folder says, before it trains, what it is and in which mode."""
    task = make_task(config)
    check_same_run(workdir, config.to_dict(), write=processes.is_first())
    if processes.is_first():
        record_mode(workdir, mode, pack)
        describe(task, workdir)
    return task


def describe(task: Task, workdir: pathlib.Path) -> None:
    """parameters.txt: every weight's name and shape; and where the run lies, for schedulers."""
    shapes = jax.eval_shape(task.init, jax.random.key(0))
    table = get_parameter_overview(nnx.to_pure_dict(shapes), include_stats=False)
    write_text(workdir / "parameters.txt", table + "\n")
    unit = platform.work_unit()
    unit.set_task_status(f"process {jax.process_index()} of {jax.process_count()}")
    unit.create_artifact(platform.ArtifactType.DIRECTORY, str(workdir), "workdir")


def measure(
    task: Task,
    config: ConfigDict,
    state: TrainState,
    columns: dict[str, Any],
    workdir: pathlib.Path,
    log: Log | Silent,
) -> None:
    """Writes the run's generator and evaluation, then result.json: a run that has one is finished.
    Its scores are logged as those on the way.

    `columns` are those of its training; `whole_s`, its seconds so far, grows by those spent here.
    """
    began = time.time()
    with out_of_memory.measuring(config):
        row = task.evaluate(state, config.steps, workdir) | task.finish(state, workdir) | columns
    log.scores(config.steps, evaluations.values(workdir, config.steps))
    row["spikes"] = len(spikes_of(read_json_lines(workdir / "metrics.jsonl").rows))
    row["finished"] = time.time()
    row["whole_s"] += row["finished"] - began
    write_json(workdir / folder.RESULT, row)
