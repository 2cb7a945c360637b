"""SIGKILL at any moment, or while a checkpoint is written: the run ends as an unbroken one."""

import random
import signal

import pytest

from tests.faults.processes import last_step, same_bits, train, unbroken, wait_until

KILLS = 5  # of one run
SAVING = {"checkpoint_every": 5}


def killed(tmp, workdir, while_saving, chance):
    """Kills the run once, if it does not end first; whether it was killed as asked."""
    process = train(tmp, workdir, **SAVING)
    begun, more = last_step(workdir), chance.randint(1, 25)
    ready = wait_until(lambda: last_step(workdir) >= begun + more, process)
    if while_saving:
        folder = workdir / "checkpoints"
        ready = wait_until(lambda: any(folder.glob(".[0-9]*")), process, poll_s=0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return ready and not (workdir / "result.json").exists()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run that nobody has killed."""
    tmp = tmp_path_factory.mktemp("whole")
    unbroken(tmp, tmp / "run", **SAVING)
    return tmp / "run"


@pytest.mark.parametrize("while_saving", [False, True])
def test_killed_runs_end_bitwise_as_an_unbroken_one(tmp_path, whole, times, fault, while_saving):
    chance, count, done, runs = random.Random(while_saving), times(1, 25), 0, 0
    while done < count:
        workdir = tmp_path / f"broken{runs}"
        left = min(KILLS, count - done)
        kills = [killed(tmp_path, workdir, while_saving, chance) for _ in range(left)]
        done, runs = done + sum(kills), runs + 1
        assert train(tmp_path, workdir, **SAVING).wait() == 0
        assert same_bits(whole, workdir), f"{workdir.name}, killed {sum(kills)} times"
    when = "while saving" if while_saving else "at any moment"
    fault(
        "kills",
        f"SIGKILL {when}, then resumed",
        done,
        f"{runs} runs, all bitwise as an unbroken one",
    )
