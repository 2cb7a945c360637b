"""Names and what is said of them lie on disk: of many files few are in memory at a time."""

import contextlib
import json
import multiprocessing
import os
import tracemalloc
from unittest import mock

import pytest

from vdit.data.video_folder import catalogue, container, folder, plan
from vdit.data.video_folder.request import Request

MANY = 500


def catalogue_of(root):
    return contextlib.closing(catalogue.Catalogue(root, folder.EXTENSIONS))


def plan_and_peak(asked, path):
    """What `plan.write` returns of tiny slices, and the most bytes that it had at a time."""
    no_headers = mock.patch.object(container, "rate_by_header", return_value=None)
    with no_headers, mock.patch.object(plan, "SLICE_FILES", 16):
        tracemalloc.start()
        there = plan.write(asked, path)
    return there, tracemalloc.get_traced_memory()[1]


@pytest.mark.parametrize("captioned_by", ["metadata.jsonl", "metadata.csv", "sidecars"])
def test_a_plan_of_many_videos_never_has_all_their_names_in_memory(tmp_path, captioned_by):
    """In a process of its own: threads that other tests left allocate, too."""
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
    asked = Request(root, tmp_path / "out", 3, (8, 8))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        there, peak = pool.apply(plan_and_peak, (asked, tmp_path / "plan"))
    assert peak < sum(len(name) + len(text) for name, text in texts.items())
    assert there["messages"][0].endswith(f"0 of {MANY} videos have no caption")
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
