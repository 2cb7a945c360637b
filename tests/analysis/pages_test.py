"""Pages of sweeps that differ from the demo's: of real videos, of a first try."""

import re
import shutil

from analysis import collect, report
from analysis.fitting import command as fitting
from analysis.verdict import rule
from tests.analysis.report_test import Page
from tests.analysis.synthetic_sweep import make_rows, write_root
from tests.paths import ROOT

LOOK = "extend_unweighted_efficientnet"


def test_a_page_of_real_videos_has_the_scores_that_its_verdict_reads(tmp_path):
    """Of trained runs: their four scores get better, and no longer stand in the verdict's way."""
    table = shutil.copy(ROOT / "analysis/results/quality/real_videos.csv", tmp_path)
    fitting.main([table, "--out", str(tmp_path / "fit.json"), "--bootstrap", "50"])
    report.main([table, "--out", str(tmp_path / "report.html")])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    text = " ".join(Page(page).text)
    assert "Undecided:" in text
    assert "first in the way: the best runs over-fit a small set of videos" in text
    assert "4 of 4 scores that the verdict reads got better" in text
    assert rule.WORDS["unscored"] not in text
    assert rule.WORDS["scores"] not in text
    (drawn,) = re.findall(r'<section id="scores">.*?</section>', page, re.DOTALL)
    better = re.findall(r'<span class="better"><span title="(\w+?)(?:_57934424)?">', drawn)
    assert better == ["motion_distance", "flicker_distance", "extend_ssim", LOOK]
    assert all(drawn.count(f"{name.replace('_', ' ')}") >= 3 for name in better)  # curve and tables


def test_six_short_runs_have_their_page(tmp_path):
    """As of a first try on own videos: each larger model is better, and intervals have no end."""
    params, losses = [7312, 15768, 27376], [[1.931, 1.921, 1.907], [1.908, 1.888, 1.860]]
    rows = [row for row in make_rows(2, seeds_at=9) if row["run_id"][2:4] in ("00", "01", "02")]
    for place, row in enumerate(rows):
        row |= {"params": params[place % 3], "loss_ema": losses[place // 3][place % 3]}
        row |= {"tokens": 6144 * (1 + place // 3), "size": None}
        row |= {"flops": 9 * row["params"] * row["tokens"], "flops_budget": 4e8 * (1 + place // 3)}
    root = write_root(tmp_path / "root", rows)
    collect.main(["--root", str(root), "--out", str(root / "results.csv")])
    report.main([str(root / "results.csv"), "--out", str(root / "report.html")])
    text = (root / "report.html").read_text(encoding="utf-8")
    assert "<b>chinchilla: the best size for the largest compute, " in text
    assert "<b>1×: the curve has no minimum" in text
    assert "nan" not in " ".join(Page(text).text)
