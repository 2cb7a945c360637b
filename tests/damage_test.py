"""Known damage does what it says, and scores with planted answers answer so."""

import dataclasses

import numpy as np
import pytest

from analysis import sensitivity
from analysis.table import answers as read
from tests.tiny import python
from vdit.errors import InputError
from vdit.evaluators.damage import answers
from vdit.evaluators.damage.kinds import FRAMES, KINDS
from vdit.runs.tables import as_csv


def squares(count, side=16):
    """Clips of a bright square on a slope, moving at a speed of its own."""
    rng, found = np.random.default_rng(0), np.zeros((count, FRAMES, side, side, 3))
    for clip in found:
        colour, speed = rng.uniform(60, 250, 3), rng.uniform(0.3, 1)
        for t, frame in enumerate(clip):
            frame[:] = 4 * np.arange(side)[:, None, None]
            frame[4:10, int(t * speed) :][:, :6] = colour
    return found.astype(np.uint8)


VIDEOS = squares(64)


def damaged(kind, strength, videos=VIDEOS):
    return KINDS[kind].apply(videos, strength, np.random.default_rng(0))


@dataclasses.dataclass(frozen=True)
class Planted:
    """Two numbers of a clip: of its frames in any order, or of their changes."""

    name: str
    identity: str = "00000000"

    def __call__(self, videos):
        frames = videos.astype(float)
        seen = np.abs(np.diff(frames, axis=1)) if self.name == "changes" else frames
        return np.stack([seen.mean((1, 2, 3, 4)), seen.std(axis=(1, 2, 3, 4))], 1)


@pytest.mark.parametrize("kind", KINDS)
def test_more_damage_is_further_away(kind):
    before, away = VIDEOS.copy(), [0.0]
    for strength in KINDS[kind].strengths:
        made = damaged(kind, strength)
        assert made.shape == VIDEOS.shape
        assert made.dtype == np.uint8
        away.append(np.abs(made.astype(float) - VIDEOS).mean())
    assert (np.diff(away) > 0.05).all(), away
    assert (before == VIDEOS).all()


def test_time_is_damaged_as_much_as_it_says():
    numbered = np.arange(4 * FRAMES, dtype=np.uint8).reshape(4, FRAMES, 1, 1, 1)
    numbered = np.broadcast_to(numbered, (4, FRAMES, 2, 2, 3))
    for frames in KINDS["shuffle"].strengths:
        found = damaged("shuffle", frames, numbered)[..., 0, 0, 0]
        assert ((found != numbered[..., 0, 0, 0]).sum(1) == frames).all()
        assert (np.sort(found) == numbered[..., 0, 0, 0]).all()
    frozen = damaged("freeze", 4, numbered)[0, :, 0, 0, 0]
    assert frozen.tolist() == [0, 1, 2, 3, 4, 4, 4, 4, 4]
    swapped = damaged("swap", 0.5, numbered)[..., 0, 0, 0] != numbered[..., 0, 0, 0]
    assert (swapped.sum(1) == [0, 5, 0, 5]).all() or sorted(swapped.sum(1)) == [0, 0, 5, 5]
    assert not swapped[:, : FRAMES // 2].any()


@pytest.fixture(scope="module")
def table():
    planted = [Planted("frames"), Planted("changes")]
    return list(answers.answers("squares", VIDEOS, planted, [], 0))


def test_scores_see_what_their_features_see(table, tmp_path, capsys):
    path = tmp_path / "answers.csv"
    path.write_text(as_csv([dataclasses.asdict(row) for row in table]))
    sensitivity.main([str(path), "--png", str(tmp_path / "answers.png")])
    found = {(a.score, a.kind): a for a in read.of_table(read_csv(path), "table")}
    assert len(found) == 6 * len(KINDS)
    for metric in ("frechet", "kernel"):
        assert not found[f"{metric} frames", "shuffle"].seen
        assert not found[f"{metric} frames", "shuffle"].monotone
        for kind in ("shuffle", "freeze", "noise"):
            assert found[f"{metric} changes", kind].seen, kind
    assert all(found["ssim", kind].monotone and found["psnr", kind].monotone for kind in KINDS)
    out = capsys.readouterr().out
    assert "frechet frames" in out
    assert "warp, shuffle, freeze, swap; not monotone" in out
    assert (tmp_path / "answers.png").stat().st_size > 10_000


def read_csv(path):
    from analysis.table import reading

    return reading.load(path)


def test_the_undamaged_half_is_the_measure(table):
    """Both halves are of one distribution: what is read of them is small, and is no damage."""
    rows = [row for row in table if row.features == "changes" and row.metric == "frechet"]
    none, noisy = rows[0], next(row for row in rows if row.kind == "noise" and row.strength == 36)
    assert (none.kind, none.worse, none.clips, none.reference, none.dimension) == (
        "none", 0.0, 32, 32, 2,
    )  # fmt: skip
    assert noisy.worse == pytest.approx(noisy.value - none.value)
    assert 0 < noisy.se < noisy.worse / 10
    assert none.value < noisy.value / 10


def test_bad_input_ends_in_one_line(tmp_path):
    done = python("-m", "vdit.evaluators.damage", "--out", "x.csv", "--clips", "8", check=False)
    assert "expected 64 or more" in done.stderr
    twice = ["--data", "a/x", "--data", "b/x"]
    done = python("-m", "vdit.evaluators.damage", "--out", "x.csv", *twice, check=False)
    assert "--data a/x b/x: expected folders of different names" in done.stderr
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="missing column 'data'"):
        sensitivity.main([str(path)])
