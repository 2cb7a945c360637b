"""Small files that are empty, half, another's or full of NaN: named, and the rest is shown."""

import json
import shutil
import sys

import numpy as np
import pandas as pd
import pytest

from analysis import collect
from sweeps.launcher import launch, status
from sweeps.launcher.plan import read_plan
from tests import tiny
from vdit import errors
from vdit.runs.folder import read_result

SWEEP = """
from tests.tiny import OVERRIDES

EXPERIMENT = "experiments/base.py"


def sweep(base):
    for seed in range(3):
        yield OVERRIDES | {"seed": seed, "flops_budget": 1e6}
"""
DAMAGES = ("empty", "half", "another's", "NaN")
# Files of a run, and the commands that read them.
FILES = {
    "result.json": ("status", "dry run", "launch", "collect"),
    "failed.json": ("status", "dry run", "launch"),
    "config.json": ("status", "dry run", "launch"),
    "mode.json": ("status", "dry run", "launch"),
    "evaluation_failed.json": ("status",),
    "evaluation.json": ("collect",),
    "evaluations/12.json": ("status", "collect"),
    "losses.npz": ("collect",),
}
OF_UNFINISHED = ("failed.json", "config.json", "mode.json")  # read of runs without a result
LINES = ("metrics.jsonl", "ledger")


def damaged(damage, data):
    """What is left of a JSON file."""
    another = {"run_id": "0123456789ab", "event": "begin", "runs": [{"a": 1}]}
    return {
        "empty": b"",
        "half": data[: len(data) // 2],
        "another's": json.dumps(another).encode(),
        "NaN": b'{"step": NaN, "loss": NaN}',
    }[damage]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A sweep of three runs that have ended."""
    place = tmp_path_factory.mktemp("files")
    (place / "sweep.py").write_text(SWEEP)
    tiny.swept(place / "sweep.py", place / "root")
    return place / "root"


def options(root):
    return ["--sweep", str(root.parent / "sweep.py"), "--root", str(root)]


@pytest.fixture
def root(trained, tmp_path):
    shutil.copytree(trained.parent, tmp_path / "place")
    tiny.share_programs(tmp_path / "place" / "root")
    return tmp_path / "place" / "root"


@pytest.fixture
def command(root, monkeypatch, capsys):
    """Runs a command here, as its process would: (status, all that it said)."""
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    arguments = {
        "status": (status.main, ["--root", str(root)]),
        "dry run": (launch.main, [*options(root), "--dry_run"]),
        "launch": (launch.main, options(root)),
        "collect": (collect.main, ["--root", str(root), "--out", str(root / "results.csv")]),
    }

    def run(name):
        main, given = arguments[name]
        monkeypatch.setattr(sys, "argv", ["command", *given])
        with pytest.raises(SystemExit) as ended:
            errors.run(main)
        said = capsys.readouterr()
        return ended.value.code or 0, said.out + said.err

    return run


def ids(root):
    runs = sorted(read_plan(root)["runs"], key=lambda run: run["seed"])
    return [run["run_id"] for run in runs]


def prepared(root, name):
    """A file of the last run, still whole; the run has no result if the file is read of such."""
    folder = root / "runs" / ids(root)[-1]
    if name in OF_UNFINISHED:
        (folder / "result.json").unlink()
    if name.endswith("failed.json"):
        failure = {"run_id": folder.name, "exception": "DivergedError: loss is nan", "time": 0.0}
        (folder / name).write_text(json.dumps(failure))
    if name == "evaluation.json":
        (folder / name).write_text(json.dumps({"step": 12, "fvd": 1.0}))
    return folder / name


def damage_losses(path, damage):
    arrays = dict(np.load(path))
    if damage == "another's":
        np.savez(path, a=arrays["t"])
    elif damage == "NaN":
        np.savez(path, **arrays | {"loss_ema": np.full_like(arrays["t"], np.nan)})
    else:
        path.write_bytes(damaged(damage, path.read_bytes()))


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_of_a_run_is_named_and_the_rest_is_shown(root, command, name, damage):
    path = prepared(root, name)
    if name == "losses.npz":
        damage_losses(path, damage)
    else:
        path.write_bytes(damaged(damage, path.read_bytes()))
    mine, others = ids(root)[-1], set(ids(root)[:-1])
    is_lost = name == "result.json" or name in OF_UNFINISHED
    for who in FILES[name]:
        code, said = command(who)
        assert f"{path}: damaged (" in said, who
        assert "Traceback" not in said
        assert code == (1 if who == "launch" else 0)
        if who == "launch":
            assert f"damaged: {mine} size" in said
        if who == "status":
            shown = {line.split()[0]: line for line in said.splitlines()[1:4]}
            assert shown.keys() == {mine, *others}
            assert all(" finished " in shown[run] for run in others)
            assert (" damaged " in shown[mine]) == is_lost
        if who == "collect":
            found = set(pd.read_csv(root / "results.csv", dtype={"run_id": str})["run_id"])
            assert found == (others if is_lost else {mine, *others})


@pytest.mark.parametrize("damage", ["half", "another's", "NaN", "zeros"])
@pytest.mark.parametrize("name", LINES)
def test_a_damaged_line_is_named_and_the_others_are_read(root, command, name, damage):
    (path,) = (root / name).glob("*") if name == "ledger" else [prepared(root, name)]
    first, second, *rest = path.read_bytes().splitlines()
    second = b"\0" * len(second) if damage == "zeros" else damaged(damage, second)
    path.write_bytes(b"\n".join([first, second, *rest, b""]))
    for who, code in (("status", 0), ("launch", 0)):
        found, said = command(who)
        assert said.count(f"{path}: ") == 1
        assert found == code
        assert "3 runs: 3 finished" in said or "3 of 3 runs are finished" in said


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_plan_is_named_and_written_anew(root, command, damage):
    plan = root / "sweep.json"
    whole = ids(root)
    plan.write_bytes(damaged(damage, plan.read_bytes()))
    for who in ("status", "collect"):
        code, said = command(who)
        assert (code, said.count("\n")) == (2, 1)
        assert said.startswith(f"error: {plan}: damaged (")
        assert said.endswith("; sweeps.launch writes it anew\n")
    code, said = command("launch")
    assert code == 0
    assert f"{plan}: damaged (" in said
    assert ids(root) == whole


def test_a_damaged_run_goes_on_from_its_checkpoint_when_it_is_tried_again(root):
    folder, names = root / "runs" / ids(root)[-1], ("result.json", "mode.json")
    for name in names:
        (folder / name).write_bytes((folder / name).read_bytes()[:20])
    done = tiny.python("-m", "sweeps.launch", *options(root), "--retry_failed", "--mode", "one")
    for name in names:
        assert f"set aside as {name}.damaged" in done.stdout
        assert (folder / name).exists()
    metrics = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    assert [row["step"] for row in metrics][-2:] == [12, 12]  # and a line that it is resumed
    assert read_result(folder)["steps"] == 12
