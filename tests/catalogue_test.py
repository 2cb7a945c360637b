"""Names and what is said of them lie on disk: of many files few are in memory at a time."""

import contextlib
import json
import os
import tracemalloc

import pytest

from vdit.data.video_folder import catalogue, container, folder, plan
from vdit.data.video_folder.request import Request

MANY = 500


def catalogue_of(root):
    return contextlib.closing(catalogue.Catalogue(root, folder.EXTENSIONS))


@pytest.mark.parametrize("captioned_by", ["metadata.jsonl", "metadata.csv", "sidecars"])
def test_a_plan_of_many_videos_never_has_all_their_names_in_memory(
    tmp_path, monkeypatch, captioned_by
):
    monkeypatch.setattr(container, "rate_by_header", lambda path: None)
    monkeypatch.setattr(plan, "SLICE_FILES", 16)
    root = tmp_path / "videos"
    root.mkdir()
    texts = {f"{'n' * 200}{k:05d}": f"{'c' * 10_000} {k}" for k in range(MANY)}
    for name, text in texts.items():
        (root / f"{name}.mp4").touch()
        if captioned_by == "sidecars":
            (root / f"{name}.txt").write_text(text)
    if captioned_by == "metadata.jsonl":
        rows = (json.dumps({"file_name": f"{n}.mp4", "text": t}) for n, t in texts.items())
        (root / captioned_by).write_text("\n".join(rows))
    elif captioned_by == "metadata.csv":
        rows = (f"{name}.mp4,{text}\n" for name, text in texts.items())
        (root / captioned_by).write_text(f"file_name,text\n{''.join(rows)}")
    (tmp_path / "plan").mkdir()
    tracemalloc.start()
    there = plan.write(Request(root, tmp_path / "out", 3, (8, 8)), tmp_path / "plan")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < sum(len(name) + len(text) for name, text in texts.items())
    assert there["said"][0].endswith(f"0 of {MANY} videos have no caption")
    planned = plan.Plan(tmp_path / "plan", there)
    found = [video for name in planned.slices for video in planned.videos(name)]
    assert {video.name.removesuffix(".mp4"): video.caption for video in found} == texts


def test_names_that_are_no_unicode_have_their_place(tmp_path):
    names = [b"b.mp4", b"\xff\xfe.mp4", "ü.mp4".encode(), "\U0001f600.mp4".encode(), b"a/\xe9.mp4"]
    (tmp_path / "a").mkdir()
    for name in names:
        (tmp_path / os.fsdecode(name)).touch()
    with catalogue_of(tmp_path) as files:
        assert [video.name for video in files] == sorted(map(os.fsdecode, names))
        files.set_each("caption", lambda name: name.upper())
        assert [v.caption for v in files] == [v.name.upper() for v in files]
        assert files.count("caption") == (5, 5)
