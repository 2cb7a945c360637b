"""Videos of the embedded world of several shapes: written, prepared in buckets, and framed."""

from types import SimpleNamespace

import numpy as np
import pytest

from experiments import demo
from tests.bucket_sets import prepared
from vdit.config import buckets
from vdit.data.buckets import data_of
from vdit.data.sources import open_source
from vdit.data.world_videos import TABLE, write
from vdit.data.worlds import Worlds
from vdit.errors import InputError
from vdit.evaluators import framing

SHAPES = "48x32@5", "32x48@5"
CLIPS = {"num_frames": 5, "train_clips": 3, "validation_clips": 2}


@pytest.fixture(scope="module")
def data():
    config = demo.get_config().data
    config.update(CLIPS)
    return config


@pytest.fixture(scope="module")
def root(data, tmp_path_factory):
    """A folder with the videos (`in`), and the set of their buckets (`out`)."""
    root = tmp_path_factory.mktemp("shapes")
    assert write(data, list(map(buckets.parse, SHAPES)), root / "in") == 10
    (root / "buckets.txt").write_text("\n".join(SHAPES))
    split = ("--split", root / "in" / TABLE, "--keep_near_duplicates")
    prepared(root / "in", root / "out", "--buckets", root / "buckets.txt", *split)
    return root


def of(place, data, split):
    """The world's own clips of a shape."""
    own = data_of(data, SHAPES[place])
    own.seed += place
    return open_source(own, split)


@pytest.mark.parametrize("split", ["train", "validation"])
@pytest.mark.parametrize("place", [0, 1])
def test_videos_of_every_shape_come_back_from_their_bucket(root, data, place, split):
    where = {"name": "video_folder", "dir": str(root / "out"), "epochs": 0}
    there = data_of(data, SHAPES[place])
    there.update(where)
    found, expected = open_source(there, split), of(place, data, split)
    assert len(found) == len(expected) == data[f"{split}_clips"]
    for item in map(found.__getitem__, range(len(found))):
        clip = expected[int(item["recording"].rpartition("_")[2].removesuffix(".webp"))]
        assert item["caption"] == clip["caption"]
        np.testing.assert_array_equal(item["video"], clip["video"])


@pytest.mark.parametrize(
    ("changes", "shapes", "error"),
    [
        ({"name": "doom"}, SHAPES[:1], r"data.name='doom': expected 'worlds'"),
        ({}, SHAPES[:1] * 2, r"--shapes 48x32@5, 48x32@5: expected each once"),
        ({"height": 8}, ("48x8@5",), r"height, width 8, 48: expected at least 16"),
    ],
)
def test_what_cannot_be_written_is_refused_and_leaves_nothing(
    data, tmp_path, changes, shapes, error
):
    data = data.copy_and_resolve_references()
    data.update(changes)
    with pytest.raises(InputError, match=error):
        write(data, list(map(buckets.parse, shapes)), tmp_path / "in")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_exists_is_left_alone(data, tmp_path):
    with pytest.raises(InputError, match=r"--out .*: exists; name another folder"):
        write(data, [buckets.parse(SHAPES[0])], tmp_path)
    assert not list(tmp_path.iterdir())


def still():
    """Two clips of three frames whose objects stand still, their places and captions."""
    world = Worlds(length=20, height=64, width=64, num_frames=3, max_objects=1, occluder=0.0)
    inside = [i for i in range(20) if (abs(world.truth(i).position[0, 0] - 32) < 12).all()][:2]
    videos = np.stack([world[i]["video"][:1].repeat(3, 0) for i in inside])
    at = [world.truth(i).position[0, 0].round().astype(int) for i in inside]
    return videos, at, [world[i]["caption"] for i in inside]


def test_objects_that_the_frame_cuts_off_or_leaves_out_are_counted():
    videos, at, captions = still()
    cut, absent = framing.framing(videos, captions)
    assert cut.tolist() == absent.tolist() == [0, 0]
    for side, crop in enumerate(
        (
            lambda v, x, y: v[:, :, x:],
            lambda v, x, y: v[:, :, :x],
            lambda v, x, y: v[:, y:],
            lambda v, x, y: v[:, :y],
        )
    ):
        for video, (x, y), caption in zip(videos, at, captions, strict=True):
            found = framing.framing(crop(video, x, y)[None], [caption])
            assert found.tolist() == [[1.0], [0.0]], side
    moved = videos.copy()
    moved[:, 1:] = moved[:, :1, :1, :1]  # there in the first of three frames alone
    cut, absent = framing.framing(moved, captions)
    assert cut.tolist() == [0, 0]
    assert absent == pytest.approx(2 / 3)
    cut, absent = framing.framing(np.zeros_like(videos), captions)
    assert np.isnan(cut).all()
    assert absent.tolist() == [1, 1]
    both = [f"{caption} and {caption}" for caption in captions]
    assert framing.framing(videos, both)[1].tolist() == [0.5, 0.5]


def test_a_frame_of_too_many_objects_does_not_make_up_for_one_of_none():
    videos, _, captions = still()
    twice = np.roll(videos, 32, 3)
    empty = videos[0, 0, 0, 0]
    videos[:, 0] = np.where((videos == empty).all(-1, keepdims=True), twice, videos)[:, 0]
    videos[:, 1] = empty
    assert framing.framing(videos, captions)[1] == pytest.approx(1 / 3)


class Painter:
    """A model whose samples are real clips of the shape, moved by half of it; and by none coded."""

    def __init__(self, root, shape="48x32@5"):
        self.root, self.shape = root, shape
        self.autoencoder = SimpleNamespace(encode=lambda videos: videos, decode=np.asarray)

    def at(self, shape):
        return Painter(self.root, shape)

    def sample(self, captions, seed, batch):
        videos, told, _ = framing.held_out(self.shape, str(self.root), len(captions))
        assert (captions, seed) == (told, 3)
        return np.roll(videos, videos.shape[3] // 2, 3)


def test_samples_of_every_shape_stand_beside_real_and_coded_clips(root):
    videos, captions, recordings = framing.held_out(SHAPES[1], str(root / "out"), 2)
    own = SimpleNamespace(videos=videos, captions=captions, clusters=recordings)
    run = SimpleNamespace(clips=lambda count: own, validation=range(2))
    how = {"clips": 2, "seed": 3}
    found = framing.evaluate(Painter(root / "out"), run, **how, dir=str(root / "out"))
    values = {record.name: record for record in found}
    assert len(found) == len(values) == 2 * (3 * 3 + 1)
    for row, name in enumerate(framing.NAMES):
        for shape in SHAPES:
            real, told, _ = framing.held_out(shape, str(root / "out"), 2)
            moved = framing.framing(np.roll(real, real.shape[3] // 2, 3), told)[row]
            assert values[f"{name}_{shape}"].value == pytest.approx(np.nanmean(moved))
            expected = framing.framing(real, told)[row].mean()
            assert values[f"{name}_{shape}_real"].value == pytest.approx(expected)
            assert values[f"{name}_{shape}_coded"].value == pytest.approx(expected)
        each = [values[f"{name}_{shape}_real"].value for shape in SHAPES]
        assert values[f"{name}_real"].value == pytest.approx(np.mean(each))
        assert values[f"{name}_real"].n == 4
        own_value = values[f"{name}_own"].value
        assert own_value == pytest.approx(values[f"{name}_{SHAPES[1]}_real"].value)
    assert framing.evaluate(Painter(root), run, **how) == []
    with pytest.raises(InputError, match=r"framing.dir=/tmp: expected a folder of vdit.prepare"):
        framing.evaluate(Painter(root), run, **how, dir="/tmp")
