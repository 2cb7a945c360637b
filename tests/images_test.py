"""Images beside videos: what they are, when they come, what they cost, and how a run goes on."""

import itertools
import json

import jax
import numpy as np
import pytest
from flax import nnx

from tests.tiny import config, trained
from vdit.autoencoders import causal
from vdit.autoencoders.autoencoder import CausalVideoAutoencoder
from vdit.config import flops, mixture
from vdit.config.model_config import VARIANTS, ModelConfig
from vdit.data import cache, latents, pipeline
from vdit.data.beside import FirstFrames
from vdit.errors import InputError
from vdit.models import dit
from vdit.parallel import sharding
from vdit.training import clock, packing
from vdit.training.autoencoder_task import AutoencoderTask
from vdit.training.diffusion_task import DiffusionTask
from vdit.training.resolve import resolve

SHARE, FRAMES = 0.5, 3
HALF = {"data.image_share": SHARE, "model.depth": 1, "model.width": 16, "validation.triples": 20}


@pytest.mark.parametrize("share", [0.1, 0.25, 0.29, 0.5, 0.75])
def test_images_have_their_share_of_the_steps_evenly_spread(share):
    kinds = [mixture.turn(step, (1 - share, share))[0] for step in range(400)]
    counts = np.cumsum([0, *kinds])
    assert not kinds[0]  # a run begins with clips
    assert counts[100] == round(100 * share)
    assert (abs(counts - share * np.arange(401)) < 1).all()
    assert [mixture.turns(step, (1 - share, share))[1] for step in range(401)] == counts.tolist()


def test_an_image_is_what_the_autoencoder_makes_of_the_frame_alone(tmp_path, monkeypatch):
    init = causal.Init((("channels", 4), ("depth", 1), ("space", 4), ("time", 2), ("width", 8)))
    weights = jax.jit(init)(jax.random.key(0))
    about = {"title": "random", "weights": "random", "psnr": 0.0}
    coder = CausalVideoAutoencoder(init, weights, about)
    monkeypatch.setattr(latents, "load_autoencoder", lambda _: coder)
    made = config(tmp_path, **{"data.train_clips": 4, "data.validation_clips": 4})
    folder = latents.prepare(made)
    rows = FirstFrames(cache.Records(folder, "train")).rows([3, 1])
    source, meta = latents.open_source(made.data, "train"), cache.read_meta(folder)
    alone = coder.encode(np.stack([source[i]["video"][:1] for i in (3, 1)]))
    assert alone.shape == rows["latent"].shape == (2, 1, 4, 4, 4)
    expected = cache.statistics(meta).normalise(np.float16(alone).astype(np.float32))
    np.testing.assert_allclose(rows["latent"], expected, atol=2e-2)
    words = cache.vocabulary(meta)
    assert (rows["caption"] == [words.encode(source[i]["caption"]) for i in (3, 1)]).all()


class Counting:
    """Records whose latent is their own index."""

    def __len__(self):
        return 10

    def rows(self, indices):
        return {"latent": np.asarray(indices, np.float32)}


def mixed(where=None, share=SHARE):
    where = where or sharding.batch_sharding(sharding.make_mesh({}))
    images = pipeline.Stream(Counting(), 12, share)
    return iter(pipeline.batches(Counting(), 4, 0, where, place=False, beside=[images]))


def taken(iterator, n):
    return [next(iterator)["latent"].tolist() for _ in range(n)]


def test_clips_come_in_the_order_they_have_without_images_and_images_in_their_own():
    batches = taken(mixed(), 8)
    assert [len(batch) for batch in batches] == [4, 12] * 4
    clips = [pipeline.clips_of_batch(i, 4, 10, seed=0).tolist() for i in range(4)]
    assert batches[::2] == clips
    images = list(itertools.chain(*batches[1::2]))
    assert sorted(images[:10]) == sorted(images[10:20]) == list(range(10))
    assert images[:10] != list(itertools.chain(*clips))[:10]


def test_a_position_between_the_kinds_is_gone_on_from():
    whole, first, second = taken(mixed(), 8), mixed(), mixed()
    taken(first, 3)
    second.set_state(first.get_state())
    assert taken(second, 5) == whole[3:]


def test_two_processes_see_the_halves_of_one():
    class Half:
        def __init__(self, index):
            self.index, self.device_set = index, [0]

        def addressable_devices_indices_map(self, shape):
            half = shape[0] // 2
            return {0: (slice(self.index * half, (self.index + 1) * half),)}

    halves, whole = [taken(mixed(Half(i)), 4) for i in range(2)], taken(mixed(), 4)
    assert [len(batch) for batch in whole] == [4, 12, 4, 12]
    assert [a + b for a, b in zip(*halves, strict=True)] == whole


def test_the_first_step_of_each_kind_compiles_and_is_not_timed():
    timed, data, compiled = clock.Clock(), mixed(), []
    for _ in range(6):
        timed.fetch(data)
        timed.step_done({"loss": jax.numpy.zeros(())})
        compiled.append(timed.compiled)
    assert compiled == [True, True, False, False, False, False]
    assert timed.split()[0] == 4


def program(model, weights, x):
    """The trace of a model of this config on x, as text."""
    run = lambda w, x, t: nnx.merge(dit.graph_of(model), w)(x, t, None)  # noqa: E731
    return str(jax.make_jaxpr(run)(weights, x, np.zeros(len(x), np.float32)))


@pytest.mark.parametrize("attention", [name for name in VARIANTS if name != "latte"])
def test_a_model_of_clips_is_to_an_image_the_program_of_one_of_images(attention):
    clips = ModelConfig((4, 4, 4, 2), (1, 2, 2), 16, 2, 2, attention=attention, condition="none")
    weights, image = dit.weight_shapes(clips), np.zeros((2, 1, 4, 4, 2), np.float32)
    seen = program(clips, weights, image)
    assert seen == program(mixture.image_model(clips), weights, image)
    assert seen != program(clips, weights, np.zeros((2, 4, 4, 4, 2), np.float32))


def test_an_image_has_the_learned_position_of_the_first_frame():
    clips = ModelConfig((4, 4, 4, 2), (1, 2, 2), 16, 2, 2, positions="learned", condition="none")
    keys = iter(jax.random.split(jax.random.key(0), 99))
    shapes = dit.weight_shapes(clips)
    weights = jax.tree.map(lambda x: 0.1 * jax.random.normal(next(keys), x.shape), shapes)
    x = jax.random.normal(next(keys), (2, 1, 4, 4, 2))

    def output(weights):
        model = nnx.merge(dit.graph_of(clips), weights)
        return abs(model(x, np.zeros(2, np.float32), None)).sum()

    slope = np.asarray(jax.jit(jax.grad(output))(weights)["positions"]["frames"][...])
    assert (slope[0] != 0).any()
    assert (slope[1:] == 0).all()


def lines(workdir):
    rows = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    return [(row["step"], row.get("loss"), row.get("loss_images")) for row in rows if "lr" in row]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """(where its latents are, its folder, its row) of a run with images."""
    tmp = tmp_path_factory.mktemp("images")
    return tmp, tmp / "alone" / "a", trained(config(tmp, **HALF), tmp / "alone" / "a")


def test_both_losses_are_logged_and_learned_from(run):
    _, workdir, row = run
    found = lines(workdir)
    assert found[0][1] > 0
    assert found[0][2] is None  # no image yet
    assert all(loss > 0 and images > 0 for _, loss, images in found[1:])
    assert found[1][1] == found[0][1]  # an image step's line has the loss of the clips before
    assert found[2][2] == found[1][2]
    assert found[3][2] != found[1][2]
    assert row["variant"] == "full-images0.5"


def test_a_result_counts_each_kind_by_its_own(run):
    tmp, _, row = run
    made = resolve(config(tmp, **HALF))
    model = DiffusionTask(made).model
    image = flops.training_flops(mixture.image_model(model))
    assert (row["clips"], row["images"]) == (6 * 8, 6 * 8 * FRAMES)
    assert row["flops"] == 48 * flops.training_flops(model) + 144 * image
    assert row["flops"] == 12 * 8 * flops.training_flops_per_clip(made)
    assert row["tokens"] == 12 * 8 * model.tokens == row["clips"] * model.tokens * 2


def test_packed_runs_have_the_numbers_of_unpacked_ones(run):
    tmp, workdir, alone = run
    pair = {"a": {}, "b": {"seed": 1}}
    runs = [(resolve(config(tmp, **(HALF | pair[k]))), str(tmp / "packed" / k)) for k in pair]
    rows = packing.run(runs).ends
    assert rows[0]["loss"] == pytest.approx(alone["loss"], rel=1e-5)
    packed = lines(tmp / "packed" / "a")
    for one, other in zip(packed[1:], lines(workdir)[1:], strict=True):  # none of images in 0
        assert one == pytest.approx(other, rel=1e-5)
    assert [rows[1][k] for k in ("clips", "images")] == [6 * 8, 6 * 8 * FRAMES]
    other = resolve(config(tmp, **(HALF | {"data.image_share": 0.25})))
    with pytest.raises(InputError, match="differ in shapes"):
        packing.run([runs[0], (other, str(tmp / "packed" / "c"))])


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"data.num_frames": 1}, "clips of one latent frame are images already; expected 0"),
        ({"model.patch": (3, 1, 1)}, "an image is one latent frame, model.patch=.* takes 3"),
        ({"mesh.context": 2}, r"data.image_share=0.5 with mesh.context=2: .* expected mesh"),
        ({"data.image_share": 1.0}, "data.image_share=1.0: expected a number from 0 below 1"),
    ],
)
def test_a_share_without_images_is_refused_in_a_line(tmp_path, changes, line):
    with pytest.raises(InputError, match=line):
        resolve(config(tmp_path, **(HALF | changes)))


def test_an_autoencoder_takes_no_share():
    from experiments import autoencoder

    made = autoencoder.get_config()
    made.data.image_share = 0.5
    with pytest.raises(InputError, match="expected 0, an autoencoder sees clips"):
        AutoencoderTask(made)
