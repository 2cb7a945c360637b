"""A run as diffusers has it: its pipeline makes the pictures that the run makes."""

import dataclasses
import functools
import json

import jax
import numpy as np
import pytest

from tests.image_autoencoder_test import SMALL, random_kl
from vdit.autoencoders.image import ImageAutoencoder
from vdit.config.model_config import ModelConfig
from vdit.data.statistics import LatentStatistics
from vdit.data.text import Vocabulary
from vdit.exporters import folder
from vdit.exporters.expected import MAX_PERIOD
from vdit.generator import Generator
from vdit.models import dit
from vdit.pretrained import from_torch, read, to_torch

DIT = ModelConfig(
    latent=(1, 4, 4, 2),
    patch=(1, 2, 2),
    width=16,
    depth=2,
    heads=2,
    max_period=MAX_PERIOD,
    condition="label",
    vocabulary=5,
    positions="sincos",
    qk_norm=False,
)
LATTE = dataclasses.replace(
    DIT,
    latent=(3, 4, 4, 2),
    depth=4,
    attention="latte",
    condition="text",
    max_period=10_000.0,
    learn_sigma=True,
    text_length=2,
)
DDPM = {"schedule": "linear", "predicts": "epsilon", "learned_variance": False, "timesteps": 1000}
SAMPLING = {"method": "ddim", "steps": 5, "guidance": 3.0, "interval": (), "rescale": 0.0}
STATISTICS = LatentStatistics([0.3, -0.2], [0.7, 1.4])
NAMES = ("cat", "dog")


class Floats(ImageAutoencoder):
    """Pictures as floats in [0, 1], as diffusers gives them: no byte hides a difference."""

    def decode(self, latent):
        frames = self.model.decode(np.asarray(latent).reshape(-1, *latent.shape[2:]))
        return np.clip(np.asarray(frames) / 2 + 0.5, 0, 1).reshape(*latent.shape[:2], 8, 8, 3)


@functools.cache
def random_weights(config):
    """None of them zero, as adaLN-Zero's are before training; captions are to be heard."""
    rng = np.random.default_rng(1)

    def one(path, leaf):
        scale = 1.0 if {"caption", "cross"} & {getattr(key, "key", None) for key in path} else 0.3
        return (scale * rng.standard_normal(leaf.shape)).astype(np.float32)

    return jax.tree_util.tree_map_with_path(one, dit.weight_shapes(config))


@functools.cache
def random_model(config=DIT, **ddpm) -> Generator:
    """A generator of random weights; its kl has all that one may have, or as little as can be."""
    more = config.learn_sigma
    coder = dataclasses.replace(SMALL, quant=(more, more), attention=(False, more, more))
    settings = {"groups": 4, "scale": 0.5, "shift": 0.1}
    weights = random_weights(config)
    return Generator(
        config,
        {"objective": "ddpm", "ddpm": DDPM | {"spacing": "trailing"} | ddpm, "sampling": SAMPLING},
        (config.latent[0], 8, 8),
        Floats("kl", "random", random_kl(coder), settings),
        STATISTICS,
        Vocabulary(("cat", "dog", "eel"), config.text_length, whole=config.text_length == 1),
        params=weights,
        ema=weights,
    )


def noise_of(model, seed=0):
    """What `model.sample` begins with, two clips at once, channels first."""
    key = jax.random.fold_in(jax.random.key(seed), 0)
    noise = np.array(jax.random.normal(key, (2, *model.config.latent)))
    return np.ascontiguousarray(np.moveaxis(noise, -1, 1))


def loaded(name, out):
    torch, diffusers = pytest.importorskip("torch"), pytest.importorskip("diffusers")
    pipe = getattr(diffusers, name).from_pretrained(out)
    pipe.set_progress_bar_config(disable=True)
    return pipe, torch


VARIANTS = {
    "noise": (DIT, {}),
    "learned variance": (
        dataclasses.replace(DIT, learn_sigma=True),
        {"learned_variance": True, "predicts": "v", "schedule": "cosine", "timesteps": 500},
    ),
}


@pytest.mark.parametrize(("config", "ddpm"), VARIANTS.values(), ids=VARIANTS)
def test_its_pictures_are_those_of_diffusers(tmp_path, monkeypatch, config, ddpm):
    model = random_model(config, **ddpm)
    folder.export(model, tmp_path / "dit", "diffusers")
    pipe, torch = loaded("DiTPipeline", tmp_path / "dit")
    noise = torch.from_numpy(noise_of(model)[:, :, 0])
    monkeypatch.setattr("diffusers.pipelines.dit.pipeline_dit.randn_tensor", lambda *_, **__: noise)
    labels = pipe.get_label_ids(list(NAMES))
    made = pipe(labels, guidance_scale=3.0, num_inference_steps=5, output_type="np").images
    expected = model.sample(NAMES)[:, 0]
    np.testing.assert_allclose(made, expected, rtol=0, atol=1e-3)
    others = model.sample(NAMES[::-1])[:, 0]
    assert np.abs(others - expected).max() > 0.01  # labels matter by more than that


@pytest.mark.parametrize("features", [0, 7], ids=["tokens", "embeddings"])
def test_its_videos_are_those_of_diffusers(tmp_path, features):
    """One caption is shorter than the other. Tokens are rows of an identity, its first is none."""
    pytest.importorskip("transformers")
    model = random_model(dataclasses.replace(LATTE, text_features=features), learned_variance=True)
    folder.export(model, tmp_path / "latte", "diffusers")
    pipe, torch = loaded("LattePipeline", tmp_path / "latte")
    captions, rows = model.tokens(["eel dog", "cat"]), np.eye(5, dtype=np.float32)
    embeddings, none = rows[captions], np.tile(rows[0], (2, 2, 1))
    if features:
        captions = np.random.default_rng(3).normal(size=(2, 2, 7)).astype(np.float32)
        embeddings, none = captions, 0 * captions
    made = pipe(
        prompt_embeds=torch.from_numpy(embeddings),
        negative_prompt_embeds=torch.from_numpy(none),
        negative_prompt=None,
        latents=torch.from_numpy(noise_of(model)),
        video_length=3,
        height=8,
        width=8,
        guidance_scale=3.0,
        num_inference_steps=5,
        output_type="np",
    ).frames
    expected = model.sample(captions)
    np.testing.assert_allclose(made, expected, rtol=0, atol=1e-3)
    assert np.abs(expected - model.sample(captions[::-1])).max() > 0.01
    assert np.abs(expected[:, 1:] - expected[:, :-1]).max() > 0.01


def test_its_encoder_gives_the_latents_that_the_run_sees(tmp_path):
    model = random_model()
    folder.export(model, tmp_path / "dit", "diffusers")
    pipe, torch = loaded("DiTPipeline", tmp_path / "dit")
    video = np.random.default_rng(2).integers(0, 256, (2, 1, 8, 8, 3), np.uint8)
    x = torch.from_numpy(np.moveaxis(video[:, 0], -1, 1) / np.float32(127.5) - 1)
    with torch.no_grad():
        seen = pipe.vae.encode(x).latent_dist
    expected = model.statistics.normalise(model.autoencoder.encode(video))[:, 0]
    np.testing.assert_allclose(np.moveaxis(seen.mean.numpy(), 1, -1), expected, atol=1e-4)
    coded = pipe.vae.encoder(x).detach().numpy()[:, 2:]
    std = np.exp(coded / 2) * 0.5 / np.reshape(STATISTICS.std, (2, 1, 1))
    np.testing.assert_allclose(seen.std.numpy(), std, rtol=1e-4)


def test_it_is_read_back_as_it_was(tmp_path):
    """Labels that it had not have the vector of none, which comes last there and first here."""
    words = Vocabulary(("cat", "dog, wild", "eel"), 1, whole=True)
    model = dataclasses.replace(random_model(), vocabulary=words)
    said = folder.export(model, tmp_path / "dit", "diffusers")
    assert any("diffusers splits names at commas" in line for line in said)
    weights = tmp_path / "dit" / "transformer" / "diffusion_pytorch_model.safetensors"
    assert weights.stat().st_mode == (tmp_path / "dit" / "model_index.json").stat().st_mode
    stored = read(weights)
    found = from_torch(stored, "dit", 2)
    assert found.config.max_period == pytest.approx(DIT.max_period)
    for own, back in zip(*map(jax.tree.leaves, (model.ema, found.weights)), strict=True):
        np.testing.assert_array_equal(np.asarray(back)[: len(own)], own)
    table = found.weights["caption"]["table"][...]
    np.testing.assert_array_equal(table[5:], np.repeat(table[:1], 996, axis=0))
    again = to_torch(found)
    assert again.keys() == stored.keys()
    assert all(np.array_equal(again[name], stored[name]) for name in stored)
    index = json.loads((tmp_path / "dit" / "model_index.json").read_text())
    assert index["id2label"] == {"0": "(unknown)", "1": "cat", "2": "dog; wild", "3": "eel"}
