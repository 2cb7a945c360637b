import io
import json
import pathlib
import pickle
import subprocess
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds
from ml_collections import ConfigDict
from PIL import Image

from vdit.data import sources, tfds_source
from vdit.data.video_folder import builder, ingest
from vdit.errors import InputError

ROOT = pathlib.Path(__file__).resolve().parents[1]
SETTINGS = ingest.Settings(3, 6, 8, 1, 3, False, 0.2, 0)


def config(name, place="", **changes):
    base = {
        "name": name,
        "dir": str(place),
        "num_frames": 3,
        "height": 6,
        "width": 8,
        "seed": 1,
        "train_clips": 0,
        "validation_clips": 0,
        "world": {},
    }
    return ConfigDict(base | changes)


def png(image):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def build_tfds(folder, name, splits, label):
    """A TFDS set on disk with a `Video` of 7 frames; all of frame k of clip i is 10 i + k."""
    tfds_free = tfds_source.import_tfds()
    video = tfds_free.features.Video(shape=(None, 12, 20, 3))
    video.__dict__["dtype"] = np.uint8  # to write one, TFDS would ask TensorFlow for its type
    described = (
        tfds.features.ClassLabel(names=["rises", "falls"]) if label else tfds.features.Text()
    )

    class Set(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            features = {"clip": video, ("label" if label else "caption"): described}
            return tfds.core.DatasetInfo(
                builder=self,
                features=tfds.features.FeaturesDict(features),
                disable_shuffling=True,
            )

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples(count) for split, count in splits.items()}

        def _generate_examples(self, count):
            for i in range(count):
                frames = [png(np.full((12, 20, 3), 10 * i + k, np.uint8)) for k in range(7)]
                text = {"label": i % 2} if label else {"caption": f"clip {i}"}
                yield i, {"clip": frames, **text}

    Set.name = name
    Set(data_dir=folder, file_format="array_record").download_and_prepare()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("tfds")
    build_tfds(place, "waves", {"train": 20}, label=True)
    build_tfds(place, "hills", {"train": 4, "test": 2, "validation": 3}, label=False)
    build_tfds(place, "lone", {"test": 10}, label=False)
    return place


@pytest.fixture
def prepared(tmp_path):
    """A prepared folder of 10 train and 2 validation clips; clip i is all i."""
    videos = []
    for v, count in enumerate([4, 6, 2]):
        video = ingest.Video(f"v{v}.mp4", f"video {v}", tmp_path / f"{v}.spool")
        video.places = [(3 * k, 0, 0) for k in range(count)]
        video.split = "validation" if v == 2 else "train"
        first = sum([4, 6][:v])
        clips = np.arange(first, first + count, dtype=np.uint8)
        video.spool.write_bytes(np.repeat(clips, 3 * 6 * 8 * 3).tobytes())
        videos.append(video)
    place, counts = tmp_path / "made", {"train": 10, "validation": 2}
    place.mkdir()
    for split in counts:
        path = place / builder.file_name(split, 0, 1)
        rows = (video for video in videos if video.split == split)
        builder.write_shard(path, rows, SETTINGS, lambda: None)
    builder.describe(place, SETTINGS, {split: [count] for split, count in counts.items()})
    text = {"fingerprint": "0123456789ab", "settings": {"frames": 3, "height": 6, "width": 8}}
    (place / "vdit.json").write_text(json.dumps(text))
    return place


def test_world_gets_the_config(monkeypatch):
    data = config("worlds", train_clips=5, validation_clips=2, height=32, width=32)
    data.world = ConfigDict({"max_objects": 1})
    train, held = (sources.open_source(data, split) for split in sources.SPLITS)
    assert (len(train), len(held)) == (5, 2)
    assert train[0]["video"].shape == (3, 32, 32, 3)
    assert train.fingerprint != held.fingerprint
    data.seed = 2
    assert sources.open_source(data, "train").fingerprint != train.fingerprint


def test_prepared_folder(prepared):
    data = config("video_folder", prepared)
    train, held = (sources.open_source(data, split) for split in sources.SPLITS)
    assert (len(train), len(held)) == (10, 2)
    for index in range(10):
        clip = train[index]
        assert clip["video"].shape == (3, 6, 8, 3)
        assert clip["video"].dtype == np.uint8
        assert (clip["video"] == index).all()
        assert clip["caption"] == f"video {int(index >= 4)}"
        assert clip["index"] == index
    assert held[1]["caption"] == "video 2"
    with pytest.raises(IndexError):
        train[10]
    assert train.name == "video_folder"
    same_length = sources.open_source(config("video_folder", prepared, train_clips=2), "train")
    assert len({train.fingerprint, held.fingerprint, same_length.fingerprint}) == 3


def test_fewer_clips_are_spread_over_the_set(prepared):
    few = sources.open_source(config("video_folder", prepared, train_clips=5), "train")
    assert [int(few[i]["video"][0, 0, 0, 0]) for i in range(len(few))] == [0, 2, 4, 6, 8]
    whole = sources.open_source(config("video_folder", prepared, train_clips=99), "train")
    assert len(whole) == 10
    assert few.fingerprint != whole.fingerprint


def test_tfds_set_by_name_last_tenth_held_out(folder):
    data = config("waves", folder)
    train, held = (sources.open_source(data, split) for split in sources.SPLITS)
    assert (len(train), len(held)) == (18, 2)
    clip = train[3]
    assert clip["video"].shape == (3, 6, 8, 3)
    assert clip["video"][:, 2, 3, 1].tolist() == [32, 33, 34]  # the middle frames of seven
    assert clip["caption"] == "falls"
    assert [int(held[i]["video"][0, 0, 0, 0]) for i in range(2)] == [182, 192]


def test_a_set_that_has_an_end_has_no_parts(folder):
    with pytest.raises(InputError, match=r"data\.epochs=4: expected 0, for waves has an end"):
        sources.open_source(config("waves", folder, epochs=4), "train")


def test_sources_pickle_for_worker_processes(folder, tmp_path):
    train = sources.open_source(config("waves", folder), "train")
    (tmp_path / "source").write_bytes(pickle.dumps(train))
    code = (
        "import pickle, sys\nsource = pickle.load(open(sys.argv[1], 'rb'))\n"
        "print(source.fingerprint, source[3]['video'].sum())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "source")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [train.fingerprint, str(train[3]["video"].sum())]


def test_tfds_splits(folder):
    data = config("hills", folder)
    train, held = (sources.open_source(data, split) for split in sources.SPLITS)
    assert (len(train), len(held)) == (4, 3)
    assert train[2]["caption"] == "clip 2"
    lone = [sources.open_source(config("lone", folder), split) for split in sources.SPLITS]
    assert [len(source) for source in lone] == [9, 1]
    assert lone[1][0]["caption"] == "clip 9"


def test_crop_is_centred_and_grey_has_three_channels():
    records = object.__new__(tfds_source.TfdsSource)
    records._shape, records.name = (2, 4, 4), "x"
    video = np.zeros((4, 4, 8, 1), np.uint8)
    video[1:3, :, 2:6] = np.arange(2 * 16, dtype=np.uint8).reshape(2, 4, 4, 1)
    fitted = records._fit(video, 0)
    assert np.array_equal(fitted, video[1:3, :, 2:6].repeat(3, -1))


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("nosuch", {}, r"'nosuch': expected worlds, doom, video_folder or the name of a TFDS"),
        ("a b", {}, r"'a b': expected worlds"),
        ("mnist", {}, r"'mnist': not under data\.dir .* as ArrayRecord"),
        ("waves", {"num_frames": 8}, r"clip 0 has 7 frames of 3 channels, expected at least 8"),
        ("video_folder", {}, r"no prepared folder; make one with python -m vdit\.prepare"),
        ("video_folder", {"dir": ""}, r"data\.dir '': no prepared folder"),
    ],
)
def test_wrong_names_are_one_line(folder, name, changes, message):
    with pytest.raises(InputError, match=message):
        sources.open_source(config(name, folder, **changes), "train")[0]


def test_prepared_at_another_size_is_refused(prepared):
    with pytest.raises(InputError, match=r"windows of 3x6x8 .*, the config asks 3x6x9"):
        sources.open_source(config("video_folder", prepared, width=9), "train")
    with pytest.raises(InputError, match=r"split 'test': expected one of train, validation"):
        sources.open_source(config("video_folder", prepared), "test")


def test_reading_imports_no_tensorflow(folder):
    code = (
        "import sys\nfrom vdit.data.sources import open_source\n"
        "class Data(dict): __getattr__ = dict.__getitem__\n"
        f"data = Data({config('waves', folder).to_dict()})\n"
        "assert open_source(data, 'train')[0]['video'].shape == (3, 6, 8, 3)\n"
        "assert not {'tensorflow', 'torch', 'jax', 'av'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.parametrize(
    ("clips", "train", "held"), [(2, "[:1]", "[1:]"), (4, "[:3]", "[3:]"), (5, "[:90%]", "[90%:]")]
)
def test_a_clip_is_held_out_of_the_smallest_sets(clips, train, held):
    splits = {"train": clips}
    assert sources._tfds_split("few", splits, "train") == f"train{train}"
    assert sources._tfds_split("few", splits, "validation") == f"train{held}"
    with pytest.raises(InputError, match="1 clip in train, holding out one takes two"):
        sources._tfds_split("few", {"train": 1}, "train")
