"""Runs on captions that a text encoder embedded: trained, named, sampled, measured."""

import dataclasses
import importlib
import json
import pathlib
import shutil
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import vdit
from tests import text_encoders
from tests.text_encoders import LENGTH, TEXTS, Counting, asked
from tests.tiny import config, trained
from vdit.config import flops
from vdit.config.fingerprint import fingerprint
from vdit.config.sizes import model_config_of
from vdit.data import latents
from vdit.data.cache import Records
from vdit.data.embeddings import encoder, writing
from vdit.data.embeddings.captions import captions_of
from vdit.data.embeddings.folder import Embeddings
from vdit.data.sources import open_source
from vdit.diffusion.flow import RectifiedFlow
from vdit.diffusion.guidance import Guidance, guided
from vdit.diffusion.noise_level import NoiseLevel
from vdit.errors import InputError
from vdit.planning.cost_model import batch_bytes
from vdit.planning.job import Job, mesh_of
from vdit.training.diffusion_loss import DiffusionLoss
from vdit.training.diffusion_task import DiffusionTask
from vdit.training.evaluation import evaluate_run
from vdit.training.resolve import resolve


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return text_encoders.make_all(tmp_path_factory.mktemp("encoders"))


@pytest.fixture(scope="module")
def run(folders, tmp_path_factory):
    """A run that was trained on them: its folder and its row."""
    tmp_path = tmp_path_factory.mktemp("run")
    row = trained(asked(tmp_path, **{"data.embeddings": str(folders["stored"])}), tmp_path / "run")
    return tmp_path / "run", row


def test_a_cache_holds_them_for_its_clips(folders, tmp_path):
    made = resolve(asked(tmp_path, **{"data.embeddings": str(folders["stored"])}))
    records, source = Records(latents.prepare(made), "train"), open_source(made.data, "train")
    rows, stored = records.rows([5, 40])["caption"], Embeddings(made.data)
    for row, clip in zip(rows, (5, 40), strict=True):
        assert (row == stored.encode(source[clip]["caption"])).all()
    job = Job(model_config_of(made), 2, mesh_of("data=1"), device=None)
    assert batch_bytes(job) == sum(x.nbytes for x in records.rows([5, 40]).values())


def one_frame():
    return dataclasses.replace(
        model_config_of(config(pathlib.Path())), latent=(1, 2, 2, 1), patch=(1, 1, 1)
    )


def test_dropped_captions_are_the_empty_prompts():
    empty = ((1.0, 2.0), (3.0, 4.0))
    loss = DiffusionLoss(one_frame(), RectifiedFlow(), 0.5, null=empty)
    batch = {"latent": jnp.zeros((64, 1, 2, 2, 1)), "caption": jnp.full((64, 3, 2), 7.0)}
    caption = np.asarray(loss.draw(batch, jax.random.key(0))["caption"])
    is_dropped = (caption == [[1, 2], [3, 4], [0, 0]]).all((1, 2))
    assert ((caption == 7).all((1, 2)) ^ is_dropped).all()
    assert 16 < is_dropped.sum() < 48


def test_guidance_leaves_from_the_empty_prompt():
    def model(x, t, caption):
        return caption.sum((1, 2))[:, None]

    caption = jnp.full((2, 3, 2), 7.0)
    guidance = Guidance(scale=3.0, null=((1.0, 2.0), (3.0, 4.0)))
    found = guided(model, caption, guidance)(jnp.zeros((2, 1)), NoiseLevel(0.5, 0.5, 0.5))
    assert (np.asarray(found) == 10 + 3 * (42 - 10)).all()


def test_a_run_trains_on_them_and_says_so(folders, run, tmp_path):
    workdir, row = run
    model, width = vdit.load(workdir), text_encoders.WIDTH
    assert (model.config.text_features, model.config.text_length) == (width, LENGTH)
    about = json.loads((folders["stored"] / "embeddings.json").read_text())
    assert row["variant"] == f"full-t5-{about['fingerprint'][:6]}"
    words = model_config_of(asked(tmp_path))
    projection = 2 * LENGTH * width * 24 * 2  # forward, and the kernel's gradient
    assert flops.training_flops(model.config) == flops.training_flops(words) + projection
    assert row["flops"] == 12 * 8 * flops.training_flops(model.config)
    assert model.null == tuple(map(tuple, encoder.load(str(folders["t5"])).embed([""], 9)[0][0]))


def test_prompts_are_embedded_by_the_same_encoder_wherever_it_is(folders, run, tmp_path):
    workdir, _ = run
    model, prompt = vdit.load(workdir), TEXTS[1]
    moved = shutil.copytree(folders["t5"], tmp_path / "moved")
    stored = Embeddings(asked(tmp_path, **{"data.embeddings": str(folders["stored"])}).data)
    text = next(text for text in captions_of(asked(tmp_path)) if len(text.split()) == 6)
    np.testing.assert_allclose(model.tokens([text])[0], stored.encode(text), atol=2e-3)
    video = model.sample([prompt], seed=1)
    assert (model.with_text_encoder(moved).sample([prompt], seed=1) == video).all()
    assert (model.sample(model.tokens([prompt]), seed=1) == video).all()
    other = text_encoders.make("t5", tmp_path / "other", seed=1)
    with pytest.raises(InputError, match=r"other: .* captions of training were embedded by"):
        model.with_text_encoder(other)
    assert model.knows("a purple cow")


def test_the_commands_take_such_a_run(folders, run, tmp_path, monkeypatch):
    workdir, row = run
    (found,) = evaluate_run(workdir, evaluators={"losses": {"triples": 40}})
    records = {r["name"]: r["value"] for r in found["evaluators"]["losses"]["records"]}
    assert records["loss"] == pytest.approx(row["loss"], rel=1e-6)
    other, evaluate = text_encoders.make("t5", tmp_path / "other", seed=1), "vdit.evaluate"
    asked_for = f"vdit.evaluate --workdir {workdir} --only losses --text_encoder"
    monkeypatch.setattr(sys, "argv", [*asked_for.split(), str(folders["t5"])])
    assert importlib.import_module(evaluate).main() == 0
    monkeypatch.setattr(sys, "argv", [*asked_for.split(), str(other)])
    with pytest.raises(InputError, match=r"other: .* captions of training were embedded by"):
        importlib.import_module(evaluate).main()
    out = tmp_path / "x.gif"
    called = f"vdit.sample --workdir {workdir} --out {out} --text_encoder {folders['t5']} --prompt"
    monkeypatch.setattr(sys, "argv", [*called.split(), TEXTS[1]])
    assert importlib.import_module("vdit.sample").main() == 0
    assert out.stat().st_size > 0


def test_the_encoder_is_missed_before_training_where_clips_are_made_for_evaluators(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(encoder, "load", lambda *_: Counting())
    made = asked(tmp_path, **{"data.embeddings": str(tmp_path / "made"), "evaluation.clips": 4})
    writing.embed(made, "nowhere", tmp_path / "made")
    made.evaluators = {"physics": {}, "sets": {}, "worlds": {}}
    DiffusionTask(resolve(made))
    for changes in (
        {"model.given": 0.5},
        {"evaluators": {"shapes": {"dir": "x"}}},
    ):
        other = made.copy_and_resolve_references()
        other.update_from_flattened_dict(changes)
        with pytest.raises(InputError, match=r"text encoder nowhere: no config\.json"):
            DiffusionTask(resolve(other))


def test_a_runs_name_is_of_the_embeddings_and_not_of_where_they_lie(folders, tmp_path, monkeypatch):
    def named(folder):
        return fingerprint(resolve(asked(tmp_path, **{"data.embeddings": str(folder)})))

    moved = shutil.copytree(folders["stored"], tmp_path / "moved")
    assert named(moved) == named(folders["stored"]) != fingerprint(resolve(asked(tmp_path)))
    monkeypatch.setattr(encoder, "load", lambda *_: Counting())
    writing.embed(asked(tmp_path), "nowhere", tmp_path / "others")
    assert named(tmp_path / "others") != named(moved)
    again = resolve(asked(tmp_path, **{"data.embeddings": str(moved)}))
    for other in (str(tmp_path / "others"), ""):
        again.data.embeddings = other
        assert fingerprint(resolve(again)) == named(other)
