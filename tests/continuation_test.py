"""Tasks: which frames condition, what is kept of them, and whether objects go where they must."""

import numpy as np
import pytest

from tests import tiny
from tests.tiny import config
from vdit import sample
from vdit.data import continuation, media
from vdit.data.worlds import Worlds
from vdit.errors import InputError
from vdit.evaluators.objects import trajectories
from vdit.runs import evaluations

FRAMES = 9
VIDEO = np.arange(12, dtype=np.uint8)[:, None, None, None].repeat(3, -1)  # frame i is all i


def frames_of(task, video=VIDEO):
    frames = continuation.frames_for(task, video, FRAMES, latents=3)
    return frames.clips[0, :, 0, 0, 0].tolist(), frames


@pytest.mark.parametrize(
    ("task", "clip", "made", "joined"),
    [
        ("animate", [0] * 9, 8, [0] + [99] * 8),
        ("extend", [7, 8, 9, 10, 11, 11, 11, 11, 11], 4, [*range(12), *[99] * 4]),
        ("extend_back", [0, 0, 0, 0, 0, 0, 1, 2, 3], 5, [*[99] * 5, *range(12)]),
        ("interpolate", [0, 0, 0, 8, 8, 8, 9, 10, 11], 4, [0, *[99] * 4, 8, 9, 10, 11]),
        ("loop", [11, 11, 11, 0, 0, 0, 1, 2, 3], 4, [*range(12), *[99] * 4]),
    ],
)
def test_the_frames_that_condition_a_task_and_what_comes_out(task, clip, made, joined):
    held, frames = frames_of(task)
    assert held == clip
    assert (~frames.mask).sum() == made
    new = np.where(frames.mask[:, None, None, None], frames.clips[0], 99)
    assert continuation.join(task, VIDEO, new, frames)[:, 0, 0, 0].tolist() == joined


def test_a_picture_is_a_still_video():
    assert frames_of("extend", VIDEO[5:6])[0] == [5] * 9
    assert frames_of("interpolate", VIDEO[5:6])[0] == [5] * 9
    assert frames_of("extend", VIDEO[5:7])[0] == [5, 5, 5, 5, 6, 6, 6, 6, 6]


def test_clips_whose_end_is_known_condition_as_far_as_the_task_goes():
    clips = VIDEO[None, :FRAMES]
    found = {t: continuation.of_clips(t, clips, 3).clips[0, :, 0, 0, 0] for t in continuation.TASKS}
    assert found["extend"].tolist() == [0, 1, 2, 3, 4, 4, 4, 4, 4]
    assert found["extend_back"].tolist() == [5, 5, 5, 5, 5, 5, 6, 7, 8]
    assert found["interpolate"].tolist() == [0, 0, 0, 5, 5, 5, 6, 7, 8]
    assert found["loop"].tolist() == [4, 4, 4, 0, 0, 0, 1, 2, 3]


def test_a_clip_too_short_for_a_task_is_named():
    with pytest.raises(InputError, match="interpolate: a clip of 2 latent frames leaves nothing"):
        continuation.latent_mask_of("interpolate", 2)
    with pytest.raises(InputError, match="task 'sing': expected one of animate, extend"):
        continuation.latent_mask_of("sing", 5)


# --- where the objects are ----------------------------------------------------------------------

WORLD = Worlds(6, max_objects=2, gravity=0.0, occluder=0.0, seed=3)
TRUTHS = [WORLD.truth(i) for i in range(6)]
REAL = np.stack([WORLD[i]["video"] for i in range(6)])
EVERY = np.ones(9, bool)


def errors(videos, frames=EVERY, measure=trajectories.position_errors):
    places = trajectories.locate(videos, TRUTHS)
    return measure(places, TRUTHS, trajectories.in_sight(TRUTHS, frames))


def test_real_videos_are_where_they_are():
    assert errors(REAL).max() < 0.5


def test_a_planted_shift_is_measured():
    moved = np.roll(REAL, 1, axis=3)  # a pixel to the right, round the edge for some
    assert np.median(errors(moved)) == pytest.approx(1.0, abs=0.2)


def test_only_the_marked_frames_count():
    broken = REAL.copy()
    broken[:, 5:] = broken[:, :1]
    first = errors(broken, np.arange(9) < 5)
    last = errors(broken, np.arange(9) >= 5)
    assert first.max() < 0.5
    assert last.min() > 1


def test_an_object_that_is_gone_is_half_a_frame_off_and_has_jumped():
    empty = np.full_like(REAL, REAL[0, 0, 0, 0])
    np.testing.assert_allclose(errors(empty), 16)
    gone = trajectories.locate(empty, TRUTHS)
    np.testing.assert_allclose(trajectories.largest_steps(gone), 16)
    speed = max(np.hypot(*np.moveaxis(t.velocity, -1, 0)).max() for t in TRUTHS)
    assert trajectories.largest_steps(trajectories.locate(REAL, TRUTHS)).max() < speed + 1


def test_velocity_errors_are_of_ways_and_holding_still_loses_the_speed():
    velocity = trajectories.velocity_errors
    late = np.arange(9) >= 5
    assert errors(np.roll(REAL, 1, axis=3), late, velocity).max() < 0.6  # moved, and as fast
    still = np.repeat(REAL[:, :1], 9, axis=1)
    ways = [np.hypot(*np.diff(t.position, axis=0).T).mean(0)[4:].mean() for t in TRUTHS]
    np.testing.assert_allclose(errors(still, late, velocity), ways, atol=1e-9)


# --- end to end ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A tiny run with conditioning frames, in pixel space: a latent frame is a frame."""
    folder = tmp_path_factory.mktemp("conditioned")
    more = {"model.given": 0.5, "model.depth": 1, "steps": 2, "data.num_frames": 4}
    more |= {"sampling.method": "euler", "checkpoint_every": 0, "evaluation.clips": 4}
    tiny.trained(config(folder, **more), folder / "run")
    return folder / "run"


def sampled(trained, *flags):
    args = sample.parse_args(["--workdir", str(trained), "--out", "x.webp", "--seed", "1", *flags])
    sample.check(args)
    return sample.sample(args)[0]


def test_a_run_with_conditioning_frames_is_scored_on_every_task(trained):
    measured = evaluations.read(trained, 2)["evaluators"]
    records = measured["continuation"]["records"] + measured["physics"]["records"]
    row = evaluations.columns([evaluations.Record(**record) for record in records])
    for task in ("animate", "extend", "extend_back", "interpolate"):
        assert row[f"{task}_position"] >= row[f"{task}_position_coded"]
        assert f"{task}_position_still_se" in row
    assert row["loop_step"] > 0
    for name in ("extend_position_in", "extend_velocity_out", "animate_spatial_iou"):
        assert np.isfinite([row[name], row[f"{name}_still"], row[f"{name}_coded"]]).all()


def test_conditioning_frames_are_kept_byte_for_byte(trained, tmp_path):
    video = REAL[0, :6, ::2, ::2]
    media.write_video(tmp_path / "in.webp", video)
    path = str(tmp_path / "in.webp")
    np.testing.assert_array_equal(media.read_video(path, (16, 16)), video)
    extended = sampled(trained, "--task", "extend", "--frames", path)
    assert len(extended) == 8  # two of the clip's four frames are new
    np.testing.assert_array_equal(extended[:6], video)
    between = sampled(trained, "--task", "interpolate", "--frames", path)
    np.testing.assert_array_equal(between[[0, -1]], video[[0, -1]])
    assert between.shape == (4, 16, 16, 3)


def test_an_edit_of_little_strength_is_near_its_video(trained, tmp_path):
    video = REAL[0, :4, ::2, ::2]
    media.write_video(tmp_path / "in.webp", video)
    path, far = str(tmp_path / "in.webp"), []
    for strength in ("0.5", "1"):
        made = sampled(trained, "--task", "edit", "--frames", path, "--strength", strength)
        far.append(np.abs(made.astype(float) - video).mean())
    assert far[0] < 0.8 * far[1]


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--task", "extend"], "--task extend needs --frames, a video or a picture"),
        (["--frames", "x.mp4"], "--task generate takes no --frames"),
        (["--strength", "0.5"], "--strength is for --task edit, not generate"),
        (["--task", "edit", "--frames", "x", "--strength", "2"], "--strength 2.0: expected above"),
        (["--task", "animate", "--frames", "none.mp4"], "none.mp4: can't be opened"),
    ],
)
def test_wrong_arguments_are_one_clear_line(trained, flags, line):
    with pytest.raises(InputError, match=line):
        sampled(trained, *flags)
