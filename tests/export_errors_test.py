"""What diffusers has no place for is named; a folder is there whole or not at all."""

import dataclasses
import json

import numpy as np
import pytest
from ml_collections import ConfigDict

import vdit
from tests.export_test import DDPM, DIT, random_model
from tests.image_autoencoder_test import SMALL, random_kl
from tests.tiny import config, forked
from vdit.autoencoders.autoencoder import IdentityAutoencoder
from vdit.errors import InputError
from vdit.exporters import folder, kl
from vdit.pretrained import from_torch, read

LATTE = {"attention": "latte", "condition": "text", "max_period": 10_000.0, "learn_sigma": True}
KEYS = {
    "model.attention='interleaved': expected 'full'": {"attention": "interleaved"},
    "model.condition='text': expected 'label'": {"condition": "text"},
    "model.positions='rotary': expected 'sincos'": {"positions": "rotary"},
    "model.qk_norm=True: expected False": {"qk_norm": True},
    "model.given='above 0': expected 0": {"frame_timesteps": True},
    "model.shape_condition=True: expected False": {"shape_condition": True},
    "model.patch=(1, 2, 4): expected (1, 2, 2)": {"patch": (1, 2, 4)},
    "model.frequencies=32: expected 256": {"frequencies": 32},
    "model.mlp_ratio=2.0: expected 4.0": {"mlp_ratio": 2.0},
    "model.max_period=10000.0: expected 10752.": {"max_period": 10_000.0},
    "ddpm.learned_variance=False: expected True": LATTE | {"learn_sigma": False},
    "model.max_period=20000.0: expected 10000.0": LATTE | {"max_period": 20_000.0},
    "latents 128 high: expected under 128": LATTE | {"latent": (3, 128, 128, 2)},
    "1001 labels: expected up to 1000": {"vocabulary": 1002},
}


@pytest.mark.parametrize(("line", "changes"), KEYS.items(), ids=KEYS)
def test_a_key_that_diffusers_has_no_place_for_is_named(tmp_path, line, changes):
    model = random_model()
    model = dataclasses.replace(model, config=dataclasses.replace(DIT, **changes))
    said(model, tmp_path, line)


def test_other_pictures_latents_and_objectives_are_named(tmp_path):
    model = random_model()

    def changed(**parts):
        return dataclasses.replace(model, **parts)

    flow = {"objective": "flow", "flow": {}, "sampling": model.settings["sampling"]}
    said(changed(settings=flow), tmp_path, "objective='flow': expected 'ddpm'")
    said(changed(video=(9, 8, 8)), tmp_path, "data.num_frames=9: expected 1")
    said(changed(video=(1, 8, 16)), tmp_path, "data.width=16: expected 8")
    pixels = changed(autoencoder=IdentityAutoencoder())
    said(pixels, tmp_path, "autoencoder.name='identity': expected 'kl'")
    with pytest.raises(InputError, match=r"format 'onnx': expected diffusers"):
        folder.export(model, tmp_path / "out", "onnx")


def said(model, tmp_path, line):
    """One line, and no folder."""
    with pytest.raises(InputError) as caught:
        folder.export(model, tmp_path / "out", "diffusers")
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


# --- whole or not at all --------------------------------------------------------------------------


def saved_latte(tmp_path):
    """The folder of an untrained Latte, in the latents of a random kl."""
    np.savez(tmp_path / "kl.npz", **random_kl(SMALL))
    (tmp_path / "config.json").write_text(json.dumps({"norm_num_groups": 4}))
    changes = {"objective": "ddpm", "ddpm.learned_variance": True}
    changes |= {"sampling.method": "ddim", "data.train_clips": 16}
    changes |= {"model.attention": "latte", "model.positions": "sincos", "model.qk_norm": False}
    made = config(tmp_path, **changes | {"model.frequencies": 256})
    coder = {"name": "kl", "dir": str(tmp_path / "kl.npz"), "space": 2, "channels": 2, "time": 1}
    made.autoencoder = ConfigDict(coder)
    vdit.build(made).save(tmp_path / "run")
    return tmp_path / "run"


def test_the_command_writes_a_run_and_says_how_it_is_used(tmp_path):
    run, out = saved_latte(tmp_path), tmp_path / "latte"
    command = ["-m", "vdit.export", "--workdir", run, "--out", out]
    done = forked(*command)
    words = vdit.load(run).config.vocabulary
    assert "video_length=3, height=16, width=16, guidance_scale=2, num_infer" in done.stdout
    assert f"E is torch.eye({words})[vdit.load(RUN).tokens(captions)]" in done.stdout
    assert "of a number of steps that divides 1000" in done.stdout
    found = {str(p.relative_to(out)) for p in out.rglob("*.*")}
    weights = {f"{x}/diffusion_pytorch_model.safetensors" for x in ("transformer", "vae")}
    settings = {"transformer/config.json", "vae/config.json", "scheduler/scheduler_config.json"}
    assert found == weights | settings | {"model_index.json"}
    model = from_torch(
        read(out / "transformer" / "diffusion_pytorch_model.safetensors"), "latte", 2
    )
    assert (model.config.depth, model.config.text_features) == (2, words)
    again = forked(*command, check=False)
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    assert "latte: it is there already, expected a new folder" in again.stderr


KILLED = """
import os, signal
from tests.export_test import random_model
from vdit.exporters import folder, kl
from vdit.pretrained import from_torch, read
kl.weights = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
folder.export(random_model(), %r, "diffusers")
"""


def test_what_a_killed_one_left_is_hidden_and_goes_with_the_next(tmp_path, monkeypatch):
    done = forked("-c", KILLED % str(tmp_path / "dit.v1"), check=False)
    assert done.returncode == -9
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".dit.v1.")
    monkeypatch.setattr(kl, "weights", full_disk)
    with pytest.raises(OSError, match="full"):
        folder.export(random_model(), tmp_path / "dit.v1", "diffusers")
    assert not list(tmp_path.iterdir())


def full_disk(*_):
    raise OSError("full")


# --- its sampler ----------------------------------------------------------------------------------


def test_trailing_steps_are_those_of_diffusers():
    diffusers = pytest.importorskip("diffusers")
    from vdit.diffusion.ddpm import DDPM as Objective

    ours = Objective(**DDPM, spacing="trailing")
    theirs = diffusers.DDIMScheduler(timestep_spacing="trailing")
    for steps in (1, 5, 8, 250, 1000):
        theirs.set_timesteps(steps)
        path = ours.path(steps)
        np.testing.assert_array_equal(np.rint(path.t[:-1] * 1000), theirs.timesteps.numpy())
        assert (path.t[-1], path.alpha[-1], path.sigma[-1]) == (0, 1, 0)
        assert len(path.t) == steps + 1
    for steps in (0, 30, 2000):
        with pytest.raises(InputError, match=f"^{steps} sampling steps.*a divisor of 1000"):
            ours.path(steps)
    with pytest.raises(InputError, match=r"ddpm.spacing='odd': expected even or trailing"):
        Objective(**DDPM, spacing="odd")
