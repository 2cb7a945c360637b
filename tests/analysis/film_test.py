"""One caption by several budgets: the runs that are picked, their frames, what can't be shown."""

import numpy as np
import pandas as pd
import pytest

from analysis import film
from analysis.figures import style
from analysis.figures.animation import frames_of
from analysis.figures.film import film as draw
from tests.analysis.synthetic_sweep import make_rows, write_root
from vdit.data.media import write_video
from vdit.errors import InputError


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    rows = make_rows(2, seeds_at=0)
    root = write_root(tmp_path_factory.mktemp("film") / "root", rows, videos=True)
    pd.DataFrame(rows).to_csv(root / "results.csv", index=False)
    return root, pd.DataFrame(rows)


def test_the_run_of_lowest_loss_of_each_budget_and_the_real_clip(sweep):
    root, table = sweep
    trunk = table.iloc[:1].assign(run_id="trunk", flops_budget=0.0)
    caption, shown = film.strips(pd.concat([trunk, table]), root, [1, 2], 1)
    assert caption.endswith("number 1")
    assert list(shown) == ["1×", "2×", "a real clip"]
    for factor in (1, 2):
        rows = table[table["flops_budget"] == factor * table["flops_budget"].min()]
        best = rows.sort_values("loss_ema").iloc[0]["run_id"]
        expected = frames_of(root / "runs" / best / "samples" / "final_01.webp")
        assert np.array_equal(shown[f"{factor}×"], expected)
    assert shown["a real clip"].shape == (9, 32, 32, 3)


def test_equal_frames_come_back(tmp_path):
    video = np.arange(6, dtype=np.uint8).repeat([1, 3, 1, 1, 2, 1])[:, None, None, None] * 40
    write_video(tmp_path / "a.webp", np.tile(video, (1, 16, 16, 3)), fps=8)
    found = frames_of(tmp_path / "a.webp")
    assert found[:, 0, 0, 0].tolist() == video.ravel().tolist()


def test_every_video_has_its_row_of_frames():
    white, black = np.full((3, 8, 8, 3), 255, np.uint8), np.zeros((2, 8, 8, 3), np.uint8)
    drawn = draw("a caption", {"1×": white, "a real clip": black}, style.LIGHT)
    assert [ax.get_ylabel() for ax in drawn.axes] == ["1×", "a real clip"]
    assert drawn.get_supylabel() == "training compute"
    assert len({ax.get_xlim() for ax in drawn.axes}) == 1  # the shorter one ends earlier
    assert [ax.images[0].get_array().shape[1] for ax in drawn.axes] == [24, 16]


def test_the_command_writes_the_picture_and_names_what_is_not_there(sweep, tmp_path, capsys):
    root, _ = sweep
    asked = [str(root / "results.csv"), "--root", str(root), "--png", str(tmp_path / "film.png")]
    film.main([*asked, "--times", "1", "2", "--caption", "2"])
    assert (tmp_path / "film.png").read_bytes().startswith(b"\x89PNG")
    assert "number 2: written to" in capsys.readouterr().out
    with pytest.raises(InputError, match="no budget of the table is 6e"):
        film.main([*asked, "--times", "3"])
    with pytest.raises(InputError, match=r"--caption 7: .* has 3 samples"):
        film.main([*asked, "--times", "1", "--caption", "7"])
    with pytest.raises(InputError, match="has no samples there"):
        film.main([*asked[:1], "--root", str(tmp_path), *asked[3:], "--times", "1"])
