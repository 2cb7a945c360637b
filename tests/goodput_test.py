"""The goodput of a sweep against planted truth: runs killed and failed, a pack with idle slots."""

import json

import pytest

from sweeps.launcher import goodput
from sweeps.launcher.state import State
from vdit.runs.goodput import KINDS, Goodput
from vdit.runs.spent import Seconds, Spent

FLOPS = 10.0  # a step


def plan_of(**steps):
    return [{"run_id": n, "steps": s, "flops": s * FLOPS} for n, s in steps.items()]


def states_of(**names):
    return [State(name, 0, None, None) for name in names.values()]


def write(root, name, rows):
    """A run's metrics.jsonl of (step, time) or (step, time, True) where it was resumed."""
    folder = root / "runs" / name
    folder.mkdir(parents=True)
    lines = [{"step": s, "time": t} | ({"resumed": True} if r else {}) for s, t, *r in rows]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def write_log(root, name, *lines):
    """Lines (event, runs, time, seconds of training, of anything else[, idle steps])."""
    (root / "ledger").mkdir(exist_ok=True)
    text = ""
    for event, runs, when, training, other, *idle in lines:
        line = {"event": event, "runs": runs, "time": when, "idle_steps": sum(idle)}
        text += json.dumps(line | {"seconds": {"training": training, "other": other}}) + "\n"
    (root / "ledger" / name).write_text(text)


@pytest.fixture
def root(tmp_path):
    """Killed at step 7 with a checkpoint of step 4, and ended; failed at 6; a pack of two."""
    write(tmp_path, "killed", [(1, 11.0), (7, 17.0), (4, 30.0, True), (10, 36.0)])
    write(tmp_path, "failed", [(2, 43.0), (6, 46.0)])
    write(tmp_path, "long", [(8, 61.0)])
    write(tmp_path, "short", [(6, 60.0)])
    write(tmp_path, "half", [(5, 75.0)])
    write_log(tmp_path, "1.jsonl", ("start", [], 5.0, 0, 2), ("begin", ["killed"], 10.0, 0, 3))
    write_log(
        tmp_path,
        "2.jsonl",
        ("start", [], 20.0, 0, 1),
        ("begin", ["killed"], 29.0, 0, 2),
        ("end", ["killed"], 38.0, 6, 4),  # 8 seconds
        ("begin", ["failed"], 40.0, 6, 4),
        ("end", ["failed"], 47.0, 10, 5),  # 5
        ("begin", ["long", "short"], 50.0, 10, 5),
        ("end", ["long", "short"], 62.0, 18, 5, 2),  # 8
        ("begin", ["half"], 70.0, 18, 6),
    )
    return tmp_path


PLAN = plan_of(killed=10, failed=20, long=8, short=6, half=20)
STATES = states_of(
    killed="finished", failed="failed", long="finished", short="finished", half="waiting"
)


def test_every_step_and_second_has_its_place(root):
    found = goodput.goodput_of(root, PLAN, STATES)
    steps = {outcome: flops / FLOPS for outcome, flops in found.flops.items()}
    assert steps == {"useful": 10 + 8 + 6, "repeated": 3, "wasted": 6 + 2, "unfinished": 5}
    trained = (7 - 0) + (10 - 4) + 6 + (8 + 6 + 2) + 5
    assert sum(steps.values()) == trained
    assert found.seconds["useful"] == pytest.approx(7 * 4 / 7 + 8 + 8 * 14 / 16)
    assert found.seconds["repeated"] == pytest.approx(7 * 3 / 7)  # to the last line before the kill
    assert found.seconds["wasted"] == pytest.approx(5 + 8 * 2 / 16)
    assert found.seconds["unfinished"] == 5.0
    assert found.kinds == {"training": 18, "other": 3 + 6, goodput.DEAD: 7 + 5}
    assert found.seconds.total() == pytest.approx(found.kinds.total())


def test_the_table_says_it(root):
    lines = goodput.show(root, PLAN, STATES).splitlines()
    assert [line.split()[0] for line in lines[1:6]] == ["useful", *goodput.OUTCOMES[1:4], "no"]
    assert lines[1].split() == ["useful", "2.40e+02", "60", "19.0", "49"]
    assert lines[-2].split()[:4] == ["in", "all", "4.00e+02", "100"]
    assert lines[-1] == (
        "of the workers' seconds: training 46 %, killed or at work 31 %, other 23 %"
    )


def test_a_retried_run_repeats_what_it_failed_of(tmp_path):
    write(tmp_path, "a", [(6, 1.0), (0, 2.0, True), (8, 3.0)])
    found = goodput.goodput_of(tmp_path, plan_of(a=8), states_of(a="finished"))
    assert found.flops == {"useful": 80, "repeated": 60}


def test_a_branch_does_not_count_the_steps_of_its_trunk(tmp_path):
    write(tmp_path, "a", [(6, 1.0, True), (8, 3.0)])
    assert goodput.goodput_of(tmp_path, plan_of(a=8), states_of(a="finished")).flops == {
        "useful": 20,
        "repeated": 0,
    }


def test_damaged_lines_and_spikes_are_noted(tmp_path):
    write(tmp_path, "a", [(6, 1.0), (8, 3.0)])
    path = tmp_path / "runs" / "a" / "metrics.jsonl"
    spike = '{"step": 9, "loss": 9.0, "spike": true, "time": 4.0}\n'
    path.write_text(path.read_text() + '{"ste\n{"a": 1}\n' + spike)
    write_log(tmp_path, "1.jsonl", ("start", [], 0.0, 0, 0), ("begin", ["a"], 1.0, 0, 0))
    ledger = tmp_path / "ledger" / "1.jsonl"
    ledger.write_text(ledger.read_text() + '{"event": "end"\n{"event": "end", "runs": 1}\n')
    found = goodput.goodput_of(tmp_path, plan_of(a=10), states_of(a="waiting"))
    assert found.notes == [
        "a: the loss spiked at step 9",
        f"{path}: damaged, left out: line 3, 4",
        f"{ledger}: 2 damaged lines are left out",
    ]
    assert found.flops["unfinished"] == 90


class Hands:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self):
        return self.now


def test_kinds_of_seconds_add_up_to_the_whole():
    clock = Hands()
    kinds = Goodput(clock)
    clock.now = 2.0
    with kinds.to("training"):
        clock.now = 5.0
        kinds.move("waiting", 1.0)
        with kinds.to("saving"):
            clock.now = 6.0
        clock.now = 10.0
        kinds.compiled("/jax/core/compile/jaxpr_trace_duration", 0.5)
        clock.now = 11.0
        kinds.compiled("/jax/core/compile/backend_compile_duration", 3.0)  # it holds the other
        kinds.compiled("/jax/something/else", 9.0)
    clock.now = 12.0
    found = kinds.totals()
    assert set(found) == set(KINDS)
    expected = {"training": 4.0, "waiting": 1.0, "saving": 1.0, "compiling": 3.0, "other": 3.0}
    assert found == expected | {"measuring": 0.0}
    assert sum(found.values()) == 12.0


def test_jax_tells_what_compiling_takes():
    import jax

    from vdit.runs.goodput import GOODPUT, listen

    listen()
    before = GOODPUT.totals()["compiling"]
    jax.jit(lambda x: x * 3 + 1)(jax.numpy.ones(7))
    assert GOODPUT.totals()["compiling"] > before


def test_seconds_are_told_by_part_and_of_all(monkeypatch):
    """A part that comes again, at the next checkpoint, is added to."""
    moments = iter([(10, 1), (11, 2), (13, 5), (20, 6), (20.5, 6.25), (30, 9)])
    monkeypatch.setattr(Seconds, "now", lambda: Seconds(*next(moments)))
    spent = Spent()
    for _ in range(2):
        with spent.on("sets"):
            pass
    assert str(spent) == "sets 2.5 s (3.2 of CPU), all 20.0 s (8.0 of CPU)"
