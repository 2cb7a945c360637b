"""Real runs that start from an image model's run, and from published weights."""

import json

import jax
import numpy as np
import pytest

from tests import reference_models
from tests.image_autoencoder_test import random_kl
from tests.init_from_test import quick
from tests.tiny import config
from vdit.autoencoders.kl import KLConfig
from vdit.data import pipeline
from vdit.parallel import sharding
from vdit.pretrained import from_torch
from vdit.runs import checkpoint
from vdit.training import init_from
from vdit.training.diffusion_task import DiffusionTask
from vdit.training.loop import train
from vdit.training.metrics import open_log
from vdit.training.resolve import resolve

SHORT = {
    "steps": 4,
    "optimizer.lr": 1e-2,
    "sampling.steps": 1,
    "model.condition": "none",  # quicker to compile
    "validation.triples": 16,
    "data.train_clips": 16,
    "data.validation_clips": 4,
}


def first_losses(task, *several):
    """The losses of these weights on the first batch of a run."""
    made, mesh = task.config, sharding.make_mesh({})
    rows = pipeline.batches(task.records, made.batch, made.seed, sharding.batch_sharding(mesh))
    key = jax.random.fold_in(jax.random.split(jax.random.key(made.seed))[1], 0)
    drawn, loss = quick(task.loss.draw)(next(iter(rows)), key), quick(task.loss)
    return [float(loss(weights, drawn)[0]) for weights in several]


def trained(made, folder):
    """What `vdit.main.run` does before it measures; its task."""
    task = DiffusionTask(resolve(made))
    folder.mkdir(parents=True)
    with open_log(task.config, folder) as log:
        train(task, task.config, folder, log)
    return task


def logged(folder):
    return json.loads((folder / "metrics.jsonl").read_text().splitlines()[0])["loss"]


def test_images_first_then_video(tmp_path):
    trained(config(tmp_path, **SHORT, **{"data.num_frames": 1}), tmp_path / "image")
    changes = {"model.attention": "factorised", "init": str(tmp_path / "image")}
    made = config(tmp_path, **SHORT | {"steps": 1}, **changes)
    task = trained(made, tmp_path / "video")
    image = checkpoint.read_arrays(tmp_path / "image", "ema")
    fresh = quick(task.init)(jax.random.split(jax.random.key(made.seed))[0])
    begun = task.init_from(fresh)
    kernel = begun["stages"][0]["blocks"][0]["attentions"][0]["qkv"]["kernel"]
    np.testing.assert_array_equal(kernel, image["stages/0/blocks/0/attentions/0/qkv/kernel"])
    started, other = first_losses(task, begun, fresh)
    assert logged(tmp_path / "video") == pytest.approx(started, rel=1e-5)
    assert abs(started - other) > 1e-3
    saved = json.loads((tmp_path / "video" / "config.json").read_text())
    assert saved["init_fingerprint"] == init_from.fingerprint(str(tmp_path / "image"))


def test_a_run_from_published_weights_begins_with_their_loss(tmp_path):
    """Latte's, its labels too, on latents of 4 channels: those of a random small kl."""
    published = reference_models.load("latte")
    np.savez(tmp_path / "latte.npz", **published.weights)
    np.savez(tmp_path / "kl.npz", **random_kl(KLConfig(4, (4, 8), 1, (False,) * 3, groups=4)))
    (tmp_path / "config.json").write_text('{"norm_num_groups": 4}')
    changes = SHORT | {"steps": 1, "init": str(tmp_path / "latte.npz"), "objective": "ddpm"}
    changes |= {"model.condition": "label", "data.words": 4, "ddpm.learned_variance": True}
    changes |= {"model.width": 48, "model.depth": 4, "model.heads": 4, "model.frequencies": 256}
    changes |= {"model.attention": "interleaved", "model.positions": "sincos"}
    made = config(tmp_path, **changes, **{"model.qk_norm": False, "sampling.method": "ddim"})
    made.sampling.steps = 2  # the fewest of a chain
    made.autoencoder = {"name": "kl", "dir": str(tmp_path / "kl.npz"), "space": 2, "channels": 4}
    task = trained(made, tmp_path / "run")
    [expected] = first_losses(task, from_torch(published.weights, "latte", 4).weights)
    assert logged(tmp_path / "run") == pytest.approx(expected, rel=1e-5)
    assert (task.records.meta["autoencoder"], task.records.meta["psnr"] > 0) == ("kl", True)
