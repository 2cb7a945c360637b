"""The page holds everything, fetches nothing, and is drawn for sweeps that went wrong too."""

import html.parser
import json
import re
import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest

from analysis import collect, report
from analysis.fitting import command as fitting
from analysis.frontier import prediction
from analysis.page import longer, videos
from analysis.table import reading, serial
from tests.analysis.light_fit import light_fit
from tests.analysis.synthetic_sweep import SMALLEST, make_rows, write_root
from vdit.errors import InputError

SECTIONS = {
    "verdict", "scaling", "videos", "scores", "isoflop", "size", "levels", "runs", "method",
    "again",
}  # fmt: skip
COMMANDS = (
    "calibrate", "collect", "compare", "economics", "film", "fit",
    "plan", "predict", "rates", "report", "sensitivity", "variants",
)  # fmt: skip
# What of vdit a command may bring along: all of it the standard library alone.
LIGHT = (
    "vdit.errors",
    "vdit.runs",
    "vdit.runs.files",
    "vdit.runs.folder",
    "vdit.runs.signals",
    "vdit.config",
    "vdit.config.versions",
    "vdit.config.devices",
)


class Page(html.parser.HTMLParser):
    """Ids of sections, every address the page would fetch, and its text."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.fetched, self.images, self.text = set(), [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag in ("section", "div") and "id" in attributes:
            self.ids.add(attributes["id"])
        for name in ("src", "href", "xlink:href", "srcset", "action"):
            if name in attributes and not attributes[name].startswith("#"):
                self.fetched.append(attributes[name])
        if tag == "img":
            self.images.append(attributes)

    def handle_data(self, data):
        self.text.append(data)


OVERLAP = {"validation_windows": 30, "near_duplicates": 4, "validation_still": 7}


def draw(root, rows=None, videos=True):
    """Write a root, run the commands on it as a user would, return the page."""
    write_root(root, rows or make_rows(6, near_duplicates_kept=0, **OVERLAP), videos=videos)
    table = root / "results.csv"
    collect.main(["--root", str(root), "--out", str(table)])
    frame = reading.read_table(table)
    largest = frame["flops_budget"].max()
    said = prediction.predict(frame[frame["flops_budget"] < largest])
    before = serial.to_json(replace(said, created=1_600_000_000.0))
    (root / "prediction.json").write_text(json.dumps(before))
    fitting.main([str(table), "--out", str(root / "fit.json"), "--bootstrap", "200"])
    out = root / "report.html"
    report.main([str(table), "--out", str(out), "--png", str(root / "scaling.png")])
    return out.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    root = tmp_path_factory.mktemp("sweep") / "root"
    return draw(root), root


def test_every_section_is_there(whole):
    assert Page(whole[0]).ids >= SECTIONS


def test_nothing_is_fetched_and_nothing_runs(whole):
    text = whole[0]
    fetched = Page(text).fetched
    assert fetched
    assert all(address.startswith("data:image/") for address in fetched)
    assert "<script" not in text
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)


def test_videos_of_growing_compute_stand_beside_the_real_clip(whole):
    images = [image for image in Page(whole[0]).images if image["alt"]]
    captions = {image["alt"].split(": ", 1)[1] for image in images}
    assert len(captions) == 3
    for caption in captions:
        kinds = [image["alt"].split(":")[0] for image in images if image["alt"].endswith(caption)]
        assert kinds == ["1×", "2×", "4×", "8×", "16×", "32×", "real"]
    moving = [image for image in Page(whole[0]).images if image.get("class") == "moving"]
    assert len(moving) == len(images)  # each hidden until the pointer, or a tap, is on it
    assert ".cell .moving{display:none" in whole[0]
    assert ".cell:hover .moving,.cell:focus .moving{display:block}" in whole[0]


def test_the_prediction_is_shown_as_made_before(whole):
    text = " ".join(Page(whole[0]).text)
    assert "Supported:" in text
    assert "written down before the first run of that budget started" in text
    assert "predicted beforehand" in text
    assert "Orange is what was predicted" in text


def test_near_duplicates_are_counted(whole):
    text = " ".join(Page(whole[0]).text)
    assert "4 of 30 validation windows nearly seen in training, left out; 7 stand still" in text
    assert "Validation holds near-duplicates" not in text


def test_figures_follow_light_and_dark(whole):
    figures = re.findall(r"<svg.*?</svg>", whole[0], re.DOTALL)
    assert len(figures) == 12
    for figure in figures:
        assert "var(--ink)" in figure
        assert not re.search(r"#0[1-8]0[1-8]\d\d\b", figure)
    ids = re.findall(r'\bid="([^"]+)"', whole[0])
    assert len(set(ids)) == len(ids)


def test_every_run_is_in_the_table(whole):
    for row in make_rows(6):
        assert f"<code>{row['run_id']}</code>" in whole[0]


def test_the_picture_is_a_png(whole):
    assert (whole[1] / "scaling.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_sweep_of_edges_over_fitted_and_without_videos_has_its_page(tmp_path):
    rows = [
        row
        for row in make_rows(4, epochs=30.0, near_duplicates_kept=4, **OVERLAP)
        if row["run_id"][2:4] in ("02", "03", "04")
    ]
    for row in rows:
        row["loss_train"] = 0.5 * row["loss_ema"]
        row["psnr"] = None
        del row["started"]
    page = Page(draw(tmp_path / "root", rows, videos=False))
    text = " ".join(page.text)
    assert "Undecided:" in text
    assert "Over-fitting at 1×, 2×, 4×, 8×." in text
    assert "below the smallest size" in text
    assert "Validation holds near-duplicates of training windows." in text
    assert "of unknown age" in text
    assert "No samples were found" in text


def test_one_budget_alone_has_its_page(tmp_path):
    root = write_root(tmp_path / "root", make_rows(1, seeds_at=0))
    collect.main(["--root", str(root), "--out", str(root / "results.csv")])
    pd.DataFrame(make_rows(5)).to_csv(root / "longer.csv", index=False)
    asked = [str(root / "results.csv"), "--out", str(root / "report.html")]
    report.main([*asked, "--longer", str(root / "longer.csv")])
    text = (root / "report.html").read_text(encoding="utf-8")
    assert "Undecided:" in text
    assert "is 1× to 1× on the curve of sweep demo, which goes on to 16×" in text
    assert "No prediction of a budget in this table was written down" in text
    assert "Orange is" not in text


def test_the_page_says_where_its_budgets_lie_on_a_longer_curve():
    rows = pd.DataFrame(make_rows(7))
    some = rows[rows["flops_budget"].between(1.5 * SMALLEST, 9 * SMALLEST)]
    said = longer.note(light_fit(some), rows)
    lowest = rows.groupby("flops_budget")["loss_ema"].min()
    assert "is 2× to 8× on the curve of sweep demo, which goes on to 64×" in said
    with pytest.raises(InputError, match="--longer: expected a table of runs with a flops_budget"):
        longer.note(light_fit(some), rows.drop(columns="flops_budget"))
    over = f"falls from {lowest.iloc[1]:.3f} to {lowest.iloc[3]:.3f} over these budgets"
    assert f"{over}, and to {lowest.iloc[6]:.3f} at the end" in said


def test_a_damaged_video_is_left_out_and_said_and_no_captions_are_no_weight(tmp_path, capsys):
    root = write_root(tmp_path / "root", make_rows(1, seeds_at=0), videos=True)
    picks = [("1×", make_rows(1, seeds_at=0)[0]["run_id"])]
    folder = videos.samples_folder(root, picks[0][1])
    whole, left_out = videos.wall(root, picks)
    assert (len(whole), left_out) == (3, 0)
    (folder / "samples.json").unlink()
    (folder / "final_01.webp").write_bytes(b"RIFF")
    shown, left_out = videos.wall(root, picks)
    assert (len(shown), left_out) == (2, 0)
    assert "final_01.webp: damaged" in capsys.readouterr().err


def test_a_heavy_wall_has_fewer_captions_and_says_so(tmp_path, monkeypatch):
    root = write_root(tmp_path / "root", make_rows(1, seeds_at=0), videos=True)
    monkeypatch.setattr(videos, "HEAVY", 1)
    page = videos.section(root, [("1×", make_rows(1, seeds_at=0)[0]["run_id"])])
    assert "2 more captions were left out to keep the page light" in page


def test_captions_can_not_break_the_page(tmp_path):
    root = write_root(tmp_path / "root", make_rows(1, seeds_at=0), videos=True)
    for path in root.rglob("samples.json"):
        path.write_text(json.dumps({"captions": ['<script>x</script>" onload="y'] * 3}))
    collect.main(["--root", str(root), "--out", str(root / "results.csv")])
    report.main([str(root / "results.csv"), "--out", str(root / "report.html")])
    text = (root / "report.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;" in text
    assert "<script>" not in text
    assert '" onload="' not in text


def test_a_fit_of_another_table_is_refused(whole, tmp_path):
    root = write_root(tmp_path / "root", make_rows(2, seeds_at=0))
    collect.main(["--root", str(root), "--out", str(root / "results.csv")])
    with pytest.raises(InputError, match="another table"):
        report.main([str(root / "results.csv"), "--fit", str(whole[1] / "fit.json")])


def test_the_commands_start_light_and_never_load_jax():
    code = (
        "import sys\n"
        f"for name in {COMMANDS}: __import__('analysis.' + name)\n"
        "heavy = {'numpy', 'pandas', 'scipy', 'matplotlib', 'jax', 'flax'} & set(sys.modules)\n"
        f"heavy |= {{m for m in sys.modules if m.startswith('vdit.')}} - set({LIGHT})\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_error_is_one_line_and_status_2(tmp_path):
    command = [sys.executable, "-m", "analysis.fit", str(tmp_path / "none.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
