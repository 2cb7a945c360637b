"""A sweep.json from elsewhere: it names no folder outside of its root, and no code that is run."""

import json

import pytest

from sweeps.launcher.plan import make_plan, read_plan, select, write_plan
from tests.sweeps_test import SWEEP, launch, once_each, trained
from tests.tiny import ROOT
from vdit.errors import InputError
from vdit.runs.files import DamagedFileError, write_json

COMMANDS = ("sweeps.status", "sweeps.launcher.worker", "sweeps.launcher.evaluate")
OUTSIDE = ("../outside", "/tmp/outside", "a/b", "..", "", "a.1", "a\nb")


@pytest.fixture
def plan(tmp_path):
    made = make_plan(str(ROOT / "sweeps" / "mup.py"), tmp_path, [])
    write_plan(tmp_path, made)
    return read_plan(tmp_path)


def refused(root, plan):
    write_json(root / "sweep.json", plan)
    with pytest.raises(DamagedFileError) as caught:
        read_plan(root)
    line = str(caught.value)
    assert line.startswith(f"{root / 'sweep.json'}: damaged (")
    assert line.endswith(", expected the plan of a sweep; sweeps.launch writes it anew")
    assert "\n" not in line
    return line


def test_a_plan_is_read_as_it_was_written(plan, tmp_path):
    write_plan(tmp_path, plan)
    assert read_plan(tmp_path) == plan
    assert len(select(plan)) == len(plan["runs"])


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_run_is_a_folder_in_its_root(plan, tmp_path, name):
    plan["runs"][1]["run_id"] = name
    assert "run_id is " in refused(tmp_path, plan)


@pytest.mark.parametrize("name", [name for name in OUTSIDE if name])
def test_a_trunk_is_a_folder_in_the_root(plan, tmp_path, name):
    run = plan["runs"][1]
    run["overrides"] |= {"trunk.run": name, "trunk.step": 3}
    assert "trunk.run is " in refused(tmp_path, plan)
    run["overrides"] |= {"trunk.run": "", "trunk.step": "../3"}
    assert "trunk.step is " in refused(tmp_path, plan)
    run["overrides"]["trunk.step"] = 0
    run["config"]["trunk"]["run"] = name
    assert "trunk.run is " in refused(tmp_path, plan)


@pytest.mark.parametrize(
    ("key", "value"),
    [("steps", 0), ("steps", "9"), ("flops", None), ("overrides", []), ("seed", "")],
)
def test_a_run_that_cannot_be_gone_by_is_named(plan, tmp_path, key, value):
    plan["runs"][1][key] = value
    assert key in refused(tmp_path, plan)
    del plan["runs"][1][key]
    assert key in refused(tmp_path, plan)


def test_a_plan_of_another_sweep_is_not_overwritten_and_a_damaged_one_is(plan, tmp_path, capsys):
    with pytest.raises(InputError, match="holds the sweep 'mup'"):
        write_plan(tmp_path, plan | {"sweep": "other"})
    (tmp_path / "sweep.json").write_text("{")
    write_plan(tmp_path, plan)
    assert "sweep.json: damaged (" in capsys.readouterr().err
    assert read_plan(tmp_path) == plan


def test_no_command_but_the_launcher_runs_code_that_a_plan_names(tmp_path):
    """Status, workers and evaluation go by the resolved configs in the plan."""
    root, trap = tmp_path / "root", tmp_path / "sweeps" / "trap.py"
    status, _, err = launch(root, "--hold_out")
    assert status == 0, err
    trap.parent.mkdir()
    trap.write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')\n{SWEEP.read_text()}")
    plan = json.loads((root / "sweep.json").read_text())
    write_json(root / "sweep.json", plan | {"sweep": str(trap), "experiment": f"{trap}:"})
    for module in COMMANDS:
        status, _, err = launch(root, module=module)
        assert status == 0, err
    assert trained(root) == once_each(root)
    assert not (tmp_path / "sprung").exists()


def test_damaged_runs_are_over_until_they_are_tried_again(tmp_path):
    status, _, err = launch(tmp_path)
    assert status == 0, err
    half, another, *_ = sorted(tmp_path.glob("runs/*/result.json"))
    half.write_bytes(half.read_bytes()[:30])
    another.write_text(json.dumps(json.loads(another.read_text()) | {"run_id": "another"}))
    names = [path.parent.name for path in (half, another)]
    for options, again in ([], 0), (["--retry_failed"], 1):
        status, out, err = launch(tmp_path, *options)
        assert status == 1 - again, err
        assert sum(trained(tmp_path).values()) == 6 + 2 * again
        for name in names:
            assert (f"damaged: {name} size" in out) != again
            assert (f"{name}/result.json: damaged (" in out) == 1
            assert ("set aside as result.json.damaged" in out) == again
    assert half.with_name("result.json.damaged").stat().st_size == 30
    _, out, _ = launch(tmp_path, module="sweeps.status")
    assert "6 runs: 6 finished" in out


def test_a_damaged_evaluation_is_set_aside_and_made_again(tmp_path):
    launch(tmp_path, "--hold_out")
    assert launch(tmp_path, module=COMMANDS[2])[0] == 0
    path = sorted(tmp_path.glob("runs/*/evaluations/*.json"))[0]
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    _, out, _ = launch(tmp_path, module="sweeps.status")
    assert f"{path}: damaged (" in out
    assert "3 of 4 checkpoints are evaluated" in out
    status, _, err = launch(tmp_path, module=COMMANDS[2])
    assert status == 0, err
    assert f"{path}: damaged (" in err
    assert path.read_bytes() == whole
    assert path.with_name(f"{path.name}.damaged").read_bytes() == whole[:-9]


def test_a_run_whose_config_is_damaged_is_named_and_the_others_are_evaluated(tmp_path):
    launch(tmp_path, "--hold_out")
    path = sorted(tmp_path.glob("runs/*/config.json"))[0]
    path.write_bytes(path.read_bytes()[:20])
    status, out, _ = launch(tmp_path, module=COMMANDS[2])
    assert status == 1
    assert "3 of 4 runs are evaluated" in out
    assert f"damaged: {path.parent.name} size" in out
    assert f"{path}: damaged (" in out
