"""The embedded world: the same bytes everywhere, honest physics, captions that tell the truth."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from vdit.data.bounces import Body, simulate
from vdit.data.kinds import redraw_velocities
from vdit.data.render import COLOURS, GREY, HULL, REACH, SHAPES, coverage
from vdit.data.scenes import Random
from vdit.data.truth import objects_of
from vdit.data.wording import parse_caption, write_caption
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


def ball(x, y, vx, vy, radius):
    return Body(x, y, vx, vy, radius * radius, radius, (radius,) * 4)


def test_a_head_on_collision_of_equals_swaps_velocities():
    bodies = [ball(10, 20, 2.0, 0.0, 3), ball(20, 20, 0.0, 0.0, 3)]
    states, bounced = simulate(bodies, 4, 40, 40)
    np.testing.assert_allclose(states[3], [(14, 20, 0, 0), (22, 20, 2, 0)], atol=1e-12)
    assert bounced == [[False, False], [False, False], [True, True], [False, False]]


def test_a_fall_is_a_parabola_and_bounces_back_up():
    states, bounced = simulate([ball(10, 10, 0.0, 0.0, 2)], 30, 20, 30, gravity=0.5)
    y = np.array(states)[:, 0, 1]
    np.testing.assert_allclose(y[:8], 10 + 0.25 * np.arange(8) ** 2)
    floor = 28
    landing = np.sqrt((floor - 10) / 0.25)
    after = np.arange(9, 15) - landing
    np.testing.assert_allclose(y[9:15], floor - 0.5 * landing * after + 0.25 * after**2)
    assert np.flatnonzero(bounced).tolist() == [9, 26]


def test_collisions_keep_momentum_and_energy():
    rng, collisions = np.random.default_rng(0), 0
    for _ in range(20):
        # Far from every wall, all but the first thrown at the first.
        places = 500 + np.array([(0, 0), (20, 3), (-18, 12)]) + rng.uniform(-2, 2, (3, 2))
        speeds = (500 - places) / 10
        bodies = [ball(*p, *v, r) for p, v, r in zip(places, speeds, (3, 4, 5), strict=True)]
        mass = np.array([9.0, 16.0, 25.0])
        states, bounced = simulate(bodies, 60, 1000, 1000)
        velocity = np.array(states)[:, :, 2:]
        momentum = (mass[:, None] * velocity).sum(1)
        energy = (mass * (velocity**2).sum(-1)).sum(1)
        np.testing.assert_allclose(momentum, momentum[:1].repeat(60, 0), atol=1e-9)
        np.testing.assert_allclose(energy, energy[0])
        collisions += np.sum(bounced) // 2
    assert collisions >= 20


def test_walls_and_gravity_keep_energy_and_nothing_escapes_or_overlaps():
    rng = np.random.default_rng(1)
    gravity, mass = 0.3, np.array([9.0, 16.0, 9.0])
    bodies = [ball(x, 20, *rng.normal(0, 2, 2), r) for x, r in ((8, 3), (20, 4), (32, 3))]
    states, bounced = simulate(bodies, 500, 40, 40, gravity)
    states = np.array(states)
    energy = (mass * ((states[..., 2:] ** 2).sum(-1) / 2 - gravity * states[..., 1])).sum(1)
    np.testing.assert_allclose(energy, energy[0], rtol=1e-9)
    radius = np.sqrt(mass)[:, None]
    assert (states[..., :2] > radius - 1e-6).all()
    assert (states[..., :2] < 40 - radius + 1e-6).all()
    for i, j in ((0, 1), (0, 2), (1, 2)):
        apart = np.linalg.norm(states[:, i, :2] - states[:, j, :2], axis=-1)
        assert (apart > radius[i] + radius[j] - 1e-6).all()
    assert np.sum(bounced) > 100


@pytest.mark.parametrize("shape", SHAPES)
def test_a_drawn_shape_has_its_area_centre_and_edges(shape):
    x, y, radius = np.array([20.3, 31.8]), np.array([22.6, 18.1]), 9.0
    cover = coverage(shape, x, y, radius, 48, 56)
    pixels = np.arange(56) + 0.5
    np.testing.assert_allclose(cover.sum((1, 2)), np.pi * radius**2, rtol=0.01)
    np.testing.assert_allclose((cover.sum(1) @ pixels) / cover.sum((1, 2)), x, atol=0.05)
    np.testing.assert_allclose((cover.sum(2) @ pixels[:48]) / cover.sum((1, 2)), y, atol=0.05)
    solid = cover[0] > 0.5
    columns, rows = np.flatnonzero(solid.any(0)), np.flatnonzero(solid.any(1))
    found = x[0] - columns[0], columns[-1] + 1 - x[0], y[0] - rows[0], rows[-1] + 1 - y[0]
    # The sharp corners of a triangle fade out within two pixels.
    np.testing.assert_allclose(found, radius * np.array(REACH[shape]), atol=2.0)


def test_truth_is_what_the_video_shows():
    worlds = Worlds(60, occluder=0.0)
    grid = np.arange(32) + 0.5
    for i in range(60):
        truth, video = worlds.truth(i), worlds[i]["video"].astype(float)
        for k, colour in enumerate(truth.colours):
            axis = np.array(COLOURS[colour]) - (24, 24, 32)
            others = [truth.position[:, j] for j in range(len(truth.colours)) if j != k]
            reach = truth.radius[k] * HULL[truth.shapes[k]] + 1
            for t, (x, y) in enumerate(truth.position[:, k]):
                if any(np.linalg.norm(o[t] - (x, y)) < 2 * reach + 4 for o in others):
                    continue
                near = np.hypot(grid[None] - x, grid[:, None] - y) < reach
                share = ((video[t] - (24, 24, 32)) @ axis / (axis @ axis)) * near
                centre = (share.sum(0) @ grid, share.sum(1) @ grid) / share.sum()
                np.testing.assert_allclose(centre, (x, y), atol=0.12)


def test_visibility_counts_what_the_bar_hides():
    worlds = Worlds(40, **BARRED)
    hidden = 0
    for i in range(40):
        truth, video = worlds.truth(i), worlds[i]["video"]
        left, top, right, bottom = (round(edge) for edge in truth.occluder)
        bar = video[:, top + 1 : bottom - 1, left + 1 : right - 1]
        assert (bar == GREY).all()
        assert ((truth.visibility >= 0) & (truth.visibility <= 1)).all()
        for k, colour in enumerate(truth.colours):
            seen = np.abs(video - np.array(COLOURS[colour])).sum(-1) < 60
            full = seen[truth.visibility[:, k] > 0.97].sum((1, 2))
            gone = seen[truth.visibility[:, k] < 0.02].sum((1, 2))
            assert full.min() > 0.6 * np.pi * truth.radius[k] ** 2
            assert (gone <= 2).all()
            hidden += len(gone)
    assert hidden > 5


def test_objects_start_apart_and_stay_in_the_box():
    for options in ({}, CROWD):
        worlds = Worlds(100, **options)
        for i in range(100):
            truth = worlds.truth(i)
            hull = truth.radius * [HULL[shape] for shape in truth.shapes]
            reach = truth.radius[:, None] * [REACH[shape] for shape in truth.shapes]
            x, y = truth.position[..., 0], truth.position[..., 1]
            assert (x >= reach[:, 0] - 1e-9).all()
            assert (y <= options.get("height", 32) - reach[:, 3] + 1e-9).all()
            for j in range(1, len(hull)):
                apart = np.linalg.norm(truth.position[0, :j] - truth.position[0, j], axis=-1)
                assert (apart > hull[:j] + hull[j]).all()
            assert len(set(truth.colours)) == len(hull)


def test_bounces_mark_the_frames_where_free_flight_ends():
    worlds, seen = Worlds(200), 0
    for i in range(200):
        truth = worlds.truth(i)
        push = np.diff(truth.velocity, axis=0) - (0, truth.gravity)
        changed = (np.abs(push) > 1e-9).any(-1)
        assert not truth.bounces[0].any()
        assert (truth.bounces[1:] == changed).all()
        seen += changed.sum()
    assert seen > 50


def test_captions_say_what_is_there_and_are_read_back():
    worlds, bars = Worlds(300, occluder=0.4, gravity=0.4), 0
    for i in range(300):
        truth = worlds.truth(i)
        things = parse_caption(truth.caption)
        assert write_caption(things) == truth.caption == worlds[i]["caption"]
        assert tuple(t.colour for t in things) == truth.colours
        assert tuple(t.shape for t in things) == truth.shapes
        assert tuple(t.size for t in things) == truth.sizes
        behind = truth.visibility.min(0) < 0.75
        assert [t.bar == "behind" for t in things] == behind.tolist()
        assert ("grey bar" in truth.caption) == (truth.occluder is not None)
        for thing, (vx, vy) in zip(things, truth.velocity[0], strict=True):
            if truth.gravity:
                assert thing.motion == ("fall" if vy >= 0 else "jump")
            else:
                along = {"left": -vx, "right": vx, "up": -vy, "down": vy}[thing.motion]
                assert along > 1.3 * min(abs(vx), abs(vy))
        bars += truth.occluder is not None
    assert 100 < bars < 140


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
