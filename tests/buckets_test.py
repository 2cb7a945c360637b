"""Videos prepared in buckets: which clip goes where, which shapes are chosen, what is refused."""

import json
import shutil

import pytest

from tests import bucket_sets
from tests.animations_test import STEPS, animation
from tests.bucket_sets import NAMES, SHAPES, prepared
from tests.tiny import python
from vdit.config import buckets
from vdit.config.buckets import Bucket
from vdit.data.video_folder import bucketed
from vdit.data.video_folder import buckets as choosing
from vdit.errors import InputError

AUTO = ("--frames", "3", "--size", "24", "--buckets", "auto")


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return bucket_sets.write_videos(tmp_path_factory.mktemp("videos") / "in")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return bucket_sets.make(tmp_path_factory.mktemp("set"))


def files_of(out, name):
    return json.loads((out / name / "vdit.json").read_text())["files"]


def test_each_clip_is_in_the_bucket_of_its_aspect_that_its_frames_fill(folder):
    for kind in SHAPES:
        found = files_of(folder, NAMES[kind])
        captions = {f"{kind}{i}.mkv": f"{kind} {i}" for i in range(4)}
        assert {file: about["caption"] for file, about in found.items()} == captions
        assert {about["windows"] for about in found.values()} == {2}
    pictures = [f"picture{i}.png" for i in range(4)]
    assert sorted(files_of(folder, NAMES["picture"])) == [*pictures, "short.mkv"]
    assert buckets.read_index(folder)["buckets"][NAMES["wide"]]["train"] == 6
    assert not [path for path in folder.parent.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("how", ["2", "cut,record"])
def test_killed_processes_leave_no_trace_in_any_bucket(folder, tmp_path, how):
    (tmp_path / "logs").mkdir()
    asked = folder.parent / "buckets.txt"
    flags = ["--videos", folder.parent / "in", "--out", tmp_path / "out", "--buckets", asked]
    python("-m", "tests.preparers", tmp_path / "logs", how, *flags)
    made, alone = (
        {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}
        for out in (tmp_path / "out", folder)
    )
    assert made == alone
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs", "out"]


def test_few_buckets_are_chosen_as_the_clips_are(videos, tmp_path, capsys):
    looks = [choosing.Look(16 / 9, 9)] * 60 + [choosing.Look(9 / 16, 9)] * 30
    looks += [choosing.Look(1.0, 9)] * 9 + [choosing.Look(3.0, 9)]
    chosen = choosing.choose(looks, (256, 256), 9)
    assert chosen == [Bucket(256, 256, 9), Bucket(192, 336, 9), Bucket(336, 192, 9)]
    assert choosing.choose([*looks, *[choosing.Look(1 / 3, 8)] * 99], (256, 256), 9) == chosen
    index = prepared(videos, tmp_path / "out", *AUTO)
    assert sorted(index["buckets"]) == ["24x24@3", "32x16@3"]
    assert index["left_out"] == ["short.mkv"]
    said = capsys.readouterr().out
    assert "no bucket fits 1 of 9 files, too short: short.mkv\n" in said
    assert ".partial" not in said  # where each bucket will lie
    (tmp_path / ".out.partial").mkdir()  # of a process that was killed as all was done
    assert prepared(videos, tmp_path / "out", *AUTO) == index
    assert capsys.readouterr().out.count("prepared already") == 2
    assert [left.name for left in tmp_path.iterdir()] == ["out"]


def test_a_damaged_index_and_a_list_without_a_name_are_refused_in_a_line(tmp_path):
    with pytest.raises(InputError, match=r"--buckets \.: neither auto nor a file of buckets"):
        prepared(tmp_path, tmp_path / "out", "--buckets", "")
    for text in ("{", "{}", "[]"):
        (tmp_path / buckets.INDEX).write_text(text)
        with pytest.raises(InputError, match=r"buckets.json: damaged, expected what vdit.prepare"):
            buckets.read_index(tmp_path)


def test_who_comes_as_others_end_finds_all_made(videos, folder, tmp_path, monkeypatch, capsys):
    """They give the folder its name after it was looked for, and before it is begun."""

    def planned(*asked):
        shutil.copytree(folder, tmp_path / "out")
        return plan(*asked)

    plan = bucketed.plan.identity
    monkeypatch.setattr(bucketed.plan, "identity", planned)
    asked = ("--buckets", folder.parent / "buckets.txt")
    assert prepared(folder.parent / "in", tmp_path / "out", *asked) == buckets.read_index(folder)
    assert capsys.readouterr().out.count("prepared already") == 3
    assert [left.name for left in tmp_path.iterdir()] == ["out"]


def test_what_moves_has_its_frames_and_stills_are_no_clips(tmp_path, capsys):
    for name in ("a.webp", "b.avif"):
        animation(tmp_path / name, STEPS)  # five frames of 80 ms
        assert choosing.looks(tmp_path, [name], fps=25)[name].frames == 10
    animation(tmp_path / "still.webp", [80])
    path = tmp_path / "buckets.txt"
    path.write_text("16x16@9\n16x16@5")
    with pytest.raises(InputError, match="no clip fits 16x16@9"):
        prepared(tmp_path, tmp_path / "out", "--buckets", path)
    assert "too short" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("lines", "flags", "error"),
    [
        ("16x16@3\n64x8@3", (), r"no clip fits 64x8@3; expected buckets of clips"),
        ("16x16@3\n16by16", (), r"buckets.txt line 2: '16by16': expected a bucket as WxH@F"),
        ("16x16@3", ("--size", "16"), r"--size with --buckets FILE: the file says the shapes"),
        ("16x16@3", ("--tile",), r"--tile with --buckets: tiles have no aspect"),
        ("16x16@99", (), r"no clip fits 16x16@99"),
        ("16x16@3\n16x16@2", (), r"bucket 16x16@2: 1 different video\(s\) long and large enough"),
    ],
)
def test_buckets_that_cannot_be_are_refused_in_a_line(videos, tmp_path, lines, flags, error):
    path = tmp_path / "buckets.txt"
    path.write_text(lines)
    with pytest.raises(InputError, match=error):
        prepared(videos, tmp_path / "out", "--buckets", str(path), *flags)
    assert [left.name for left in tmp_path.iterdir()] == ["buckets.txt"]


def test_a_recording_on_both_sides_of_the_buckets_splits_is_refused(videos, tmp_path):
    with pytest.raises(InputError, match=r"files of .* are in train in one bucket and in validat"):
        prepared(videos, tmp_path / "out", *AUTO, "--groups", r"(\d)\.mkv", "--seed", "1")
    assert not list(tmp_path.iterdir())
