"""The embedded world: the same bytes everywhere, what its options do, and its words."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from vdit.data.kinds import redraw_velocities
from vdit.data.scenes import Random
from vdit.data.truth import objects_of
from vdit.data.wording import parse_caption
from vdit.data.worlds import Worlds
from vdit.errors import InputError

BARRED = {"occluder": 1.0, "seed": 3}
CROWD = {"height": 40, "width": 64, "num_frames": 5, "max_objects": 3, "gravity": 1.0}


def digest(clip):
    return hashlib.sha256(clip["video"].tobytes() + clip["caption"].encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("options", "index", "stored"),
    [
        ({}, 0, "24c371c4380101bf"),
        ({}, 8, "f3968426ae690b3f"),
        ({"split": "validation"}, 0, "bb787a20df5e97dc"),
        (BARRED, 2, "a54077769ffa0505"),
        (CROWD, 1, "c785672370fe3345"),
    ],
)
def test_clips_are_the_same_on_every_machine(options, index, stored):
    assert digest(Worlds(10, **options)[index]) == stored


def test_a_clip_depends_on_its_index_alone():
    short, long = Worlds(3), Worlds(1000)
    long[999]
    assert digest(short[2]) == digest(long[2]) == digest(long[np.int64(2)])


def test_seeds_and_splits_share_no_clip():
    sources = (Worlds(150), Worlds(150, split="validation"), Worlds(150, seed=1))
    videos = [worlds[i]["video"].tobytes() for worlds in sources for i in range(150)]
    assert len(set(videos)) == len(videos)


def test_every_option_changes_the_fingerprint():
    options = {
        "length": 6,
        "split": "validation",
        "seed": 1,
        "num_frames": 5,
        "height": 48,
        "width": 48,
        "max_objects": 1,
        "gravity": 0.5,
        "occluder": 0.5,
        "shapes": ("circle",),
        "colours": ("red", "blue"),
        "sizes": {"tiny": 0.08},
        "held_out": ["red circle"],
        "motions": ("left", "fall"),
        "speeds": (0.1, 0.2),
    }
    prints = {Worlds(**{"length": 5, name: value}).fingerprint for name, value in options.items()}
    assert len(prints | {Worlds(5).fingerprint}) == len(options) + 1
    assert Worlds(5).fingerprint == Worlds(5).fingerprint


def test_a_source_knows_its_length_and_bounds():
    worlds = Worlds(4, num_frames=1, height=16, width=24)
    assert len(worlds) == 4
    assert worlds.name == "worlds"
    assert worlds[3]["index"] == 3
    assert worlds[3]["video"].shape == (1, 16, 24, 3)
    for index in (-1, 4):
        with pytest.raises(IndexError, match="the train split has 4"):
            worlds[index]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"length": 0}, "length 0"),
        ({"split": "test"}, "split 'test'"),
        ({"seed": -1}, "seed -1"),
        ({"num_frames": 0}, "num_frames 0"),
        ({"height": 8}, "height, width 8, 32"),
        ({"gravity": 1.5}, "gravity 1.5"),
        ({"occluder": -0.1}, "occluder -0.1"),
        ({"shapes": ("star",)}, "star"),
        ({"colours": ("red", "mauve")}, "mauve"),
        ({"colours": ("red", "red")}, "each once"),
        ({"max_objects": 5}, "max_objects 5"),
        ({"sizes": {}}, "sizes"),
        ({"sizes": {"huge": 0.4}}, "no room for 2"),
        ({"held_out": "red circle"}, "held_out 'red circle': expected a list"),
        ({"held_out": ["purple circle"]}, "held_out 'purple circle': expected two words or more"),
        ({"held_out": ["red blue"]}, "held_out 'red blue': expected two words or more, one each"),
        ({"held_out": ["red"]}, "held_out 'red'"),
        ({"motions": ("left", "hop")}, "motions .*'hop'.*: expected some of"),
        ({"motions": ("left",)}, "motions .*: expected one of .'fall'"),
        ({"motions": ("fall",)}, "motions .*: expected one of .'left'"),
        ({"speeds": (0.2, 0.1)}, "speeds .*: expected the least and the most"),
    ],
)
def test_bad_options_are_one_clear_line(options, names):
    with pytest.raises(InputError, match=f"worlds: .*{names}") as caught:
        Worlds(**{"length": 5} | options)
    assert "\n" not in str(caught.value)


def test_a_caption_reads_like_plain_words():
    assert Worlds(10)[0]["caption"] == (
        "a small green circle moves up and a large blue circle moves down"
    )


@pytest.mark.parametrize(
    "caption", ["", "a dog", "a small red circle", "a small red circle falls "]
)
def test_other_captions_are_refused(caption):
    with pytest.raises(InputError, match="not a caption of the embedded world"):
        parse_caption(caption)


def test_the_world_needs_numpy_only():
    code = (
        "import sys; from vdit.data.worlds import Worlds; Worlds(1)[0]; "
        "print(sorted({'jax', 'scipy', 'flax'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_held_out_combinations_are_in_no_clip_and_change_no_other_fingerprint():
    plain = Worlds(80, gravity=0.0, occluder=0.0)
    without = Worlds(80, gravity=0.0, occluder=0.0, held_out=["red circle"])
    assert Worlds(80, held_out=()).fingerprint == Worlds(80).fingerprint == "1c1d3c14e6b8"
    assert plain.fingerprint != without.fingerprint
    truths = [world.truth(i) for world in (plain, without) for i in range(80)]
    shown = [set(zip(truth.colours, truth.shapes, strict=True)) for truth in truths]
    there = [("red", "circle") in pairs for pairs in shown]
    assert any(there[:80])
    assert not any(there[80:])
    assert any(("red", "square") in pairs or ("blue", "circle") in pairs for pairs in shown[80:])


def test_motions_and_speeds_are_those_asked_for():
    worlds = Worlds(40, gravity=0.0, occluder=0.0, motions=("left", "up"), speeds=(0.1, 0.15))
    truths = [worlds.truth(i) for i in range(40)]
    assert {p.motion for t in truths for p in parse_caption(t.caption)} == {"left", "up"}
    speeds = np.concatenate([np.hypot(*t.velocity[0].T) for t in truths]) / 32
    assert speeds.min() >= 0.1 - 1e-9
    assert speeds.max() <= 0.15 + 1e-9
    with pytest.raises(InputError, match="held_out leave no object to draw"):
        Worlds(1, shapes=["circle"], colours=["red"], max_objects=1, held_out=["red circle"])[0]


@pytest.mark.parametrize("options", [{}, {"occluder": 1.0}])
def test_a_second_take_shares_first_frame_and_caption_and_goes_another_way(options):
    worlds = Worlds(20, **options)
    for i in range(20):
        first, second = worlds[i], worlds.second_take(i)
        np.testing.assert_array_equal(first["video"][0], second["video"][0])
        assert first["caption"] == second["caption"]
        assert (first["video"] != second["video"]).any()
        assert digest(second) == digest(worlds.second_take(i))


def test_velocities_that_are_drawn_anew_do_what_the_words_say():
    worlds = Worlds(30)
    for i in range(30):
        truth = worlds.truth(i)
        objects, before = objects_of(truth), truth.velocity[0]
        redraw_velocities(Random(i), objects, truth.gravity, 32, (0.05, 0.06))
        for body, phrase, old in zip(objects.bodies, objects.phrases, before, strict=True):
            along = {"left": -body.vx, "right": body.vx, "jump": -body.vy, "up": -body.vy}
            assert along.get(phrase.motion, body.vy) >= 0
            assert (body.vx, body.vy) != tuple(old)
            if not truth.gravity:
                assert along.get(phrase.motion, body.vy) > 1.3 * min(abs(body.vx), abs(body.vy))
