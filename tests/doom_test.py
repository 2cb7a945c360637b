"""Walks through Freedoom: a clip depends on its number alone, and each shows what it says."""

import hashlib
import importlib.metadata
import pathlib
import sys

import numpy as np
import pytest
from ml_collections import ConfigDict

from experiments import long
from tests.tiny import python
from vdit.data.doom import source
from vdit.data.doom.engine import Frame, engine_of
from vdit.data.doom.maps import maps_of, read_maps
from vdit.data.doom.source import NEAR, Doom, is_inverted, kept
from vdit.data.doom.walks import MOVES, TICS, TURNS, Walk, draw_walk, was_free
from vdit.data.scenes import Random
from vdit.data.sources import open_source
from vdit.errors import InputError

FORWARD = np.array([25, 0, 0], np.float32)
STRIDE = 25 / 3 * TICS  # map units between two frames


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "vizdoom", None)
    with pytest.raises(InputError, match=r"^data.name 'doom': .* pip install 'vdit\[doom\]'$"):
        open_source(long.get_config("data=doom").data, "train")


def digest(clip):
    arrays = (clip["video"], clip["depth"], clip["actions"])
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()[:16]


# Another process, which asks in another order; the terminal interrupts it, as all of its group.
ELSEWHERE = """
import os, signal, time
from tests.doom_test import Doom, digest, engine_of
signal.signal(signal.SIGINT, lambda *_: None)
clips = Doom(9)
last = digest(clips[3])
os.killpg(0, signal.SIGINT)
time.sleep(0.2)
print(last, digest(clips[2]), engine_of("freedoom1.wad")._folder.name)
"""


def test_a_walk_that_has_no_room_in_its_map_is_shown_in_another(monkeypatch):
    pytest.importorskip("vizdoom")
    monkeypatch.setattr(source, "TRIES", 4)
    clips = Doom(6)
    drawn = ["/".join(clips._drawn(i)[1][:2]) for i in range(6)]
    found = [clips[i] for i in range(6)]
    assert [clip["recording"] for clip in found] != drawn
    assert {clip["recording"] for clip in found} < {"/".join(m[:2]) for m in clips._maps}
    assert [clip["caption"] for clip in found] == clips.captions()
    assert digest(Doom(6)[5]) == digest(found[5])
    monkeypatch.setattr(source, "TRIES", 0)
    with pytest.raises(InputError, match=r"^doom: '.*' found no place in 10 maps$"):
        Doom(1)[0]


def test_captions_are_those_of_the_clips_and_nothing_is_rendered_for_them(monkeypatch):
    pytest.importorskip("vizdoom")
    clips = Doom(3)
    rendered = [clips[i]["caption"] for i in range(3)]
    monkeypatch.setattr(Doom, "_find", None)
    assert Doom(3).captions() == rendered


def test_a_clip_is_the_same_in_any_order_and_process_and_nothing_is_left_behind(tmp_path):
    pytest.importorskip("vizdoom")
    clips, longer = Doom(4), Doom(9, seed=1)
    there = [digest(clips[i]) for i in range(4)]
    assert len({*there, *(digest(longer[i]) for i in (0, 1))}) == 6
    *found, folder = python("-c", ELSEWHERE, cwd=tmp_path, start_new_session=True).stdout.split()
    assert found == [there[3], there[2]]  # of one WAD file: the engine still lives
    assert [digest(Doom(9)[i]) for i in (2, 0)] == [there[2], there[0]]
    assert not list(tmp_path.iterdir())
    assert folder.startswith("/")
    assert not pathlib.Path(folder).exists()


def test_a_clip_has_what_it_says():
    pytest.importorskip("vizdoom")
    clip = Doom(5, "validation", num_frames=3, height=24, width=32)[4]
    assert clip["video"].shape == (3, 24, 32, 3)
    assert clip["depth"].shape == (3, 24, 32)
    assert clip["video"].dtype == clip["depth"].dtype == np.uint8
    assert clip["actions"].shape == (3, 3)
    assert clip["index"] == 4
    assert clip["recording"].split("/")[0] in ("freedoom1.wad", "freedoom2.wad")
    assert np.abs(np.diff(clip["video"].astype(int), axis=0)).mean() > 1
    with pytest.raises(IndexError, match="clip 5: the validation split has 5"):
        Doom(5, "validation")[5]


def frame(x=0.0, depth=2 * NEAR, colour=(90, 60, 30)):
    screen_HWC = np.broadcast_to(np.uint8(colour), (4, 6, 3))
    return Frame(screen_HWC, np.full((4, 6), depth, np.uint8), np.array([x, 0, 0.0]))


@pytest.mark.parametrize(
    ("changes", "count"),
    [({}, 3), ({"depth": NEAR - 1}, 2), ({"colour": (50, 50, 50)}, 2), ({"x": STRIDE}, 2)],
)
def test_a_walk_ends_at_a_wall_a_close_up_and_inverted_colours(changes, count):
    frames = [frame(), frame(STRIDE), frame(**{"x": 2 * STRIDE} | changes)]
    assert list(kept(frames, Walk(np.stack([FORWARD] * 3), ""))) == frames[:count]


def test_invulnerability_looks_inverted_and_a_death_ends_the_walk():
    pytest.importorskip("vizdoom")
    engine, still = engine_of("freedoom2.wad"), np.zeros((2, 3), np.float32)
    with engine.lock:
        engine.begin("MAP01")
        place = (-192, -192)
        assert not any(is_inverted(f.screen_HWC) for f in engine.walk(place, 0, still, 4, 4))
        engine.command("give invulnerabilitysphere")
        assert all(is_inverted(f.screen_HWC) for f in engine.walk(place, 0, still, 4, 4))
        engine.command("god")
        engine.command("kill")
        assert list(engine.walk(place, 0, still, 4, 4)) == []
        assert engine.has_ended


@pytest.mark.parametrize(
    ("after", "free"),
    [
        ((0, -STRIDE, 90), True),  # to the right of east is south
        ((0, -0.4 * STRIDE, 0), False),
        ((0, -1.6 * STRIDE, 0), False),  # through a teleporter
        ((0.6 * STRIDE, -STRIDE, 0), False),  # along a wall
        ((0, STRIDE, 0), False),
    ],
)
def test_a_step_is_free_where_it_is_as_asked(after, free):
    assert was_free(np.zeros(3), np.array(after), np.array([0, 25, 0])) == free


def test_captions_say_what_is_done():
    random, seen = Random(0), set()
    for _ in range(400):
        walk = draw_walk(random, 9)
        phrases = walk.caption.split(", then ")
        changes = np.flatnonzero(np.diff(walk.actions, axis=0).any(1))
        assert len(changes) == len(phrases) - 1 <= 1
        assert all(3 <= change + 1 <= 6 for change in changes)
        for phrase, action in zip(phrases, walk.actions[[0, -1]], strict=False):
            words = phrase.split(" and ")
            move = next((MOVES[word] for word in words if word in MOVES), (0, 0))
            turn = next((TURNS[word] for word in words if word in TURNS), 0)
            assert tuple(action) == (*move, turn) != (0, 0, 0)
        seen |= set(phrases)
    assert len(seen) == 5 * 3 - 1


def test_maps_and_their_places_are_read(tmp_path):
    things = np.array([[5, -6, 90, 1, 7], [70, 80, 0, 3004, 7]], "<i2").tobytes()
    lumps = [("E1M1", b""), ("THINGS", things), ("PLAYPAL", b"xy"), ("MAP09", b""), ("THINGS", b"")]
    path, offset, directory, body = tmp_path / "x.wad", 12, b"", b""
    for name, data in lumps:
        at = np.array([offset + len(body), len(data)], "<i4").tobytes()
        directory, body = directory + at + name.encode().ljust(8, b"\0"), body + data
    counts = np.array([len(lumps), offset + len(body)], "<i4").tobytes()
    path.write_bytes(b"IWAD" + counts + body + directory)
    first, second = read_maps(path)
    assert (first.name, second.name, first.wad) == ("E1M1", "MAP09", "x.wad")
    assert first.places.tolist() == [[5, -6], [70, 80]]
    assert second.places.shape == (0, 2)


def test_no_map_is_on_both_sides():
    vizdoom = pytest.importorskip("vizdoom")
    folder = pathlib.Path(vizdoom.root_path)
    names = [{(m.wad, m.name) for m in maps_of(split, folder)} for split in ("train", "validation")]
    assert [len(side) for side in names] == [55, 13]
    assert not names[0] & names[1]
    assert all(len(m.places) > 60 for m in maps_of("train", folder))


def test_identity_is_of_the_options_and_the_engine(monkeypatch):
    pytest.importorskip("vizdoom")
    data = long.get_config("data=doom").data
    assert data.epochs
    found = {open_source(data, split).fingerprint for split in ("train", "validation")}
    for key, value in (("seed", 3), ("num_frames", 5), ("width", 40), ("train_clips", 7)):
        found.add(open_source(ConfigDict(data.to_dict() | {key: value}), "train").fingerprint)
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1.4.0")
    found.add(open_source(data, "train").fingerprint)
    assert len(found) == 7
    with pytest.raises(InputError, match="doom: height, width 8, 32: expected at least 16"):
        Doom(1, height=8)
