"""What FVD (1812.01717) looks at: an I3D's 400 logits, from a file that the user has.

fvd2048_16f, as StyleGAN-V (2112.14683) settled it, is the Fréchet distance of these between
2,048 clips of a model and 2,048 real ones, or all where there are fewer:
- 16 consecutive frames a clip, from a random start in a video, none mirrored; shorter videos are
  left out. Frame rate and resolution are those of the training set: 16 frames at another stride
  are another score.
- Frames are stretched to 224 px, bilinear between the centres of pixels, without smoothing, and
  values to [-1, 1]. (FVD's own TensorFlow 1 had pixels at their corners.)
- Logits before the softmax, of the network of FVD's TF-Hub module. The I3D's own repository has
  other weights of the same layers: another identity here, and other numbers.
- Covariances are over N - 1 here and in FVD's code, over N in StyleGAN-V's: its traces are smaller
  by 1/2048.

The published TorchScript was not at hand: what is tested is PyTorch's export of the same layers.
"""

import dataclasses
import functools
import hashlib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from vdit.errors import InputError
from vdit.evaluators.networks import i3d
from vdit.evaluators.networks.batches import in_batches
from vdit.pretrained import pickled


@dataclasses.dataclass(frozen=True)
class I3D:
    """(B, 400). `InputError` for clips of fewer than 9 frames."""

    size: int
    identity: str
    network: i3d.Network
    name: str = "i3d"
    sees: str = "what is shown and how it moves, over fractions of a second"

    @property
    def crop(self) -> str:
        """The whole frame, stretched to a square."""
        return f"bilinear{self.size}"

    def __call__(self, videos: np.ndarray) -> np.ndarray:
        if videos.shape[1] < i3d.LEAST:
            least = f"expected at least {i3d.LEAST}"
            raise InputError(f"{self.name}: videos of {videos.shape[1]} frames: {least}")
        apply = functools.partial(_describe, self.network, size=self.size)
        return in_batches(apply, videos.shape[1] * self.size**2, videos).astype(np.float64)


def build(*, file: str | Path, size: int = 224) -> I3D:
    """`file`: i3d_torchscript.pt, i3d_pretrained_400.pt or another of the same layers; `size`: px
    of the square that a frame is stretched to. `InputError` for a file of another layout."""
    file = Path(file)
    if not file.is_file():
        raise InputError(f"{file}: no such file, expected an I3D's weights")
    network = i3d.build(pickled.load(file), str(file))
    return I3D(size, hashlib.sha256(file.read_bytes()).hexdigest()[:8], network)


@functools.partial(jax.jit, static_argnames="size")
def _describe(network: i3d.Network, videos_BTHWC: jax.Array, size: int) -> jax.Array:
    shape = (*videos_BTHWC.shape[:2], size, size, 3)
    values = videos_BTHWC.astype(jnp.float32) / 127.5 - 1
    return i3d.logits(network, jax.image.resize(values, shape, "bilinear", antialias=False))
