"""What the system or the config refuses is one line of every command, and no traceback."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys

import pytest

from tests.clips import grey_videos
from tests.faults.disks import disk, make_read_only
from tests.paths import ROOT
from tests.tiny import config, flags, forked, python, trained

SMALL = {"steps": 2, "batch": 4, "checkpoint_every": 0}
READ_ONLY = "Read-only file system"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run."""
    tmp = tmp_path_factory.mktemp("run")
    trained(config(tmp, **SMALL), tmp / "run")
    return tmp


@pytest.fixture(scope="module")
def read_only(tmp_path_factory, finished):
    """A disk with a run, its latents, and a folder of videos, that nobody can write to."""
    with disk(tmp_path_factory.mktemp("there") / "disk") as path:
        shutil.copytree(finished / "run", path / "run")
        shutil.copytree(finished / "latents", path / "latents")
        make_read_only(path)
        yield path


def line_of(*command, status=2):
    """The one line that a command ends with."""
    done = forked("-m", *command, check=False)
    assert done.returncode == status, done.stderr
    said = done.stderr.replace("\r", "\n").splitlines()
    assert not [line for line in said if line.startswith("Traceback")], done.stderr
    assert said[-1].startswith("error: ")
    return said[-1].removeprefix("error: ")


def commands(path, tmp):
    """Commands whose output is to be on a disk, by name."""
    run, cut = ["--workdir", path / "run"], ["--frames", 3, "--size", 8]
    return {
        "main": ["vdit.main", *flags(tmp, path / "other", **SMALL)],
        "evaluate": ["vdit.evaluate", *run, "--only", "losses"],
        "sample": ["vdit.sample", *run, "--out", path / "x.webp", "--steps", 1],
        "prepare": ["vdit.prepare", "--videos", tmp / "videos", "--out", path / "out", *cut],
        "launch": ["sweeps.launch", "--sweep", "sweeps/short.py", "--root", path / "root"],
        "collect": ["analysis.collect", "--root", tmp / "root", "--out", path / "results.csv"],
        "plan": ["vdit.plan", "--table", path / "plan.csv"],
    }


COMMANDS = list(commands(pathlib.Path(), pathlib.Path()))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_folder_that_cannot_be_written_to_is_named(tmp_path, read_only, finished, name):
    shutil.copytree(finished / "run", tmp_path / "root" / "runs" / "abc")
    grey_videos(tmp_path / "videos")
    line = line_of(*commands(read_only, tmp_path)[name])
    assert READ_ONLY in line
    assert str(read_only) in line


@pytest.mark.parametrize("name", ["main", "sample", "prepare", "launch", "collect"])
def test_a_file_where_a_folder_is_to_be_is_named(tmp_path, finished, name):
    shutil.copytree(finished / "run", tmp_path / "root" / "runs" / "abc")
    grey_videos(tmp_path / "videos")
    there = tmp_path / "there"
    there.mkdir()
    command = commands(there, tmp_path)[name]
    shutil.rmtree(there)
    there.write_text("a file")
    assert str(there) in line_of(*command)
    assert there.read_text() == "a file"


@pytest.mark.parametrize("content", ['{"accumulate": 1,', "{}"], ids=["half", "foreign"])
def test_a_config_that_is_none_is_named(tmp_path, finished, content):
    shutil.copytree(finished / "run", tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    path.write_text(content)
    again = flags(finished, tmp_path / "run", **SMALL)
    for command in (["vdit.evaluate", "--workdir", tmp_path / "run"], ["vdit.main", *again]):
        assert line_of(*command).startswith(f"{path}: damaged (")


def test_a_run_that_diverges_says_at_which_step_and_ends_with_3(tmp_path, finished):
    changes = SMALL | {"steps": 6, "optimizer.lr": 1e30}
    line = line_of("vdit.main", *flags(finished, tmp_path / "run", **changes), status=3)
    assert line.startswith("loss or gradient is not finite at step ")


def test_a_bug_keeps_its_traceback(tmp_path):
    code = "from vdit import errors\nerrors.run(lambda: {}['a bug'])"
    done = python("-c", code, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert done.stderr.endswith("KeyError: 'a bug'\n")


@pytest.mark.parametrize("printed", ["'x'", "'x\\n' * 200_000"], ids=["at its end", "amid it"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_command_whose_reader_has_gone_ends_without_a_word(printed, unbuffered):
    code = f"from vdit import errors\nerrors.run(lambda: print({printed}))"
    env = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    reads, writes = os.pipe()
    os.close(reads)
    ran = [sys.executable, "-c", code]
    done = subprocess.run(ran, cwd=ROOT, env=env, stdout=writes, stderr=subprocess.PIPE)
    os.close(writes)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


def test_another_pipe_that_breaks_is_a_bug():
    code = "import os\nfrom vdit import errors\nreads, writes = os.pipe()\nos.close(reads)\n"
    done = python("-c", f"{code}errors.run(lambda: os.write(writes, b'x'))", check=False)
    assert done.returncode == 1
    assert done.stderr.endswith("BrokenPipeError: [Errno 32] Broken pipe\n")


def test_output_that_the_disk_refuses_is_a_line():
    code = "from vdit import errors\nerrors.run(lambda: print('x'))"
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, stdout=full, stderr=subprocess.PIPE
        )
    assert (done.returncode, done.stderr) == (2, b"error: No space left on device\n")
