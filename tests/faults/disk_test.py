"""A disk that is full: one line, nothing half-written, and with room again all goes on."""

import json

import pytest

from tests.clips import grey_videos
from tests.faults.disks import FILLER, disk
from tests.tiny import config, flags, forked, trained

FULL = ("No space left on device", "Not enough disk space")
# Where the disk is full when a run comes there, and what the line names.
PLACES = {
    "vdit.data.latents:load_autoencoder": "train.array_record",
    "vdit.training.metrics:Log.write": "run/metrics.jsonl",
    "vdit.runs.checkpointer:parts_of": "run/checkpoints",
    "vdit.generator:Generator.save_weights": "run/generator/weights.npz",
    "vdit.training.run:write_json": "run/result.json",
}


@pytest.fixture(autouse=True)
def without_bars(monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")


def full(path, place, *command):
    """A command whose disk is full at a place; its one line."""
    done = forked("-m", "tests.faults.disks", path, place, *command, check=False)
    (path / FILLER).unlink()
    assert done.returncode == 2, done.stderr
    lines = done.stderr.splitlines()
    (line,) = (line for line in lines if "of captions are longer than" not in line)  # no error
    assert line.startswith("error: ")
    assert line.endswith(FULL)
    return line


def test_a_run_says_in_a_line_where_its_disk_was_full_and_goes_on_from_there(tmp_path):
    with disk(tmp_path / "disk") as path:
        command = ["vdit.main", *flags(path, path / "run")]
        for place, name in PLACES.items():
            assert name in full(path, place, *command)
            assert not (path / "run" / "result.json").exists()
            assert not [*path.glob("latents/.*")]
            assert not [*path.glob("run/.*")]
        row = forked("-m", *command).stdout
    whole = trained(config(tmp_path), tmp_path / "run")
    printed = json.loads(row)
    assert printed["loss"] > 0
    assert printed.items() <= whole.items()


@pytest.mark.parametrize("place", ["_cut", "decisions.decide"])
def test_a_folder_that_is_prepared_on_a_full_disk_leaves_nothing_of_it(tmp_path, place):
    videos = grey_videos(tmp_path / "videos")
    with disk(tmp_path / "disk") as path:
        command = ["vdit.prepare", "--videos", videos, "--out", path / "out"]
        command += ["--frames", 3, "--size", 8]
        full(path, f"vdit.data.video_folder.prepare:{place}", *command)
        assert not [*path.iterdir()]
        forked("-m", *command)
        assert (path / "out" / "vdit.json").exists()
