"""What extractors see, and EfficientNet in JAX against the same layers in PyTorch."""

import inspect

import jax
import numpy as np
import pytest
import torch

from vdit.autoencoders.autoencoder import IdentityAutoencoder
from vdit.data.worlds import Worlds
from vdit.errors import InputError
from vdit.evaluators import features
from vdit.evaluators.networks import batches, efficientnet
from vdit.evaluators.objects import blobs, find
from vdit.pretrained import pickled


def reference(state, x):
    """EfficientNet-Lite0 written from its table, for images (B, 3, H, W)."""

    def layer(conv, norm, x, stride=1, act=True):
        weight = state[f"{conv}.weight"]
        kernel = weight.shape[-1]
        (top, bottom), (left, right) = (
            (pad // 2, pad - pad // 2)
            for pad in (max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in x.shape[2:])
        )
        groups = 1 if weight.shape[1] == x.shape[1] else x.shape[1]
        x = torch.nn.functional.pad(x, (left, right, top, bottom))
        x = torch.nn.functional.conv2d(x, weight, stride=stride, groups=groups)
        stats = (state[f"{norm}.{n}"] for n in ("running_mean", "running_var", "weight", "bias"))
        x = torch.nn.functional.batch_norm(x, *stats, eps=1e-3)
        return x.clip(0, 6) if act else x

    x, number = layer("_conv_stem", "_bn0", x, 2), 0
    for repeats, first in ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1)):
        for repeat in range(repeats):
            block, kept = f"_blocks.{number}.", x
            if number:
                x = layer(f"{block}_expand_conv", f"{block}_bn0", x)
            x = layer(f"{block}_depthwise_conv", f"{block}_bn1", x, 1 if repeat else first)
            x = layer(f"{block}_project_conv", f"{block}_bn2", x, act=False)
            x, number = x + kept if repeat else x, number + 1
    return layer("_conv_head", "_bn1", x).mean((2, 3))


def test_the_weights_of_the_old_format_are_read_as_pytorch_reads_them():
    path = efficientnet.weights_path()
    ours, theirs = pickled.load(path), torch.load(path, weights_only=True)
    assert list(ours) == list(theirs)
    assert all(np.array_equal(ours[name], theirs[name].numpy()) for name in theirs)


def test_features_are_those_of_pytorch():
    x = np.random.default_rng(0).uniform(-1, 1, (2, 65, 96, 3)).astype(np.float32)
    state = torch.load(efficientnet.weights_path(), weights_only=True)
    expected = reference(state, torch.tensor(x.transpose(0, 3, 1, 2))).numpy()
    found = np.asarray(jax.jit(efficientnet.pooled)(efficientnet.load()[0], x))
    assert expected.std() > 0.4
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_old_files_that_lie_end_in_one_line(tmp_path):
    path = tmp_path / "old.pth"
    torch.save({"w": torch.arange(6.0)[::1]}, path, _use_new_zipfile_serialization=False)
    assert np.array_equal(pickled.load(path)["w"], np.arange(6.0))
    whole = path.read_bytes()
    path.write_bytes(whole[:-4])
    with pytest.raises(InputError, match="ends too early"):
        pickled.load(path)
    torch.save({"w": torch.arange(300.0)}, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes().replace(b"M\x2c\x01", b"M\xff\xff"))  # 65,535 numbers
    with pytest.raises(InputError, match="longer than the file"):
        pickled.load(path)
    torch.save(torch.nn.Linear(1, 1), path, _use_new_zipfile_serialization=False)
    with pytest.raises(InputError, match="asks to run"):
        pickled.load(path)


def test_options_stand_behind_a_name():
    assert features.find("image_means:size=32").crop == "bicubic32"
    with pytest.raises(InputError, match="features 'image_means:32': expected NAME:OPTION=VALUE"):
        features.find("image_means:32")
    with pytest.raises(InputError, match=r"features.image_means.sise: expected one of its options"):
        features.find("image_means:sise=32")
    with pytest.raises(InputError, match="size=0: expected a number of at least 1"):
        features.find("image_means:size=0")
    with pytest.raises(InputError, match="autoencoder is no number and no file"):
        features.find("latents:autoencoder=x")
    with pytest.raises(InputError, match=r"none.pt"):
        features.find("i3d:file=none.pt")


def test_what_extractors_see():
    rng = np.random.default_rng(0)
    videos = np.cumsum(rng.integers(0, 20, (2, 5, 32, 32, 3)), 1).astype(np.uint8)
    shuffled = videos[:, [2, 0, 4, 1, 3]]
    means, changes = (features.find(f"image_{kind}", size=32) for kind in ("means", "changes"))
    np.testing.assert_allclose(means(videos), means(shuffled), rtol=1e-4, atol=1e-4)
    assert changes(shuffled).sum() > 1.05 * changes(videos).sum()
    assert not changes(np.repeat(videos[:, :1], 5, 1)).any()


def test_a_frame_is_looked_at_once_by_its_content(monkeypatch):
    """Of both extractors, wherever it stands; an array changed in place is another."""
    videos = np.random.default_rng(5).integers(0, 256, (3, 4, 16, 16, 3), dtype=np.uint8)
    looked, apply = [], efficientnet.in_batches

    def counted(function, pixels, frames):
        looked.append(len(frames))
        return apply(function, pixels, frames)

    monkeypatch.setattr(efficientnet, "in_batches", counted)
    means, changes = (features.find(f"image_{kind}", size=32) for kind in ("means", "changes"))
    first = means(videos)
    changes(videos[:, ::-1])
    videos[1] = videos[0, 0]
    videos[1, 2] = 7
    again = means(videos)
    assert looked == [12, 1]
    np.testing.assert_allclose(again[[0, 2]], first[[0, 2]], atol=1e-5)
    assert abs(again[1] - first[1]).max() > 0.1


def test_every_frame_is_described_however_many_passes_it_takes(monkeypatch):
    videos = np.random.default_rng(6).integers(0, 256, (3, 5, 16, 16, 3), dtype=np.uint8)
    expected = efficientnet.describe(videos, 32)
    monkeypatch.setattr(batches, "PIXELS", 4 * 32**2)
    monkeypatch.setattr(efficientnet, "KEPT", 4)
    efficientnet._known.cache_clear()
    again = efficientnet.describe(videos, 32)
    np.testing.assert_allclose(again, expected, rtol=1e-4, atol=1e-4)
    assert len(efficientnet._known(32)) == 4
    np.testing.assert_array_equal(efficientnet.describe(videos[2:, 2:], 32), again[2:, 2:])


def test_unknown_names_and_options_end_in_one_line():
    with pytest.raises(InputError, match="expected one of i3d, image_changes"):
        features.find("inception")
    with pytest.raises(InputError, match="its options: size"):
        features.find("image_means", sise=32)


def test_tracks_are_the_motion_of_the_world():
    world = Worlds(4, max_objects=1, gravity=0, occluder=0, seed=3)
    videos = np.stack([world[i]["video"] for i in range(4)])
    found = features.find("tracks")(videos)
    steps = [np.diff(world.truth(i).position[:, 0], axis=0) for i in range(4)]
    lengths = np.array([np.hypot(*step.T).sum() for step in steps]) / 9
    np.testing.assert_allclose(found[:, :8].sum(1), lengths, rtol=0.1, atol=0.1)
    assert not features.find("tracks")(np.repeat(videos[:, :1], 9, 1)).any()


def test_an_edit_of_what_a_track_is_makes_it_another_score(monkeypatch):
    identity, source = features.find("tracks").identity, inspect.getsource
    assert len(identity) == 8
    for edited in (blobs, find):
        edit = {edited: source(edited) + "#"}
        monkeypatch.setattr(inspect, "getsource", lambda m, edit=edit: edit.get(m) or source(m))
        assert features.find("tracks").identity != identity


def test_latents_are_those_of_the_autoencoder():
    videos = np.random.default_rng(0).integers(0, 256, (2, 3, 8, 8, 3), dtype=np.uint8)
    found = features.find("latents", autoencoder=IdentityAutoencoder())(videos)
    np.testing.assert_allclose(found, (videos / 127.5 - 1).mean(1).reshape(2, -1), atol=1e-6)
    with pytest.raises(InputError, match="expected its option autoencoder"):
        features.find("latents")
