"""Forty files as people have them, from their folder to a page; and what is said on the way."""

from analysis import collect, report
from tests import mixed_folder
from tests.clips import run
from tests.growing_test import SHRUNK
from tests.tiny import swept
from vdit.data import latents
from vdit.runs import folder

SWEEP = """
EXPERIMENT = "experiments/base.py"

def sweep(base):
    for width in (16, 24):
        yield {shrunk} | {{"steps": 8, "flops_budget": 1e6, "model.width": width}}
"""
CLIPS = 16  # of 338 windows of training
TOLD = [
    "2 of 40 videos have no caption",
    "21 of 40 files have about 30 frames a second; other rates, of 17, are resampled to that",
    "2 can't be opened or say none",
    "ignored, as not videos by their names: notes from the shoot.md",
    "alpha: on black: clear.mkv",
    "cut_short.mkv        part        15      5        ends after 15 frames, its header says 1.0 s",
    "empty.mp4            unreadable",
    "one_lost_packet.mp4  part        26      8        damaged after 12 frames, 4 lost, read on",
    "4 of 40 files were not read whole",
    "validation windows are near-duplicates of training windows (sent/take 1.mp4 like take 1.mp4)",
    "sheet.html: the files at a glance, for a browser",
    "each 3x16x16 at 30 fps",
]
SHOWN = [
    "2 runs at 1 budget",
    "8 of 35",
    "validation windows nearly seen in training, left out",
    "a bright square moves right, then on",
    "data:image/webp;base64,",
]


def test_from_folder_to_page(tmp_path, capsys):
    mixed_folder.make(tmp_path / "videos")
    record = run(tmp_path / "videos", tmp_path / "set", frames=3, size=16)
    said = capsys.readouterr().out
    assert [line for line in TOLD if line not in said] == []
    data = {"data.name": "video_folder", "data.dir": str(tmp_path / "set"), "data.epochs": 0}
    shrunk = SHRUNK | data | {"data.train_clips": CLIPS, "data.validation_clips": 0}
    (tmp_path / "sweep.py").write_text(SWEEP.format(shrunk=shrunk))
    swept(tmp_path / "sweep.py", tmp_path / "root")
    windows = record["counts"]["train"]["windows"]
    used = f"train: {CLIPS} of {windows} clips, evenly spread, are used (data.train_clips={CLIPS}"
    assert used in capsys.readouterr().out
    made = next((tmp_path / "root" / "runs").iterdir())
    latents._say.cache_clear()  # as another process, which finds the latents made
    latents.prepare(folder.read_config(made))
    assert used in capsys.readouterr().out
    table = tmp_path / "root" / "results.csv"
    collect.main(["--root", str(tmp_path / "root"), "--out", str(table)])
    report.main([str(table), "--out", str(tmp_path / "report.html")])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert [words for words in SHOWN if words not in page] == []
