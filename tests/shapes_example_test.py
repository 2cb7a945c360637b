"""docs/examples/shapes in small: from a folder of six shapes, a tenth captioned, to a page."""

import csv
import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests import text_encoders
from tests.clips import write_video
from tests.paths import ROOT
from tests.tiny import environment, share_programs

EXAMPLE = ROOT / "docs" / "examples" / "shapes"
SHAPES = {"square": (20, 20), "wide": (15, 30), "tall": (30, 15)}  # H, W
COLOURS = {"red": (220, 40, 40), "green": (40, 200, 60), "blue": (50, 80, 230)}
FRAMES, VIDEOS, PICTURES = 12, 14, 6  # of a video; of each shape
BUCKETS = ["8x8@3", "16x8@3", "8x8@1"]
SMALL = {"FRAMES": 3, "SIZE": 8, "PATCH": 2, "VALIDATION": 0.2, "CAPTIONER_STEPS": 20, "STEPS": 100}
SMALL |= {"BATCH": 2, "CLIPS": 4, "TQDM_DISABLE": 1, "MODEL": "w20d2"}
SMALL |= {"SETTINGS": "validation.triples=40 sampling.steps=2 sampling.count=2"}


def images(shape, colour, right, seed):
    """A square that moves to one side over a ground of some grey."""
    (height, width), side = shape, 6
    video = np.full((FRAMES, height, width, 3), 20 + 3 * seed % 100, np.uint8)
    for k, image in enumerate(video):
        left = k % (width - side) if right else -1 - side - k % (width - side)
        image[seed % (height - side) :, left:][:side, :side] = COLOURS[colour]
    return video


def make_folder(root: pathlib.Path) -> pathlib.Path:
    """Videos and pictures of three shapes each; a tenth has captions, held-out ones among them."""
    root.mkdir()
    captions = []
    for shape in SHAPES:
        for i in range(VIDEOS + PICTURES):
            seed, is_video = len(captions), i < VIDEOS
            colour, right = list(COLOURS)[seed % 3], seed % 4 < 2
            video = images(SHAPES[shape], colour, right, seed)
            path = root / f"{shape}{i:02d}.{'mkv' if is_video else 'png'}"
            if is_video:
                write_video(path, video, pixels="bgr0")
            else:
                Image.fromarray(video[0]).save(path)
            moves = f" moves {'right' if right else 'left'}" * is_video
            captions.append((path.name, f"a large {colour} square{moves}"))
    with (root / "captions.csv").open("w", newline="") as table:
        csv.writer(table).writerows([("video_file_name", "prompt"), *captions[1::10]])
    return root


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """The folder that the script makes."""
    place = tmp_path_factory.mktemp("shapes")
    buckets = place / "buckets.txt"
    buckets.write_text("\n".join(BUCKETS))
    encoder = text_encoders.make("t5", place / "t5")
    small = {name: str(value) for name, value in SMALL.items()}
    small |= {"BUCKETS": str(buckets), "ENCODER": str(encoder)}
    share_programs(place / "out" / "sweep")
    path = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = ["bash", EXAMPLE / "run.sh", make_folder(place / "in"), place / "out"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment(1) | small | {"PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return place / "out"


def test_all_training_clips_have_captions_and_runs_see_all_shapes(out):
    """Pictures among them, none of which was captioned but those that the table names."""
    rows = {path.parent.name: pd.read_csv(path) for path in out.glob("captions/*/captions.csv")}
    assert rows.keys() == {*BUCKETS}
    assert all(row["caption"].notna().all() for row in rows.values())
    given = [(row["provenance"] == "given").sum() for row in rows.values()]
    assert 0 < sum(given) < sum(map(len, rows.values())) / 5
    table = pd.read_csv(out / "sweep" / "results.csv")
    assert len(table.groupby(["size", "flops_budget"])) == len(table) == 6
    (variant,) = table["variant"].unique()
    assert re.fullmatch(r"full-buckets3-written-\w{6}-t5-\w{6}", variant)
    scores = [f"{kind}_{bucket}" for kind in ("loss_ema", "shapes_loss") for bucket in BUCKETS]
    assert np.isfinite(table[[*scores, "shapes_loss", "motion_distance"]]).all(axis=None)


def test_the_page_has_a_verdict_and_videos(out):
    page = (out / "report.html").read_text()
    assert re.search(r'id="verdict"><b>Verdict</b><strong>(Undecided|Supported|Refuted)', page)
    assert re.search(r'class="caption">a large \w+ square moves \w+<', page)
    assert page.count('<img class="moving" src="data:image/webp') == 2 * 4
