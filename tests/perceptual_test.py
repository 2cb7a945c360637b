"""The perceptual distance of frames against the same layers in PyTorch, and what moves it."""

import jax
import numpy as np
import pytest
import torch
from scipy import ndimage

from tests.paths import reference
from vdit.errors import InputError
from vdit.evaluators.frames import perceptual
from vdit.evaluators.networks import batches, efficientnet


def pairs(shape, noise=30):
    """Smooth frames of all colours, and the same with noise."""
    rng = np.random.default_rng(0)
    blur = (*(0,) * (len(shape) - 3), 2, 2, 0)
    a = ndimage.gaussian_filter(rng.uniform(-600, 855, shape), blur).clip(0, 255)
    b = (a + rng.normal(0, noise, shape)).clip(0, 255)
    return a.astype(np.uint8), b.astype(np.uint8)


def reference_lpips(folder, a, b):
    """LPIPS of SqueezeNet 1.1, written from its layers for frames (N, H, W, 3)."""
    import h5py

    weights = h5py.File(folder / "squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5")
    heads = torch.load(folder / "squeeze.pth", weights_only=True, map_location="cpu")

    def layer(name, x, **how):
        found = {}
        weights[name].visititems(lambda _, item: found.update({getattr(item, "ndim", 0): item}))
        kernel, bias = torch.tensor(found[4][()]).permute(3, 2, 0, 1), torch.tensor(found[1][()])
        return torch.nn.functional.conv2d(x, kernel, bias, **how).relu()

    def fire(number, x):
        x = layer(f"fire{number}/squeeze1x1", x)
        one, three = (layer(f"fire{number}/expand{n}x{n}", x, padding=n // 2) for n in (1, 3))
        return torch.cat([one, three], 1)

    def stages(frames):
        x = torch.tensor(frames[..., ::-1].copy()).float().permute(0, 3, 1, 2)
        x = x - torch.tensor([103.939, 116.779, 123.68])[:, None, None]
        yield (x := layer("conv1", x, stride=2))
        for fires in ((2, 3), (4, 5), (6,), (7,), (8,), (9,)):
            if fires[0] in (2, 4, 6):
                x = torch.nn.functional.max_pool2d(x, 3, 2)
            for number in fires:
                x = fire(number, x)
            yield x

    total = 0
    for number, (x, y) in enumerate(zip(stages(a), stages(b), strict=True)):
        x, y = (z / (z.square().sum(1, keepdim=True).sqrt() + 1e-10) for z in (x, y))
        total = total + ((x - y) ** 2 * heads[f"lin{number}.model.1.weight"]).sum(1).mean((1, 2))
    return total.numpy()


def test_squeezenet_is_that_of_pytorch():
    folder = reference("lpips_squeezenet")
    a, b = pairs((3, 45, 60, 3))
    found = perceptual.find(folder=folder)(a, b)
    assert found.dtype == np.float64
    assert found.min() > 0.05
    np.testing.assert_allclose(found, reference_lpips(folder, a, b), rtol=1e-4)


def test_efficientnet_is_the_sum_of_its_definition():
    a, b = pairs((2, 32, 48, 3))
    network, expected = efficientnet.load()[0], 0.0
    stages = jax.jit(efficientnet.stages)
    layers = (stages(network, (x.astype(np.float32) - 127) / 128) for x in (a, b))
    sizes = []
    for x, y in zip(*layers, strict=True):
        x, y = np.array(x, np.float64), np.array(y, np.float64)
        sizes.append(x.shape[1:3])
        cosine = (x * y).sum(-1) / np.sqrt((x * x).sum(-1) * (y * y).sum(-1))
        expected = expected + (2 - 2 * cosine).mean((1, 2))
    assert sizes == [(16, 24), (8, 12), (4, 6), (2, 3), (1, 2)]
    np.testing.assert_allclose(perceptual.find()(a, b), expected, rtol=1e-4)


@pytest.mark.parametrize("weights", ["efficientnet", "squeezenet"])
def test_it_is_of_each_pair_and_grows_with_what_is_done(weights, monkeypatch):
    monkeypatch.setattr(batches, "PIXELS", 12 * 32 * 48)
    folder = reference("lpips_squeezenet") if weights == "squeezenet" else None
    measure = perceptual.find(folder=folder)
    assert weights in measure.name
    a, little = pairs((2, 6, 32, 48, 3), noise=8)
    much = pairs((2, 6, 32, 48, 3), noise=40)[1]
    assert measure(a, little).shape == (2, 6)
    assert measure(a, a).max() < 1e-9
    assert (measure(a, much) > measure(a, little)).all()
    np.testing.assert_allclose(measure(a, much), measure(much, a), rtol=1e-5)
    np.testing.assert_allclose(
        measure(a, much)[1, 3:5], measure(a[1, 3:5], much[1, 3:5]), rtol=1e-4
    )


def test_what_it_cannot_use_ends_in_one_line(tmp_path):
    with pytest.raises(InputError, match=r"expected SqueezeNet's .*\.h5 and LPIPS' squeeze\.pth"):
        perceptual.find(folder=tmp_path)
    small = np.zeros((1, 30, 64, 3), np.uint8)
    with pytest.raises(InputError, match="expects 31 px a side"):
        perceptual.find(folder=reference("lpips_squeezenet"))(small, small)
