"""The stream of training clips: longer runs begin as shorter ones, and only new parts are made."""

import numpy as np
import pytest

from tests.tiny import config
from vdit.config import stream
from vdit.data import cache, latents, pipeline
from vdit.errors import InputError
from vdit.evaluators.losses import validation_id
from vdit.parallel import sharding

PART, EPOCHS, BATCH = 10, 2, 4
# A run of 45 clips of a stream of such parts: two passes over 0-9, two over 10-19, five of 20-29.
ORDER = np.concatenate([pipeline.clips_of_batch(i, BATCH, PART, 0, EPOCHS) for i in range(15)])


def made(tmp_path, steps, **more):
    small = {"data.train_clips": PART, "data.epochs": EPOCHS, "batch": BATCH}
    return config(tmp_path, steps=steps, **(small | more))


def seen(made, batches):
    records = cache.Records(latents.prepare(made), "train")
    place = sharding.batch_sharding(sharding.make_mesh({}))
    rows = iter(pipeline.batches(records, BATCH, 0, place, epochs=EPOCHS))
    return np.concatenate([np.asarray(next(rows)["latent"]) for _ in range(batches)])


def test_every_part_is_passed_over_as_often_before_the_next():
    epochs = ORDER.reshape(-1, PART)
    for epoch, clips in enumerate(epochs):
        first = epoch // EPOCHS * PART
        assert sorted(clips) == list(range(first, first + PART))
    assert len({tuple(clips % PART) for clips in epochs}) == len(epochs)  # each in its own order


def test_without_epochs_one_part_is_passed_over_for_ever():
    orders = [pipeline.clips_of_batch(i, BATCH, PART, 0) for i in range(15)]
    assert (np.concatenate(orders) == ORDER % PART).all()


@pytest.mark.parametrize("clips", [1, 10, 11, 20, 21, 35, 40, 45, 60])
def test_parts_and_unique_clips_are_those_of_the_order(clips):
    unique = set(ORDER[:clips].tolist())
    assert stream.unique_clips(clips, PART, EPOCHS) == len(unique)
    assert stream.parts(clips, PART, EPOCHS) == max(unique) // PART + 1
    assert stream.unique_clips(clips, PART, 0) == len(set((ORDER[:clips] % PART).tolist()))
    assert stream.parts(clips, PART, 0) == 1


def test_a_longer_run_sees_the_clips_of_a_shorter_one_first(tmp_path):
    short, long = (made(tmp_path / name, steps) for name, steps in (("a", 7), ("b", 15)))
    first = seen(short, 7)
    assert (seen(long, 15)[: len(first)] == first).all()


def test_batches_hold_the_clips_of_the_world_in_the_order_of_the_stream(tmp_path):
    asked = made(tmp_path, 12)
    folder = latents.prepare(asked)
    asked.data.train_clips = 3 * PART
    source, meta = latents.open_source(asked.data, "train"), cache.read_meta(folder)
    asked.data.train_clips = PART
    videos = np.stack([source[int(i)]["video"] for i in ORDER[: 12 * BATCH]])
    expected = cache.statistics(meta).normalise(np.float16(videos / 127.5 - 1).astype(np.float32))
    np.testing.assert_allclose(seen(asked, 12), expected, atol=2e-2)
    words, records = cache.vocabulary(meta), cache.Records(folder, "train")
    rows = records.rows([25, 3])["caption"]
    assert (rows == [words.encode(source[i]["caption"]) for i in (25, 3)]).all()


def test_a_position_goes_on_across_the_end_of_a_part(tmp_path):
    records = cache.Records(latents.prepare(made(tmp_path, 12)), "train")
    place = sharding.batch_sharding(sharding.make_mesh({}))

    def rows():
        return iter(pipeline.batches(records, BATCH, 0, place, epochs=EPOCHS))

    first, whole = rows(), rows()
    for _ in range(4):  # the fifth batch is of the first two parts
        next(first), next(whole)
    second = rows()
    second.set_state(first.get_state())
    for _ in range(4):
        np.testing.assert_array_equal(next(second)["latent"], next(whole)["latent"])


def test_longer_runs_add_parts_to_the_same_cache(tmp_path):
    folder = latents.prepare(made(tmp_path, 5))
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}
    assert "train_1.array_record" not in before
    assert latents.prepare(made(tmp_path, 15)) == folder
    after = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}
    assert after.keys() - before.keys() == {"train_1.array_record", "train_2.array_record"}
    assert after | before == after
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_the_validation_set_has_one_identity_however_long_a_run_is(tmp_path):
    metas = [cache.read_meta(latents.prepare(made(tmp_path, steps))) for steps in (5, 15)]
    assert len({validation_id(meta, triples=8, seed=0) for meta in metas}) == 1
    moved = cache.read_meta(latents.prepare(made(tmp_path, 5, **{"data.train_clips": 11})))
    assert validation_id(moved, triples=8, seed=0) != validation_id(metas[0], triples=8, seed=0)


def test_only_the_parts_that_are_read_are_made(tmp_path):
    folder = latents.prepare(made(tmp_path, 15), clips=0)
    assert not (folder / "train_1.array_record").exists()
    with pytest.raises(InputError, match=r"train_1\.array_record: .*delete the folder"):
        cache.Records(folder, "train").rows([PART])
