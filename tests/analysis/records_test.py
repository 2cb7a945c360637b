"""Records of evaluators become rows of the table: every checkpoint that was evaluated is one."""

import pytest

from analysis import collect
from analysis.scores import columns
from analysis.table import reading
from tests.analysis.synthetic_sweep import (
    SCORES,
    before_the_end,
    make_rows,
    scores_of,
    write_evaluation,
    write_root,
)


@pytest.fixture
def evaluated(tmp_path):
    """A root as evaluators leave it: records of each run's last step and of two before it."""
    root = write_root(tmp_path / "root", make_rows(2, seeds_at=1))
    for row in make_rows(2, seeds_at=1):
        folder = root / "runs" / row["run_id"]
        (folder / "evaluation.json").unlink()
        for step in (before_the_end(row, 0.25), before_the_end(row, 0.5), row):
            write_evaluation(folder, step)
    return root


def test_every_evaluated_checkpoint_is_a_row(evaluated, capsys):
    table = collect.collect(evaluated)
    assert len(table) == 3 * 12
    assert (table.groupby("run_id").size() == 3).all()
    for row in make_rows(2, seeds_at=1):
        found = table[table["run_id"] == row["run_id"]]
        assert list(found["annealed"]) == [False, False, True]  # a run's rows by step
        for share, (_, got) in zip((0.25, 0.5, 1.0), found.iterrows(), strict=True):
            planted = before_the_end(row, share) if share < 1 else row
            for name in ("steps", "tokens", "flops", "loss", "loss_ema", "loss_ema_se", "params"):
                assert got[name] == planted[name], name
            assert got["permanence"] == scores_of(planted)["permanence"]
            assert (got["permanence_se"], got["permanence_n"]) == (0.04, 64)
    collect.main(["--root", str(evaluated), "--out", str(evaluated / "results.csv")])
    said = capsys.readouterr().out
    assert "12 runs at 2 compute budgets, and 24 earlier checkpoints of them" in said
    assert len(reading.read_table(evaluated / "results.csv")) == 36


def test_what_was_measured_last_goes_before_result_json_and_the_rest_of_its_row_does_not(evaluated):
    row = make_rows(2, seeds_at=1)[0]
    again = row | {"loss": 9.0, "size": "other", "validation": "another"}
    write_evaluation(evaluated / "runs" / row["run_id"], again)
    found = (
        collect.collect(evaluated).set_index(["run_id", "steps"]).loc[row["run_id"], row["steps"]]
    )
    assert (found["loss"], found["size"]) == (9.0, row["size"])
    assert found["validation"] == "another"


def test_an_unfinished_run_has_the_rows_of_its_checkpoints(evaluated):
    runs = sorted((evaluated / "runs").iterdir())
    going, begun = runs[0], runs[1]
    (going / "result.json").unlink()
    max((going / "evaluations").iterdir(), key=lambda path: int(path.stem)).unlink()
    (begun / "result.json").unlink()
    for path in (begun / "evaluations").iterdir():
        path.unlink()
    told = []
    table = collect.collect(evaluated, told.append)
    assert list(table[table["run_id"] == going.name]["annealed"]) == [False, False]
    assert begun.name not in set(table["run_id"])
    assert not [line for line in told if str(going) in line]
    assert [line for line in told if str(begun) in line] == [
        f"{begun}: left out, it has no result.json (unfinished or failed)"
    ]


def test_a_checkpoint_without_a_loss_is_left_out_with_a_word(evaluated):
    row = make_rows(2, seeds_at=1)[0]
    step = before_the_end(row, 0.5)
    write_evaluation(evaluated / "runs" / row["run_id"], step, drop=("losses",))
    told = []
    table = collect.collect(evaluated, told.append)
    assert len(table) == 35
    assert f"step {step['steps']} left out, it has no loss" in "\n".join(told)


def test_a_file_that_is_no_evaluation_is_named(evaluated):
    (folder,) = (evaluated / "runs").glob("000000*")
    (folder / "evaluations" / "7.json").write_text('{"step": 7, "loss": 0.5}')
    told = []
    assert len(collect.collect(evaluated, told.append)) == 36
    assert any("7.json: damaged (no row), expected what was measured" in line for line in told)


def test_only_the_last_row_of_a_run_has_a_paired_error(evaluated):
    table = collect.collect(evaluated)
    assert table["loss_pair_se"].notna().tolist() == table["annealed"].tolist()
    top = table[table["annealed"] & (table["flops_budget"] == table["flops_budget"].max())]
    assert table.loc[top["loss_ema"].idxmin(), "loss_pair_se"] == 0


def test_scores_are_what_is_compared_with_real_clips(evaluated):
    collect.main(["--root", str(evaluated), "--out", str(evaluated / "results.csv")])
    table = reading.read_table(evaluated / "results.csv")
    assert {"extend_position", "extend_position_se", "extend_position_still"} <= set(table)
    assert sorted(columns.judged(table)) == sorted(SCORES)
    for name, sign in SCORES.items():
        assert columns.lower_is_better(table, name) == (sign < 0)


def test_records_say_which_way_is_better(evaluated):
    table = collect.collect(evaluated)
    flags = {name: f"{name}_lower_is_better" for name in ("permanence", "acceleration")}
    turned = table.assign(**{flags["permanence"]: True, flags["acceleration"]: False})
    older = table.drop(columns=list(flags.values()))
    for name, told in (("permanence", (False, True, False)), ("acceleration", (True, False, True))):
        found = [columns.lower_is_better(t, name) for t in (table, turned, older)]
        assert tuple(found) == told
