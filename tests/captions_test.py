"""Captions as people keep them: each video has its own, or a line says which row is not read."""

import json
import unicodedata
from types import SimpleNamespace

import pandas as pd
import pytest

from tests.clips import levels, run, write_video
from tests.paths import awkward
from vdit.data.video_folder import folder
from vdit.errors import InputError
from vdit.training import diffusion_task
from vdit.training.diffusion_task import DiffusionTask

NAMES = ("a.mp4", "b.mp4", "c.mp4")
HEADER = "video_file_name,prompt\n"


@pytest.fixture
def prepared(tmp_path):
    """prepared(files, flags, names): captions by video in the prepared folder of these files."""

    def captions(files, *flags, names=NAMES):
        root = tmp_path / "videos"
        for level, name in enumerate(names):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            write_video(root / name, levels(range(9 * level, 9 * level + 4)), codec="mpeg4",
                        pixels="yuv420p")  # fmt: skip
        for name, text in files.items():
            data = text if isinstance(text, bytes) else text.encode()
            (root / name).write_bytes(data)
        record = run(root, tmp_path / "out", *(str(flag) for flag in flags))
        captions.ignored = record["ignored"]
        return {name: file["caption"] for name, file in record["files"].items()}

    return captions


TABLES = [
    ("captions_comma.csv", r"captions_comma\.csv line 2: 3 cells, the header has 2"),
    ("captions_quote.csv", r"captions_quote\.csv line 2: .*; is a quote left open\?"),
    ("captions_missing.csv", {"a.mp4": "one", "b.mp4": "", "c.mp4": ""}),
    ("captions_excel.csv", {"a.mp4": "one", "b.mp4": "two", "c.mp4": "three"}),
]


@pytest.mark.parametrize(("name", "right"), TABLES)
def test_awkward_tables(prepared, name, right):
    table = awkward(name)
    if isinstance(right, dict):
        assert prepared({}, "--captions", table) == right
        return
    with pytest.raises(InputError, match=right):
        prepared({}, "--captions", table)


WRONG = [
    (HEADER + "a.mp4\n", r"line 2: 1 cells, the header has 2"),
    (HEADER + 'a.mp4,"A sign" that reads\n', r"line 2: .*; is a quote left open\?"),
    (HEADER + 'a.mp4,"OPEN\nb.mp4,"blue"\n', r"line 2: .*; is a quote left open\?"),
    (HEADER + 'a.mp4,"OPEN\nb.mp4,blue"\nc.mp4,x\n', r"line 2: .*'b\.mp4,blue', which names an"),
    (HEADER + ",a red ball\n", r"line 2: '' is no video"),
    (HEADER + "\nnone.mp4,x\n", r"line 3: 'none\.mp4' is no video of the folder"),
    (HEADER + "a.mp4,x\na.mp4,y\n", r"line 3: 'a\.mp4' is named by line 2, too"),
    ("file,prompt,text\na.mp4,x,y\n", r"columns prompt and text: choose one by --caption_column"),
    ("name,prompt\na.mp4,x\n", r"no column 'video_file_name' or .*; columns found: name, prompt"),
    ("", r"no column 'prompt' or .*; columns found: none"),
    (b"\xff\xfe" + HEADER.encode("utf-16-le"), r"captions\.csv: not UTF-8"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_row_that_can_be_read_in_two_ways_is_named(prepared, text, message):
    with pytest.raises(InputError, match=message):
        prepared({"captions.csv": text})


def parquet(tmp_path, **columns):
    pd.DataFrame(columns).to_parquet(tmp_path / "made.parquet")
    return (tmp_path / "made.parquet").read_bytes()


def test_tables_of_other_kinds(prepared, tmp_path):
    lines = [{"file_name": "a.mp4", "text": "a, b"}, {"file_name": "b.mp4", "text": None}]
    jsonl = "\n\n".join(map(json.dumps, lines)) + "\n"
    assert prepared({"metadata.jsonl": jsonl}) == {"a.mp4": "a, b", "b.mp4": "", "c.mp4": ""}
    assert prepared.ignored == []


def test_parquet_and_named_columns(prepared, tmp_path):
    data = parquet(tmp_path, id=["b.mp4", "a.mp4"], long=["two", None], text=["x", "y"])
    flags = ("--file_column", "id", "--caption_column", "long")
    assert prepared({"metadata.parquet": data}, *flags)["b.mp4"] == "two"


def test_broken_lines_are_named(prepared):
    with pytest.raises(InputError, match=r"metadata\.jsonl line 2: not JSON"):
        prepared({"metadata.jsonl": '{"file_name": "a.mp4", "text": "x"}\n{"file_name"\n'})
    (row,) = [json.dumps({"file_name": "a.mp4", "text": ["x", "y"]})]
    with pytest.raises(InputError, match=r"line 1: text is \['x', 'y'\], expected text"):
        prepared({"metadata.jsonl": row})


def test_texts_beside_the_videos(prepared):
    files = {"a.txt": "one,\n two\n", "b.json": '{"fps": 8, "caption": "three"}', "README.txt": "x"}
    assert prepared(files) == {"a.mp4": "one,\n two", "b.mp4": "three", "c.mp4": ""}
    assert prepared.ignored == ["README.txt"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.txt": "x", "captions.csv": HEADER}, r"captions in .*captions\.csv and in sidecars"),
        ({"metadata.csv": HEADER, "captions.csv": HEADER}, r"captions\.csv and in .*metadata\.csv"),
        ({"a.txt": "x", "a.json": "{}"}, r"a\.txt: which caption is whose, of a\.json, a\.mp4"),
    ],
)
def test_two_sources_are_not_chosen_from(prepared, files, message):
    with pytest.raises(InputError, match=message + ".*by --captions"):
        prepared(files)
    assert set(prepared(files, "--captions", "none").values()) == {""}


def test_a_bare_name_is_one_video_s(prepared):
    names = ("a.mp4", "x/a.mp4", "x/b.mp4", "y/b.mp4", "y/c.mp4")
    table = HEADER + "a.mp4,top\nx/b.mp4,inner\n ./c.mp4,only\n"
    found = prepared({"captions.csv": table}, names=names)
    assert list(found.values()) == ["top", "", "inner", "", "only"]
    with pytest.raises(InputError, match=r"line 2: 'b\.mp4' may be x/b\.mp4 or y/b\.mp4"):
        prepared({"captions.csv": HEADER + "b.mp4,one\n"}, names=names)


def test_names_are_compared_after_normalisation(prepared):
    composed, apart = (unicodedata.normalize(form, "été.mp4") for form in ("NFC", "NFD"))
    found = prepared({"captions.csv": HEADER + f"{composed},summer\n"}, names=(apart, "b.mp4"))
    assert found[apart] == "summer"


def test_folders_are_classes(prepared):
    found = prepared({}, "--labels", "folder", names=("jump/1.mp4", "in/run/1.mp4", "x.mp4"))
    assert list(found.values()) == ["run", "jump", ""]


@pytest.mark.parametrize("table", [HEADER + "a.mp4,one\n", HEADER, None])
def test_videos_without_a_caption_are_counted(prepared, capsys, table):
    prepared({"captions.csv": table} if table else {})
    without = 2 if table and "one" in table else 3
    assert f"; {without} of 3 videos have no caption" in capsys.readouterr().out


def test_links_are_followed_once_and_named(tmp_path):
    (tmp_path / "in" / "z" / "deep").mkdir(parents=True)
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "z" / "deep" / "a.mp4").touch()
    (tmp_path / "out" / "b.mp4").touch()
    (tmp_path / "in" / "linked").symlink_to(tmp_path / "out")
    (tmp_path / "in" / "again").symlink_to(tmp_path / "in" / "z" / "deep")
    (tmp_path / "out" / "up").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    videos, others = folder.list_files(tmp_path / "in")
    assert videos == ["gone.mp4", "linked/b.mp4", "z/deep/a.mp4"]
    assert others == ["again", "linked/up"]


@pytest.mark.parametrize(
    ("captions", "places"),
    [(["", "a", " ", "b", "", "c", "d"], [1, 3, 6]), (["a"] * 5, [0, 2, 4]), ([""] * 5, [0, 2, 4])],
)
def test_samples_are_of_held_out_clips_with_captions_if_any(monkeypatch, captions, places):
    source = SimpleNamespace(captions=lambda: captions)
    monkeypatch.setattr(diffusion_task, "open_source", lambda *_: source)
    asked = SimpleNamespace(data=None, sampling=SimpleNamespace(count=3))
    task = SimpleNamespace(config=asked, validation=captions)
    assert DiffusionTask._previewed.func(task).tolist() == places
