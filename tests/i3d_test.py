"""I3D in JAX against the same layers in PyTorch, read from a state and from TorchScript."""

import warnings

import jax
import numpy as np
import pytest
import torch
from torch import nn

from vdit.errors import InputError
from vdit.evaluators import features


def same(x, side, stride):
    """Zeros about (B, C, T, H, W), as TensorFlow puts them; they are no larger than any value."""
    pads = []
    for n, k, s in zip(x.shape[2:], side, stride, strict=True):
        total = max((-(-n // s) - 1) * s + k - n, 0)
        pads = [total // 2, total - total // 2, *pads]
    return nn.functional.pad(x, pads)


def pool(x, side, stride):
    return nn.functional.max_pool3d(same(x, side, stride), side, stride)


class Unit(nn.Module):
    def __init__(self, inputs, outputs, side=1, stride=1):
        super().__init__()
        self.conv3d = nn.Conv3d(inputs, outputs, side, stride, bias=False)
        self.bn = nn.BatchNorm3d(outputs, eps=1e-3)

    def forward(self, x):
        x = same(x, self.conv3d.kernel_size, self.conv3d.stride)
        return self.bn(self.conv3d(x)).relu()


class Mixed(nn.Module):
    def __init__(self, inputs, a, b, c, d, e, f):
        super().__init__()
        self.b0, self.b1a, self.b1b = Unit(inputs, a), Unit(inputs, b), Unit(b, c, 3)
        self.b2a, self.b2b, self.b3b = Unit(inputs, d), Unit(d, e, 3), Unit(inputs, f)

    def forward(self, x):
        last = self.b3b(pool(x, (3, 3, 3), (1, 1, 1)))
        return torch.cat([self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), last], 1)


class Reference(nn.Module):
    """Inception-v1's table; the classifier is registered first, as in the published `.pt`."""

    def __init__(self):
        super().__init__()
        self.logits = nn.Conv3d(1024, 400, 1)
        self.a, self.b, self.c = Unit(3, 64, 7, 2), Unit(64, 64), Unit(64, 192, 3)
        self.mixed_3b = Mixed(192, 64, 96, 128, 16, 32, 32)
        self.mixed_3c = Mixed(256, 128, 128, 192, 32, 96, 64)
        self.mixed_4b = Mixed(480, 192, 96, 208, 16, 48, 64)
        self.mixed_4c = Mixed(512, 160, 112, 224, 24, 64, 64)
        self.mixed_4d = Mixed(512, 128, 128, 256, 24, 64, 64)
        self.mixed_4e = Mixed(512, 112, 144, 288, 32, 64, 64)
        self.mixed_4f = Mixed(528, 256, 160, 320, 32, 128, 128)
        self.mixed_5b = Mixed(832, 256, 160, 320, 32, 128, 128)
        self.mixed_5c = Mixed(832, 384, 192, 384, 48, 128, 128)

    def forward(self, x):
        x = pool(self.a(x), (1, 3, 3), (1, 2, 2))
        x = self.mixed_3c(self.mixed_3b(pool(self.c(self.b(x)), (1, 3, 3), (1, 2, 2))))
        x = self.mixed_4c(self.mixed_4b(pool(x, (3, 3, 3), (2, 2, 2))))
        x = self.mixed_4f(self.mixed_4e(self.mixed_4d(x)))
        x = self.mixed_5c(self.mixed_5b(pool(x, (2, 2, 2), (2, 2, 2))))
        x = nn.functional.avg_pool3d(x, (2, *x.shape[3:]), 1)
        return self.logits(x).mean((2, 3, 4))


VIDEOS = np.random.default_rng(0).integers(0, 256, (2, 17, 24, 60, 3), dtype=np.uint8)
SIZE = 40


@pytest.fixture(scope="module")
def reference():
    torch.manual_seed(0)
    model = Reference().eval()
    for layer in model.modules():
        if isinstance(layer, nn.Conv3d):
            nn.init.kaiming_normal_(layer.weight)
        if isinstance(layer, nn.BatchNorm3d):
            for parts in (layer.weight, layer.running_var):
                nn.init.uniform_(parts, 0.6, 1.4)
            for parts in (layer.bias, layer.running_mean):
                nn.init.normal_(parts, std=0.1)
    return model


@pytest.fixture(scope="module")
def expected(reference):
    frames = torch.tensor(VIDEOS).flatten(0, 1).permute(0, 3, 1, 2) / 127.5 - 1
    sized = nn.functional.interpolate(frames, (SIZE, SIZE), mode="bilinear", align_corners=False)
    clips = sized.unflatten(0, VIDEOS.shape[:2]).transpose(1, 2)
    with torch.no_grad():
        return clips, reference(clips).numpy()


def test_logits_are_those_of_pytorch(reference, expected, tmp_path):
    torch.save(reference.state_dict(), tmp_path / "i3d.pt")
    extractor = features.find("i3d", file=tmp_path / "i3d.pt", size=SIZE)
    found = extractor(VIDEOS)
    assert found.shape == (2, 400)
    assert np.abs(expected[1][0] - expected[1][1]).max() > 0.1 * expected[1].std()
    np.testing.assert_allclose(found, expected[1], atol=1e-4 * expected[1].std())
    assert extractor.crop == "bilinear40"
    with pytest.raises(InputError, match="8 frames: expected at least 9"):
        extractor(VIDEOS[:, :8])


def test_torchscript_gives_the_same_network(reference, expected, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tracing, which PyTorch discourages
        script = torch.jit.trace(reference, expected[0][:, :, :9], check_trace=False)
    script.save(tmp_path / "i3d.pt")
    torch.save(reference.state_dict(), tmp_path / "state.pt")
    script, state = (features.find("i3d", file=tmp_path / f"{n}.pt") for n in ("i3d", "state"))
    assert script.identity != state.identity
    for ours, theirs in zip(*(jax.tree.leaves(e.network) for e in (script, state)), strict=True):
        assert np.array_equal(ours, theirs)


def test_other_files_end_in_one_line(reference, tmp_path):
    with pytest.raises(InputError, match="no such file"):
        features.find("i3d", file=tmp_path / "none.pt")
    with pytest.raises(InputError, match="expected its option file"):
        features.find("i3d")
    state = reference.state_dict()
    changed = state | {"c.conv3d.weight": torch.zeros(192, 64, 1, 3, 3)}
    torch.save(changed, tmp_path / "changed.pt")
    with pytest.raises(InputError, match=r"changed.pt: not an I3D: .* layer 2 of \(192, 64, 1, 3"):
        features.find("i3d", file=tmp_path / "changed.pt")
    torch.save({"x": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(InputError, match="0 convolutions and 0 classifiers"):
        features.find("i3d", file=tmp_path / "other.pt")
    torch.save({k: v for k, v in state.items() if k != "a.bn.bias"}, tmp_path / "part.pt")
    with pytest.raises(InputError, match=r"a layer without 'norm\.bias'"):
        features.find("i3d", file=tmp_path / "part.pt")
