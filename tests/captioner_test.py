"""The captioner: a word sees what is before it, a planted world is learnt, wrong configs end."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import vdit
from experiments import captioner
from tests import tiny
from vdit.captioning import words
from vdit.config import flops
from vdit.config.model_config import ModelConfig
from vdit.config.sizes import model_config_of
from vdit.data import latents
from vdit.data.byte_pairs import BytePairs
from vdit.data.cache import Records
from vdit.data.text import NULL, UNKNOWN, Vocabulary
from vdit.data.worlds import Worlds
from vdit.errors import InputError
from vdit.evaluators import captions
from vdit.evaluators.common import EvaluationData
from vdit.models import dit
from vdit.models.captioner import ANY, LONG, SHORT
from vdit.runs.folder import read_config, read_result
from vdit.training.caption_task import CaptionLoss
from vdit.training.evaluation import evaluate_run, model_columns
from vdit.training.resolve import resolve
from vdit.training.tasks import make_task

SMALL = ModelConfig(
    (2, 4, 4, 2), (1, 2, 2), 16, 1, 2, attention="captioner", vocabulary=7, text_length=5
)
WORLD = {
    "labelled": 0.5,
    "max_objects": 1,
    "gravity": 0.0,
    "occluder": 0.0,
    "motions": ("left", "right"),
}
WORLD |= {"colours": ("red", "blue"), "shapes": ("square",), "sizes": {"large": 0.2}}
OVERRIDES = tiny.OVERRIDES | {"data.world": WORLD, "model.width": 32, "model.depth": 1}
OVERRIDES |= {"steps": 100, "batch": 16, "optimizer.lr": 1e-2, "checkpoint_every": 0}
OVERRIDES |= {
    "evaluation.clips": 32,
    "data.train_clips": 256,
    "model.patch": (3, 4, 4),
    "log_every": 20,
}


def config(tmp_path, **more):
    """experiments/captioner.py in pixel space, on a world of four captions."""
    made = captioner.get_config()
    made.autoencoder = {"name": "identity", "dir": ""}
    made.update_from_flattened_dict(OVERRIDES | more)
    made.cache = str(tmp_path / "latents")
    return made


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a captioner that was trained on the planted world."""
    tmp_path = tmp_path_factory.mktemp("captioner")
    planted = {"data.world": WORLD | {"labelled": 1.0}, "data.train_clips": 192}
    tiny.trained(config(tmp_path, **planted), tmp_path / "run")
    return tmp_path / "run"


def noisy(weights):
    """Beside zeros at the start no path would be seen."""
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda w: w + 0.3 * rng.standard_normal(w.shape, np.float32), weights)


def perturbed(model_config):
    graph, weights = nnx.split(dit.create(model_config, jax.random.key(0)))
    return nnx.merge(graph, noisy(weights))


def test_a_word_sees_the_clip_and_the_words_before_it():
    model = perturbed(SMALL)
    x = jax.random.normal(jax.random.key(1), (1, *SMALL.latent))
    caption, any_length = jnp.array([[2, 3, 4, 5, 0]]), jnp.array([ANY])
    logits = model(x, any_length, caption)
    changed = model(x, any_length, caption.at[0, 2].set(6))
    np.testing.assert_allclose(changed[:, :3], logits[:, :3], atol=1e-5)
    assert (np.abs(changed - logits)[0, 3:].max(-1) > 1e-3).all()
    assert (
        np.abs(model(x.at[0, 1, 3, 3].add(1), any_length, caption) - logits)[0].max(-1) > 1e-4
    ).all()
    assert np.abs(model(x, jnp.array([LONG]), caption) - logits).max() > 1e-3


def test_nats_count_a_captions_tokens_and_its_end():
    logits = jnp.log(jnp.array([0.5, 0.25, 0.25]))[None, None].repeat(3, axis=1)
    found = words.nats_per_token(logits.repeat(2, 0), jnp.array([[2, NULL, NULL], [2, 2, 2]]))
    np.testing.assert_allclose(found, [1.5 * np.log(2), 2 * np.log(2)], rtol=1e-6)


def test_the_planted_world_is_learnt(run):
    row = read_result(run)
    assert row["objective"] == "captioner"
    assert row["flops"] == 100 * 16 * flops.training_flops(vdit.load(run).config)
    for name in ("exact", "colour", "motion", "number", "words"):
        assert row[f"caption_{name}"] > 0.9, (name, row[f"caption_{name}"])
    of_videos = ("losses", "worlds", "video")
    asked = {"captions": {"clips": 16}} | {name: {} for name in of_videos}
    (found,) = evaluate_run(run, evaluators=asked)
    assert found["evaluators"]["captions"]["records"][0]["n"] == 16
    assert [found["evaluators"][name]["records"] for name in of_videos] == [[], [], []]
    assert found["row"]["validation"] != row["validation"]  # of 32 clips


def test_clips_with_a_caption_are_measured_and_counted(run, monkeypatch):
    real = Records.captions
    late = lambda self, at: real(self, at) * (np.asarray(at) >= 30)[:, None]  # noqa: E731
    monkeypatch.setattr(Records, "captions", late)
    model, made = vdit.load(run), read_config(run)
    records = Records(latents.prepare(made), "validation")
    data, rows = EvaluationData(made, records, run, 100), records.rows([30, 31])
    found = {r.name: r for r in captions.evaluate(model, data, clips=4, seed=0)}
    nats = words.nats(model, rows["latent"], rows["caption"])
    assert found["loss"].value == pytest.approx(nats.mean(), rel=1e-5)
    assert data.training_clips == 192 - 30
    assert model_columns(data, model.config)["unique_clips"] == 192 - 30


def test_losses_of_other_tokens_have_other_names():
    meta = {"key": {"sources": {"validation": ["a", 8]}, "coder": "b"}, "text_length": 9}

    def name(words, **key):
        changed = meta | {"words": words, "key": meta["key"] | key}
        return captions.validation_id(changed, clips=8, seed=0)

    assert name(["a", "b"]) == name(["b", "a"])
    assert len({name(["a", "b"]), name(["a"]), name(["a", "b"], tokenizer="byte_pairs")}) == 3


def test_a_plan_counts_the_words_that_a_vocabulary_may_have(tmp_path):
    made = config(tmp_path, **{"data.name": "video_folder", "data.words": 300})
    planned = flops.training_flops_per_clip(made)
    assert planned == flops.training_flops(model_config_of(made, 300))
    assert planned > flops.training_flops(model_config_of(made, 30))


def test_a_caption_begins_with_text():
    pairs = BytePairs.of(["a ☃ b", "ab ☃"], 300, 9)
    blank = words._blank(types.SimpleNamespace(vocabulary=pairs))
    assert blank[[NULL, UNKNOWN]].all()
    assert [pairs.words[i - 2] for i in np.flatnonzero(blank)[2:]] == ["Ġ"]
    _, weights = nnx.split(perturbed(SMALL))
    x, one = jnp.zeros((words.BATCH, *SMALL.latent)), np.arange(SMALL.vocabulary) != 5
    tokens, _ = words._written(weights, x, np.zeros(words.BATCH, np.int32), one, SMALL)
    assert (np.asarray(tokens)[:, 0] == 5).all()


def test_a_captioner_stands_alone(run):
    model, world = vdit.load(run), Worlds(8, "validation", 0, 3, 16, 16, **WORLD)
    clips = np.stack([world[i]["video"] for i in range(8)])
    latents = model.statistics.normalise(model.autoencoder.encode(clips))
    written, confidence = words.write(model, latents)
    right = np.array([w == world[i]["caption"] for i, w in enumerate(written)])
    assert right.mean() > 0.8
    assert ((confidence > 0) & (confidence <= 1)).all()
    tokens = model.tokens(written)
    alone = np.exp(-words.nats(model, latents, tokens))  # the same probabilities, all words at once
    np.testing.assert_allclose(confidence, alone, rtol=0.02)
    with pytest.raises(InputError, match="a captioner makes no videos"):
        model.sample(["a large red square moves left"])


def test_attributes_are_counted_whichever_object_has_them():
    given = "a small red circle moves left and a large blue square falls"
    assert captions.of_attribute("colour", "a small blue disc moves left", given) == 0.0
    assert captions.of_attribute("colour", "a small blue circle moves left", given) == 0.5
    assert (
        captions.of_attribute("motion", given, given) == captions.exact(given.upper(), given) == 1
    )
    assert captions.number("a small blue circle moves left", given) == 0
    assert captions.word_f1("a b b", "b b c") == pytest.approx(2 / 3)


@pytest.mark.parametrize("kind", [Vocabulary, BytePairs])
def test_words_come_back_from_tokens(kind):
    texts = ["a red ball falls", "der blaue Würfel fällt", "a red ball rolls"]
    made = kind.of(texts, 300, 40)
    assert [made.text(made.encode(text)) for text in texts] == [text.lower() for text in texts]


WRONG = [
    ({"data.epochs": 4}, r"data\.epochs=4: expected 0, a captioner has one set"),
    ({"data.image_share": 0.5}, r"data\.image_share=0\.5: expected 0"),
    ({"data.embeddings": "x"}, r"data\.embeddings='x': expected '', a captioner writes words"),
    ({"init": "x"}, r"init='x': expected ''"),
    ({"objective": "flow"}, r"model\.attention='captioner' under objective=flow"),
    ({"model.condition": "none"}, r"model\.condition='none': a captioner's is 'text'"),
    ({"model.attention": "full"}, r"model\.attention='full' under objective=captioner"),
    ({"data.world": WORLD | {"labelled": 0}}, "train: no clip has a caption"),
]


UNRESOLVED = {"init", "data.image_share", "data.embeddings"}  # more would be missed before


@pytest.mark.parametrize(("more", "message"), WRONG)
def test_wrong_configs_are_a_line(tmp_path, more, message):
    made = config(tmp_path, **{"data.train_clips": 8, "data.validation_clips": 4})
    made.update_from_flattened_dict(more)
    with pytest.raises(InputError, match=message):
        make_task(made if more.keys() & UNRESOLVED else resolve(made))


def test_short_and_long_are_asked_for():
    loss = CaptionLoss(SMALL, median=3)
    batch = {"caption": jnp.array([[2, 3, 4, 0, 0]] * 100 + [[2, 3, 4, 5, 0]] * 100)}
    start = np.asarray(loss.draw(batch, jax.random.key(0))["start"])
    assert set(start[:100]) == {ANY, SHORT}
    assert set(start[100:]) == {ANY, LONG}
    assert 0.3 < (start == ANY).mean() < 0.7
