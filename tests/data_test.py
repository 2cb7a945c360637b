"""Words, latents on disk, and the order in which a run sees them."""

import json
import pathlib

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from tests.tiny import config
from vdit.autoencoders import load
from vdit.autoencoders.autoencoder import IdentityAutoencoder
from vdit.autoencoders.load import load_autoencoder
from vdit.autoencoders.pixels import to_float, to_uint8
from vdit.data import cache, latents, pipeline
from vdit.data.text import NULL, UNKNOWN, Vocabulary
from vdit.errors import InputError
from vdit.parallel import sharding
from vdit.runs.files import write_json
from vdit.training.resolve import resolve

ORDER = [5, 8, 9, 7, 4, 2, 1, 0, 3, 6, 1, 2]


class Counting:
    """Records whose latent is their own index."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def rows(self, indices):
        return {"latent": np.asarray(indices, np.float32)}


def stream(count=10, batch=4, seed=0):
    place = sharding.batch_sharding(sharding.make_mesh({}))
    return iter(pipeline.batches(Counting(count), batch, seed, place))


def take(iterator, n):
    return np.concatenate([np.asarray(next(iterator)["latent"]) for _ in range(n)])


def test_the_order_is_the_one_of_earlier_runs():
    """Clips of two batches across the end of an epoch, as they were when first recorded."""
    assert take(stream(count=10, batch=4, seed=0), 3).tolist() == ORDER


def test_every_epoch_holds_every_clip_once_in_a_new_order():
    seen = take(stream(count=8, batch=4), 6).reshape(3, 8)
    assert (np.sort(seen, 1) == np.arange(8)).all()
    assert (seen[0] != seen[1]).any()


def test_the_seed_fixes_the_order():
    assert (take(stream(seed=3), 5) == take(stream(seed=3), 5)).all()
    assert (take(stream(seed=3), 5) != take(stream(seed=4), 5)).any()


@pytest.mark.parametrize("lone", [True, False])
def test_a_lone_cpu_and_other_devices_go_on_from_each_other(monkeypatch, lone):
    """The same batches, and a position of the one is a position of the other."""
    monkeypatch.setattr(pipeline, "_is_lone_cpu", lambda sharding: lone)
    first = stream()
    seen = take(first, 3)
    assert seen.tolist() == ORDER
    monkeypatch.setattr(pipeline, "_is_lone_cpu", lambda sharding: not lone)
    second, whole = stream(), take(stream(), 6)
    second.set_state(first.get_state())
    assert (take(second, 3) == whole[12:]).all()


def test_the_position_is_that_of_the_last_batch_taken_not_of_those_prefetched():
    whole = take(stream(), 9)
    first = stream()
    take(first, 4)
    state = first.get_state()
    second = stream()
    second.set_state(state)
    assert (take(second, 5) == whole[16:]).all()


def test_no_clips_is_an_error():
    with pytest.raises(InputError, match="no training clips"):
        stream(count=0)


def test_words_and_unknown_words():
    words = Vocabulary.of(["A red circle", "a blue circle!", "a"], limit=3, length=5)
    assert words.words == ("a", "circle", "blue")
    assert words.encode("A circle, jumps").tolist() == [2, 3, UNKNOWN, NULL, NULL]
    assert words.encode("").tolist() == [NULL] * 5
    assert len(words.encode("a " * 9)) == 5


def test_a_class_is_a_caption_of_one_word():
    labels = Vocabulary.of(["tennis dunk", "surfing", "surfing"], limit=9, length=5, whole=True)
    assert labels.words == ("surfing", "tennis dunk")
    assert labels.encode("Tennis dunk").tolist() == [3]


def test_cached_latents_are_normalised_and_complete(tmp_path):
    made = config(tmp_path)
    folder = latents.prepare(made)
    records = cache.Records(folder, "train")
    rows = records.rows(np.arange(len(records)))
    assert len(records) == made.data.train_clips
    np.testing.assert_allclose(rows["latent"].mean((0, 1, 2, 3)), 0, atol=1e-3)
    np.testing.assert_allclose(rows["latent"].std((0, 1, 2, 3)), 1, atol=1e-3)
    source = latents.open_source(made.data, "train")
    back = cache.statistics(records.meta).denormalise(rows["latent"][5])
    assert abs(to_uint8(back).astype(int) - source[5]["video"]).max() <= 1
    words = cache.vocabulary(records.meta)
    assert (rows["caption"][5] == words.encode(source[5]["caption"])).all()


def test_reading_from_disk_gives_what_memory_gives(tmp_path, monkeypatch):
    folder = latents.prepare(config(tmp_path))
    held = cache.Records(folder, "validation")
    small = held.rows([3, 1, 3])
    monkeypatch.setattr(cache, "IN_MEMORY_BYTES", 0)
    large = cache.Records(folder, "validation").rows([3, 1, 3])
    assert all((small[k] == large[k]).all() for k in small)
    raw = np.float32(held._part(0)._all["latent"][[3, 1, 3]])
    assert (small["latent"] == cache.statistics(held.meta).normalise(raw)).all()


def test_a_cache_is_made_once_for_the_same_data_and_autoencoder(tmp_path):
    made = config(tmp_path)
    folder = latents.prepare(made)
    stamp = (folder / "meta.json").stat().st_mtime_ns
    assert latents.prepare(made) == folder
    assert (folder / "meta.json").stat().st_mtime_ns == stamp
    made.data.seed = 1
    assert latents.prepare(made) != folder


def test_an_interrupted_cache_leaves_nothing(tmp_path, monkeypatch):
    made = config(tmp_path)
    monkeypatch.setattr(IdentityAutoencoder, "encode", lambda self, video: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        latents.prepare(made)
    assert not list((tmp_path / "latents").iterdir())


def test_embeddings_in_the_data_are_kept(tmp_path, monkeypatch):
    made = config(tmp_path)
    original = latents.open_source

    class Embedded:
        def __init__(self, source):
            self.source, self.name, self.fingerprint = source, source.name, "with embeddings"

        def __len__(self):
            return len(self.source)

        def __getitem__(self, i):
            return self.source[i] | {"embedding": np.full((3, 7), i, np.float32)}

    monkeypatch.setattr(latents, "open_source", lambda *a: Embedded(original(*a)))
    records = cache.Records(latents.prepare(made), "train")
    assert (records.rows([4, 9])["caption"][:, 2, 6] == [4, 9]).all()
    assert records.meta["text_features"] == 7


def test_a_missing_autoencoder_is_named(tmp_path):
    asked = config(tmp_path).autoencoder
    asked.name = "causal"
    with pytest.raises(InputError, match=r"autoencoder.dir is empty"):
        load_autoencoder(asked)
    asked.dir = str(tmp_path / "nowhere")
    with pytest.raises(InputError, match="nowhere: no finished run there"):
        load_autoencoder(asked)


def test_a_run_that_is_no_autoencoder_is_named(tmp_path):
    made = config(tmp_path)
    write_json(tmp_path / "config.json", resolve(made).to_dict())
    write_json(tmp_path / "result.json", {})
    made.autoencoder.update({"name": "causal", "dir": str(tmp_path)})
    with pytest.raises(InputError, match=r"a run of objective=flow, expected an autoencoder's"):
        load_autoencoder(made.autoencoder)


def test_an_autoencoder_of_other_latents_is_named(monkeypatch):
    asked = {"name": "causal", "dir": "runs/coder", "space": 4, "time": 4, "channels": 4}
    trained = ConfigDict({"autoencoder": asked | {"channels": 5}})
    monkeypatch.setattr(load, "_trained", lambda run: run)
    monkeypatch.setattr(load, "read_config", lambda run: trained)
    with pytest.raises(InputError, match="runs/coder: trained with channels=5, expected"):
        load_autoencoder(ConfigDict(asked))
    assert load_autoencoder(trained.autoencoder) == pathlib.Path("runs/coder")


def test_pixels_survive_the_way_to_floats_and_back():
    every = np.arange(256, dtype=np.uint8)
    assert (to_uint8(to_float(every)) == every).all()
    assert json.dumps(load_autoencoder(type("C", (), {"name": "identity"})()).psnr(None)) == "null"
    assert jax.numpy.asarray(to_float(every)).dtype == np.float32
