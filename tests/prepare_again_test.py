"""Preparing again, killed on the way, or from bad input: whole, or a line that says why not."""

import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.clips import grey_videos, noise, read, run, siblings, write_video
from tests.paths import ROOT
from vdit.data.video_folder.partial import partial_folder
from vdit.errors import InputError


@pytest.fixture
def videos(tmp_path):
    return grey_videos(tmp_path / "videos")


def test_second_run_does_nothing_and_other_settings_are_refused(tmp_path, videos, capsys):
    out = tmp_path / "out"
    run(videos, out)
    before = (out / "vdit.json").stat().st_mtime_ns
    capsys.readouterr()
    run(videos, out, "--max_bad", "0.5")
    assert "prepared already" in capsys.readouterr().out
    assert (out / "vdit.json").stat().st_mtime_ns == before
    with pytest.raises(InputError, match=r"stride 1, asked 2; hop 3, asked 5"):
        run(videos, out, "--stride", "2")
    (videos / "captions.csv").write_text("video_file_name,prompt\nv1.mkv,a grey square\n")
    with pytest.raises(InputError, match=r"files or captions changed: v1\.mkv"):
        run(videos, out)


@pytest.mark.parametrize(
    ("stage", "sign"),
    [("cutting", "SIGKILL"), ("writing", "SIGKILL"), ("cutting", "SIGTERM"), ("cutting", "SIGINT")],
)
def test_killed_run_leaves_nothing_to_mistake(tmp_path, videos, stage, sign):
    write_video(videos / "long.mkv", noise(600, (96, 96)))
    out, partial = tmp_path / "out", tmp_path / ".out.partial"
    signs = {"cutting": "cut/*/*.spool", "writing": "write/train*/shard"}
    flags = ["--videos", videos, "--out", out, "--frames", "4", "--size", "64", "--hop", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "vdit.prepare", *map(str, flags)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not any(path.stat().st_size for path in partial.glob(signs[stage])):
        assert process.poll() is None, f"ended before it could be killed while {stage}"
        time.sleep(0.001)
    process.send_signal(signal.Signals[sign])
    number = signal.Signals[sign]
    assert process.wait() == (-number if sign == "SIGKILL" else 128 + number)
    assert not out.exists()
    assert partial.exists() == (sign == "SIGKILL")
    record = run(videos, out, "--hop", "1", frames=4, size=64)
    assert siblings(out) == ["videos"]
    rows = read(out)
    assert {split: len(part) for split, part in rows.items()} == {
        split: count["windows"] for split, count in record["counts"].items()
    }
    assert sum(map(len, rows.values())) == 6 * 9 + 597


def test_run_killed_just_before_its_end_is_not_taken_over(tmp_path, videos):
    run(videos, tmp_path / "other", "--hop", "1")
    left = tmp_path / ".out.partial" / "video_folder" / "1.0.0"
    shutil.move(tmp_path / "other", left)
    record = run(videos, tmp_path / "out")
    rows = read(tmp_path / "out")
    assert record["counts"]["train"]["windows"] == len(rows["train"]) == 20
    assert siblings(tmp_path / "out") == ["videos"]


def test_two_runs_at_once_do_not_mix(tmp_path, videos):
    with partial_folder(tmp_path / "out"), pytest.raises(InputError, match="another"):
        run(videos, tmp_path / "out")
    run(videos, tmp_path / "out")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--videos", "nowhere"], r"--videos nowhere: no such folder"),
        (["--size", "8x"], r"--size: '8x' is neither N nor HxW"),
        (["--frames", "0"], r"--frames: '0' is not a number of at least 1"),
        (["--validation", "0.6"], r"--validation: '0\.6' is not a number from 0\.0001 to 0\.5"),
        (["--captions", "no.csv"], r"--captions no\.csv: no such file"),
        (["--colour"], r"unrecognized arguments: --colour"),
        (["--frames", "13"], r"0 different video\(s\) long and large enough"),
    ],
)
def test_bad_flags_are_one_line(tmp_path, videos, flags, message):
    with pytest.raises(InputError, match=message):
        run(videos, tmp_path / "out", *flags)
    assert siblings(tmp_path / "out") == ["videos"]
    assert not (tmp_path / "out").exists()


def test_one_video_and_other_people_s_folders_are_refused(tmp_path, videos):
    with pytest.raises(InputError, match="exists and is no prepared folder"):
        run(videos, videos)
    for path in videos.glob("v[1-5].mkv"):
        path.unlink()
    with pytest.raises(InputError, match="1 different video"):
        run(videos, tmp_path / "out")
    (videos / "v0.mkv").rename(videos / "README")
    with pytest.raises(InputError, match="no file with a video's extension"):
        run(videos, tmp_path / "out")


HELP = """
import runpy, sys
sys.argv = ["vdit.prepare", "--help"]
try:
    runpy.run_module("vdit.prepare", run_name="__main__")
except SystemExit as end:
    assert not end.code
assert not {"av", "scipy", "numpy", "tensorflow_datasets", "jax"} & set(sys.modules)
"""


def test_help_imports_nothing_slow_and_the_command_no_tensorflow(tmp_path, videos):
    done = subprocess.run([sys.executable, "-c", HELP], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--videos VIDEOS" in done.stdout
    flags = ["--videos", str(videos), "--out", str(tmp_path / "out"), "--frames=3", "--size=8"]
    code = (
        f"import sys\nfrom vdit import prepare\nprepare.main({flags})\n"
        "import tensorflow_datasets as tfds\n"
        f"tfds.builder_from_directory({str(tmp_path / 'out')!r}).as_data_source('train')[0]\n"
        "assert not {'tensorflow', 'torch', 'apache_beam', 'jax'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
    bad = subprocess.run(
        [sys.executable, "-m", "vdit.prepare", *flags[:-1], "--size=0"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert bad.returncode == 2
    assert bad.stderr == "error: argument --size: '0' is neither N nor HxW, in pixels\n"
