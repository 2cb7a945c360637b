"""A trained model is one thing: what is in its folder is enough, wherever the folder lies."""

import dataclasses
import json
import shutil

import jax
import numpy as np
import pytest

import vdit
from experiments import autoencoder
from tests.image_autoencoder_test import SMALL, random_kl
from tests.tiny import ROOT, config, python, trained
from vdit.autoencoders.autoencoder import read
from vdit.autoencoders.image import ImageAutoencoder
from vdit.data.sources import open_source
from vdit.data.statistics import LatentStatistics
from vdit.errors import InputError
from vdit.models import dit
from vdit.runs.checkpoint import read_weights

PROMPTS = ["a small red circle moves left", "a large blue square falls"]
CODED = {"steps": 2, "batch": 2, "data.train_clips": 8, "data.validation_clips": 8}
CODED |= {"autoencoder.width": 8, "autoencoder.depth": 1, "autoencoder.channels": 2}
RUN = {"data.num_frames": 9, "data.height": 32, "data.width": 32, "model.patch": (1, 2, 2)}
RUN |= {"checkpoint_at": (4, 8), "checkpoint_every": 0, "evaluation.clips": 4}
ALONE = """
import sys
import numpy as np
import vdit
model = vdit.load(sys.argv[1])
videos = model.sample(%r, seed=3)
loss = model.losses(np.load(sys.argv[2]), %r)
np.savez(sys.argv[3], videos=videos, loss=loss)
ours = [name for name in sys.modules if name.split(".")[0] == "vdit"]
assert len(ours) <= 50, ours
assert not {"grain", "tensorflow_datasets", "av"} & set(sys.modules)
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with an autoencoder, a latent cache and a run of 12 steps."""
    root = tmp_path_factory.mktemp("root")
    coded = autoencoder.get_config()
    coded.update_from_flattened_dict(CODED)
    trained(coded, root / "autoencoder")
    changes = {"autoencoder": coded.autoencoder.to_dict() | {"dir": str(root / "autoencoder")}}
    made = config(root, **RUN)
    made.autoencoder = changes["autoencoder"]
    trained(made, root / "run")
    return root


def clips_of(run, count):
    """Validation clips of a run and their captions."""
    from vdit.runs.folder import read_config

    source = open_source(read_config(run).data, "validation")
    items = [source[i % len(source)] for i in range(count)]
    return np.stack([x["video"] for x in items]), [x["caption"] for x in items]


def same(first, second):
    return all(
        np.array_equal(a, b) for a, b in zip(*map(jax.tree.leaves, (first, second)), strict=True)
    )


def test_samples_have_the_statistics_of_the_latents(root):
    """Channels of one value each: what is sampled are these, decoded, whatever the model says."""
    model = vdit.load(root / "run")
    mean = np.linspace(-1, 1, len(model.statistics.mean)).astype(np.float32)
    model = dataclasses.replace(model, statistics=LatentStatistics(mean, np.zeros_like(mean)))
    latents = np.broadcast_to(mean, (1, *model.config.latent)).astype(np.float32)
    (expected,) = model.autoencoder.decode(latents)
    for video in model.sample(PROMPTS):
        np.testing.assert_array_equal(video, expected)


def test_frames_that_it_is_given_are_on_the_scale_of_the_latents(root):
    """An edit that hardly begins is its video, coded and decoded, by any statistics."""
    model, (clips, _) = vdit.load(root / "run"), clips_of(root / "run", 1)
    ones = np.ones(len(model.statistics.mean), np.float32)
    model = dataclasses.replace(model, statistics=LatentStatistics(3 * ones, 2 * ones))
    edit = model.conditioning("edit", clips[0])
    made = model.sample(PROMPTS[:1], frames=edit, strength=1e-4)
    coded = model.autoencoder.decode(model.autoencoder.encode(clips))
    assert np.abs(made.astype(int) - coded).max() <= 1


def test_a_run_folder_alone_is_loaded_sampled_and_scored(root, tmp_path):
    """In a fresh process, elsewhere, with all that the run was made of gone."""
    model = vdit.load(root / "run")
    before, (clips, captions) = model.sample(PROMPTS, seed=3), clips_of(root / "run", 4)
    losses = model.losses(clips, captions)
    np.save(tmp_path / "clips.npy", clips)
    shutil.copytree(root / "run", tmp_path / "moved")
    root.rename(tmp_path / "gone")
    try:
        script = tmp_path / "alone.py"
        script.write_text(ALONE % (PROMPTS, captions))
        python(script, "moved", "clips.npy", "out.npz", cwd=tmp_path)
    finally:
        (tmp_path / "gone").rename(root)
    after = np.load(tmp_path / "out.npz")
    assert after["videos"].shape == (2, 9, 32, 32, 3)
    assert after["videos"].tobytes() == before.tobytes()
    np.testing.assert_allclose(after["loss"], losses, rtol=1e-6)


def test_its_losses_are_those_of_the_run(root):
    row = json.loads((root / "run" / "result.json").read_text())
    clips = clips_of(root / "run", 40)  # as many as config.validation.triples
    for weights, column in (("ema", "loss_ema"), ("params", "loss")):
        losses = vdit.load(root / "run", weights=weights).losses(*clips)
        assert losses.mean() == pytest.approx(row[column], rel=1e-5)
    assert row["loss"] != row["loss_ema"]


def test_every_checkpoint_is_enough(root, tmp_path):
    """Without what was written at the end, as in a run that is still under way."""
    whole = vdit.load(root / "run")
    shutil.copytree(root / "run", tmp_path / "run")
    (tmp_path / "run" / "generator" / "weights.npz").unlink()
    for step in (4, 8, 12):
        _, stored = read_weights(tmp_path / "run", dit.weight_shapes(whole.config), step)
        model = vdit.load(tmp_path / "run", step)
        assert model.step == step
        assert same(model.ema, stored["ema"])
        assert same(model.params, stored["params"])
        assert same(model.ema, whole.ema) == (step == 12)
    assert vdit.load(tmp_path / "run").step == whole.step == 12
    with pytest.raises(InputError, match=r"expected step 5; there are \[4, 8, 12\]"):
        vdit.load(root / "run", 5)


def test_what_is_saved_is_read_again(root, tmp_path):
    model = vdit.load(root / "run", step=8, weights="params")
    assert model.fps is None  # of the embedded world
    model = dataclasses.replace(model, fps=12.5)
    model.save(tmp_path / "saved")
    again = vdit.load(tmp_path / "saved", weights="params")
    assert (again.config, again.step, again.vocabulary) == (model.config, 8, model.vocabulary)
    assert again.fps == 12.5
    assert again.sample(PROMPTS, steps=1).tobytes() == model.sample(PROMPTS, steps=1).tobytes()
    averaged = vdit.load(tmp_path / "saved").sample(PROMPTS, steps=1)
    assert averaged.tobytes() != model.sample(PROMPTS, steps=1).tobytes()


def test_a_run_from_before_generators_is_still_read(root, tmp_path):
    shutil.copytree(root / "run", tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "generator")
    model, expected = vdit.load(tmp_path / "run"), vdit.load(root / "run")
    assert model.sample(PROMPTS).tobytes() == expected.sample(PROMPTS).tobytes()


def test_damaged_weights_are_found_out(root, tmp_path, capfd):
    shutil.copytree(root / "run" / "generator", tmp_path / "saved")
    path = tmp_path / "saved" / "weights.npz"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    for verify in (True, False):  # the file has a CRC of every array, too
        with pytest.raises(InputError, match="expected a checkpoint; there is none"):
            vdit.load(tmp_path / "saved", verify=verify)
        assert "weights.npz: damaged" in capfd.readouterr().err


def test_guidance_steps_and_seed_change_a_sample_and_batches_are_whole(root):
    model = vdit.load(root / "run")
    first = model.sample(PROMPTS)
    assert first.tobytes() == model.sample(PROMPTS, seed=0, steps=2).tobytes()
    for change in ({"seed": 1}, {"steps": 3}, {"method": "euler"}, {"guidance": 9.0}):
        assert model.sample(PROMPTS, **change).tobytes() != first.tobytes(), change
    three = model.sample([*PROMPTS, ""], batch=2)
    assert three.shape[0] == 3
    assert three[:2].tobytes() == model.sample(PROMPTS, batch=2).tobytes()


def test_what_cannot_be_asked_is_said(root, tmp_path):
    model = vdit.load(root / "run")
    with pytest.raises(InputError, match="expected a list of captions"):
        model.sample("a red circle")
    video = clips_of(root / "run", 1)[0][0]
    edit = model.conditioning("edit", video)
    with pytest.raises(InputError, match="trained without conditioning frames"):
        model.sample([""], frames=model.conditioning("extend", video))
    for wrong in ({"frames": edit}, {"strength": 0.5}):
        with pytest.raises(InputError, match="strength: expected with the frames of an edit"):
            model.sample([""], **wrong)
    with pytest.raises(InputError, match="frames of 1 clips: expected 2, one a caption"):
        model.sample(PROMPTS, frames=edit, strength=0.5)
    with pytest.raises(InputError, match="expected at least one caption"):
        model.sample([])
    with pytest.raises(InputError, match="sampling method 'magic'"):
        model.sample([""], method="magic")
    with pytest.raises(InputError, match="weights='best': expected ema or params"):
        vdit.load(root / "run", weights="best")
    with pytest.raises(InputError, match="expected the folder of a run"):
        vdit.load(tmp_path)
    with pytest.raises(InputError, match="is an autoencoder's"):
        vdit.load(root / "autoencoder")


def test_an_untrained_model_is_built_from_a_config(tmp_path):
    model = vdit.build(config(tmp_path), seed=1)
    assert model.sample([""], steps=1).shape == (1, 3, 16, 16, 3)
    x = np.random.default_rng(0).integers(0, 256, (8, 3, 16, 16, 3), np.uint8)
    assert model.losses(x, [""] * 8).mean() > 1  # a new model predicts zero
    assert not same(model.params, vdit.build(config(tmp_path), seed=2).params)


def test_a_published_autoencoder_goes_with_the_model(tmp_path):
    (tmp_path / "kl").mkdir()
    np.savez(tmp_path / "kl" / "kl.npz", **random_kl(SMALL))
    settings = {"norm_num_groups": SMALL.groups}
    (tmp_path / "kl" / "config.json").write_text(json.dumps(settings))
    found = ImageAutoencoder.of_files("kl", str(tmp_path / "kl"), SMALL.space, SMALL.channels)
    shutil.rmtree(tmp_path / "kl")  # what is loaded needs its files no more
    found.save(tmp_path / "saved")
    again = read(tmp_path / "saved")
    again.save(tmp_path / "saved")
    video = np.random.default_rng(0).integers(0, 256, (1, 2, 8, 8, 3), np.uint8)
    assert again.fingerprint == found.fingerprint
    np.testing.assert_array_equal(again.encode(video), found.encode(video))


def test_what_the_readme_shows_runs(root):
    text = (ROOT / "README.md").read_text()
    (shown,) = [part for part in text.split("```python\n")[1:] if "vdit.load" in part]
    path, found = "runs/demo/runs/NAME", {}
    assert path in shown
    exec(shown.split("```")[0].replace(path, str(root / "run")), found)
    assert found["videos"].shape == (1, 9, 32, 32, 3)
    assert found["losses"].shape == (1,)


def test_the_front_door_is_light():
    python("-c", "import sys, vdit; assert not {'jax', 'numpy', 'flax'} & set(sys.modules)")
