"""How runs ended is read in the words of trackers and schedulers, and in yes and no."""

import numpy as np
import pytest

from analysis.table import states
from tests.analysis.foreign_tables import rows_of, runs

SLURM = {
    "COMPLETED": "finished", "FAILED": "failed", "OUT_OF_MEMORY": "failed", "NODE_FAIL": "failed",
    "BOOT_FAIL": "failed", "CANCELLED": "unfinished", "TIMEOUT": "unfinished",
    "PREEMPTED": "unfinished", "DEADLINE": "unfinished", "CANCELLED by 1000": "unfinished",
    "OUT_OF_ME+": "failed", "CANCELLED+": "unfinished",
}  # fmt: skip
WANDB = {
    "finished": "finished", "crashed": "failed", "failed": "failed", "killed": "unfinished",
    "running": "unfinished", "preempting": "unfinished", "preempted": "unfinished",
}  # fmt: skip
RAY = {"TERMINATED": "finished", "ERROR": "failed", "PENDING": "unfinished"}


@pytest.mark.parametrize(("word", "reason"), [*SLURM.items(), *WANDB.items(), *RAY.items()])
def test_states_of_slurm_wandb_and_ray_are_known(word, reason):
    table = runs().assign(State=[word] + ["COMPLETED"] * 27)
    found = rows_of(table)
    assert not any("no state that is known" in note for note in found.notes)
    if reason == "finished":
        assert not found.dropped
    else:
        assert found.dropped[0].words == f"{reason} (by its State)"
        assert found.dropped[0].row_numbers == (1,)


@pytest.mark.parametrize(
    ("name", "cells", "reason"),
    [
        ("finished", (True, False), "unfinished"), ("Finished", ("yes", "No"), "unfinished"),
        ("is_finished", (1, 0), "unfinished"), ("completed", (1.0, 0.0), "unfinished"),
        ("finished", ("finished", "running"), "unfinished"), ("config.done", "TF", "unfinished"),
        ("crashed", ("false", "TRUE"), "failed"), ("diverged", (0, 1), "diverged"),
        ("diverged", ("n", "Y"), "diverged"), ("killed", ("no", "yes"), "unfinished"),
    ],
)  # fmt: skip
def test_a_column_may_say_yes_or_no_to_a_state(name, cells, reason):
    table = runs().assign(**{name: [cells[i in (2, 5)] for i in range(28)]})
    table[name] = table[name].mask(table.index == 9)  # blank: not known, and kept
    (gone,) = rows_of(table.assign(state="finished")).dropped
    assert gone.words == f"{reason} (by its {name})"
    assert gone.row_numbers == (3, 6)


@pytest.mark.parametrize(
    "cells", [np.arange(28) + 1.7e9, [f"2026-01-{i + 1:02d} 10:00" for i in range(28)], 1.5, None]
)
def test_a_column_of_times_is_none_of_states(cells):
    found = rows_of(runs().assign(finished=cells))
    assert len(found.fitted) == 28
    assert not any("finished" in note for note in found.notes)


def test_a_state_that_is_not_known_is_named_with_what_was_done():
    table = runs().assign(status=["ok", "weird", "weird"] + [None] * 25)
    found = rows_of(table)
    assert len(found.fitted) == 28
    assert "status of 2 rows is 'weird', no state that is known: kept" in found.notes
    assert states.reasons(table["status"]).tolist()[:4] == ["finished", "unknown", "unknown", ""]
