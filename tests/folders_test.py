"""Two folders of videos to scores: what is read, what is refused, what is written."""

import json
import re
import shutil

import numpy as np
import pytest

from tests.clips import write_video
from tests.tiny import forked, python
from vdit import errors, evaluate
from vdit.data import media
from vdit.data.worlds import Worlds
from vdit.errors import InputError
from vdit.evaluators import features
from vdit.evaluators.folders.compare import Request, compare, table
from vdit.evaluators.networks import efficientnet

COUNT = 34


def write(folder, videos):
    folder.mkdir()
    for number, video in enumerate(videos):
        write_video(folder / f"{number:02d}.mkv", list(video), codec="ffv1", pixels="bgr0")
    return folder


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Clips of the world and the same backwards in time, lossless."""
    root = tmp_path_factory.mktemp("folders")
    world = Worlds(COUNT, max_objects=1, num_frames=5, occluder=0, seed=3)
    videos = [world[i]["video"] for i in range(COUNT)]
    write(root / "real", videos)
    write(root / "backwards", [video[::-1] for video in videos])
    return root


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def by_metric(found):
    return {row.metric: row for row in found.scores}


def test_a_folder_against_itself_and_against_another(root):
    asked = Request(root / "real", root / "real", features=("tracks",))
    same = by_metric(compare(asked))
    assert abs(same["frechet"].value) < 1e-9
    assert same["precision"].value == same["coverage"].value == 1
    found = compare(Request(root / "backwards", root / "real", features=("tracks",)))
    assert (found.made, found.real, found.clip) == (COUNT, COUNT, (5, 32, 32))
    other = by_metric(found)
    assert other["frechet"].value > 0.01
    assert other["kernel"].low < other["kernel"].value < other["kernel"].high
    assert other["frechet_bias"].se is None
    about = f"tracks__{features.find('tracks').identity}__n34_34__5x32x32__none__uint8"
    assert other["frechet"].name.startswith(f"frechet__{about}")
    assert found.left_out == ("tracks: frechet_limit: withheld, 34 clips: expected at least 64",)
    assert "34 videos against 34, 5 frames of 32x32" in table(found)


def test_what_is_held_against_another_folder_has_another_name(root):
    one, other = (
        compare(Request(root / "real", root / r, ("frechet",), ("tracks",))).scores[0].name
        for r in ("real", "backwards")
    )
    assert one != other


def test_features_are_found_once_by_the_content_of_the_files(root, tmp_path, monkeypatch):
    asked = Request(root / "real", root / "backwards", ("kernel",), ("tracks",))
    first = compare(asked)
    copy = shutil.copytree(root / "real", tmp_path / "copy")
    monkeypatch.setattr(media, "read_video", None)  # no video is read again
    again = compare(Request(copy, root / "backwards", ("kernel",), ("tracks",)))
    assert again.scores == first.scores
    kept, *_ = (tmp_path / "home" / "vdit" / "features").glob("*.npy")
    kept.write_bytes(b"torn")
    with pytest.raises(InputError, match="damaged"):
        compare(asked)


def test_videos_are_cut_to_common_frames_and_to_a_size_that_is_asked(root, tmp_path):
    odd = shutil.copytree(root / "real", tmp_path / "odd")
    write_video(odd / "wide.mkv", [np.zeros((16, 48, 3), np.uint8)] * 3, pixels="bgr0")
    asked = {"metrics": ("kernel",), "features": ("tracks",)}
    with pytest.raises(InputError, match=r"00.mkv is 32x32, .*wide.mkv is 16x48: .* --size HxW"):
        compare(Request(odd, root / "real", **asked))
    (odd / "notes.txt").write_text("")
    found = compare(Request(odd, root / "real", size=(16, 16), **asked))
    assert found.clip == (3, 16, 16)
    assert f"{odd}: 34 videos cut to 3 frames" in found.left_out
    assert f"{odd}: ignored notes.txt: not videos by their names" in found.left_out
    with pytest.raises(InputError, match=r"wide.mkv: 3 frames, --frames asks 4"):
        compare(Request(odd, root / "real", size=(16, 16), frames=4, **asked))
    assert compare(Request(root / "real", root / "real", frames=2, **asked)).clip == (2, 32, 32)


def test_samples_are_read_as_they_are_written(root, tmp_path):
    world = Worlds(4, num_frames=5, seed=1)
    for i in range(4):
        media.write_video(tmp_path / "made" / f"{i}.webp", world[i]["video"])
    found = compare(Request(tmp_path / "made", root / "real", features=("tracks",)))
    assert (found.made, found.clip) == (4, (5, 32, 32))
    assert {row.metric for row in found.scores} == {"frechet", "frechet_bias", "kernel"}
    assert all(row.se is None for row in found.scores)
    assert "tracks: no standard errors, 4 clips: expected at least 32" in found.left_out


def test_bad_input_ends_in_one_line(root, tmp_path):
    with pytest.raises(InputError, match=r"--reference .*none: no such folder"):
        compare(Request(root / "real", tmp_path / "none", features=("tracks",)))
    with pytest.raises(InputError, match="metric 'fvd': expected one of frechet"):
        compare(Request(tmp_path / "none", tmp_path / "none", ("fvd",), ("tracks",)))
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "torn.mkv").write_bytes(b"torn")
    with pytest.raises(InputError, match=r"torn.mkv: can't be opened"):
        compare(Request(root / "real", tmp_path / "torn", features=("tracks",)))
    with pytest.raises(InputError, match="expected its option autoencoder"):
        compare(Request(root / "real", root / "real", features=("latents",)))


@pytest.mark.parametrize(
    ("size", "more", "said"),
    [
        (16, "--features tracks", "is 32x32, .*is 16x16: expected one size, or --size HxW"),
        (32, "--features tracks", "34 clips against 1: expected two or more of each"),
        (32, "", "EfficientNet's weights are not installed: expected vdit's extra eval"),
        (32, "--features i3d:file=LICENSE", "LICENSE: .*expected"),
    ],
)
def test_the_command_ends_in_one_line_and_writes_nothing(
    root, tmp_path, monkeypatch, capsys, size, more, said
):
    monkeypatch.setattr(efficientnet, "PACKAGE", "not_there")
    efficientnet.load.cache_clear()
    write(tmp_path / "one", np.zeros((1, 5, size, size, 3), np.uint8))
    flags = ["--videos", root / "real", "--reference", tmp_path / "one", "--out", tmp_path / "s"]
    monkeypatch.setattr("sys.argv", ["evaluate", *map(str, flags), *more.split()])
    with pytest.raises(SystemExit, match="2"):
        errors.run(evaluate.main)
    (line,) = capsys.readouterr().err.splitlines()
    assert re.match(f"error: .*{said}", line)
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("--videos A", "--videos: expected with --reference and --out"),
        ("--workdir A --reference B", "--reference: with --videos only"),
        ("--root A --size 16", "--size: with --videos only"),
        ("--root A --features latents", "--features: with --videos or --workdir"),
        ("--videos A --reference B --out s.json --step 3", "not for --videos"),
        ("--videos A --reference B --out s.json --workers 3", "for --root, a sweep"),
        ("--videos A --reference B --out s.json --no_verify", "--no_verify: with --workdir only"),
    ],
)
def test_flags_that_do_not_go_together_are_said(flags, said):
    with pytest.raises(InputError, match=said):
        evaluate.parse_args(flags.split())


def test_the_command_writes_and_prints_the_scores(root, tmp_path):
    out = tmp_path / "scores.json"
    flags = ("--videos", root / "backwards", "--reference", root / "real", "--out", out)
    done = forked("-m", "vdit.evaluate", *flags, "--only", "frechet,kernel", "--features", "tracks")
    written = json.loads(out.read_text())
    assert [row["metric"] for row in written["scores"]] == ["frechet", "kernel"]
    assert written["clip"] == [5, 32, 32]
    assert f"{written['scores'][0]['value']:.4g}" in done.stdout
    assert not done.stderr


def test_help_needs_neither_jax_nor_scipy():
    code = (
        "import sys, vdit.evaluate as e; e._parser(); assert not {'jax', 'scipy'} & {*sys.modules}"
    )
    python("-c", code)
