"""No recording on both sides of the split: groups by name or column, and splits that are given."""

import contextlib
import pathlib

import pytest

from tests.clips import levels, run, write_video
from vdit.data.video_folder import catalogue, folder, ingest, splits
from vdit.errors import InputError

UCF = [f"v_Jump_g{group:02d}_c{clip:02d}.mkv" for group in range(1, 6) for clip in range(1, 4)]


def made(names, groups=(), sha256=None):
    places, groups = [(0, 0, 0)] * 4, dict(groups)
    return [
        ingest.Video(n, "", pathlib.Path(), sha256 or n, side=groups.get(n, ""), places=places)
        for n in names
    ]


def sides(videos, seed, share=0.3):
    """For each group, whether its videos are held out: a set of one where all or none are."""
    held, found = splits.held_out(videos, share, seed), {}
    for video, is_held in zip(videos, held.tolist(), strict=True):
        found.setdefault(video.side, set()).add(is_held)
    return found


@pytest.fixture
def listed(tmp_path):
    """listed(names): the catalogue of a folder with such files, empty."""
    with contextlib.ExitStack() as stack:

        def of(names):
            for name in names:
                (tmp_path / "listed" / name).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / "listed" / name).touch()
            found = catalogue.Catalogue(tmp_path / "listed", folder.EXTENSIONS)
            return stack.enter_context(contextlib.closing(found))

        yield of


def test_a_group_is_on_one_side(listed):
    words = splits.group(files := listed(UCF), r"(v_\w+_g\d+)_c", None, "")
    assert words.endswith("15 videos are of 5 groups, 0 are by themselves")
    groups = {video.name: video.side for video in files}
    leaks = 0
    for seed in range(10):
        found = sides(made(UCF, groups), seed)
        assert all(len(split) == 1 for split in found.values())
        assert {False} in found.values()
        assert {True} in found.values()
        held = splits.held_out(videos := made(UCF), 0.3, seed)
        leaks += len({groups[v.name] for v, h in zip(videos, held, strict=True) if h}) > 1
    assert leaks == 10  # by file, every split leaks


def test_groups_and_equal_bytes_are_joined():
    """a and b share bytes, b and c a group: all three are one recording."""
    groups = {"b": "x", "c": "x"}
    videos = [*made("ab", groups, sha256="same"), *made("cdefgh", groups)]
    for seed in range(10):
        assert len({*splits.held_out(videos, 0.5, seed)[:3].tolist()}) == 1


def test_known_names_are_proposed_and_not_applied(tmp_path, capsys):
    (tmp_path / "videos").mkdir()
    for index, name in enumerate(UCF[:6]):
        write_video(tmp_path / "videos" / name, levels(range(9 * index, 9 * index + 3)))
    assert run(tmp_path / "videos", tmp_path / "out")["sides"] == {}
    said = capsys.readouterr().out
    pattern = next(line for line in said.splitlines() if "look like clips" in line)
    assert pattern.startswith("6 names look like clips cut of 2 recordings: --groups '")
    grouped = run(tmp_path / "videos", tmp_path / "by", "--groups", pattern.split("'")[1])
    assert len(set(grouped["sides"].values())) == 2
    assert grouped["counts"]["validation"]["videos"] == 3
    with pytest.raises(InputError, match=r"prepared differently \(other groups or splits\)"):
        run(tmp_path / "videos", tmp_path / "by")


@pytest.mark.parametrize(
    ("names", "recordings"),
    [
        (UCF, 5),
        ([f"x/abcdefghij{k}_{s:06d}_{s + 10:06d}.mp4" for k in "12" for s in (0, 60)], 2),
        ([f"film-Scene-{n:03d}.mp4" for n in range(4)], 1),
        ([f"{day}_part{n}.mp4" for day in ("mon", "tue") for n in range(3)], 2),
        (["again.mp4", "bird.mp4", "walk.mp4", "rec-12_30_05.mp4"], 0),
        (["clip1.mp4", "v_x_g01_c01.avi", "b.mp4"], 0),
    ],
)
def test_what_looks_like_clips_of_one_recording(listed, names, recordings):
    line = splits.proposal(listed(names))
    assert (f"cut of {recordings} recordings" in line) if recordings else line == ""


def test_groups_of_a_column_and_a_given_split(tmp_path):
    root = tmp_path / "videos"
    root.mkdir()
    rows = ["video_file_name,prompt,camera"]
    for index, name in enumerate("abcdef"):
        write_video(root / f"{name}.mkv", levels(range(9 * index, 9 * index + 3)))
        rows.append(f"{name}.mkv,x,{'left' if index % 2 else 'right'}")
    (root / "captions.csv").write_text("\n".join(rows))
    record = run(root, tmp_path / "out", "--groups", "camera")
    held = {name for name, file in record["files"].items() if file["split"] == "validation"}
    assert held in ({"a.mkv", "c.mkv", "e.mkv"}, {"b.mkv", "d.mkv", "f.mkv"})
    table = tmp_path / "split.csv"
    table.write_text("file,split\n" + "".join(f"{n}.mkv,train\n" for n in "abcde") + "f,x\n")
    with pytest.raises(InputError, match=r"split\.csv line 7: 'f' is no video"):
        run(root, tmp_path / "given", "--split", str(table))
    table.write_text(table.read_text().replace("f,x", "f.mkv,test"))
    with pytest.raises(InputError, match=r"line 7: split 'test', expected train or validation"):
        run(root, tmp_path / "given", "--split", str(table))
    table.write_text(table.read_text().replace("f.mkv,test", ""))
    with pytest.raises(InputError, match=r"1 of 6 videos not named: f\.mkv"):
        run(root, tmp_path / "given", "--split", str(table))
    table.write_text(table.read_text().replace("e.mkv,train", "e.mkv,validation\nf.mkv,train"))
    record = run(root, tmp_path / "given", "--split", str(table))
    assert [n for n, f in record["files"].items() if f["split"] == "validation"] == ["e.mkv"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--groups", "("), r"--groups \(: no regular expression"),
        (("--groups", "camera"), r"--groups camera: no column of the captions, and no name"),
        (("--groups", "a", "--split", "b.csv"), r"not allowed with argument --groups"),
        (("--split", "none.csv"), r"--split none\.csv: no such file"),
    ],
)
def test_bad_groups_and_splits(tmp_path, flags, message):
    (tmp_path / "videos").mkdir()
    write_video(tmp_path / "videos" / "v.mkv", levels(range(3)))
    with pytest.raises(InputError, match=message):
        run(tmp_path / "videos", tmp_path / "out", *flags)
