"""The image autoencoder of a run, `kl`, as diffusers' AutoencoderKL."""

from typing import Any

import numpy as np

from vdit.autoencoders.image import ImageAutoencoder
from vdit.autoencoders.kl import KLConfig
from vdit.autoencoders.layout import Weights
from vdit.data.statistics import LatentStatistics


def settings(config: KLConfig, pixels: int) -> dict[str, Any]:
    """Its config.json. Pipelines know of no shift, and some of no statistics: `weights` has both
    in the convolutions next to the latents, and the scaling factor is 1."""
    *attends, middle = config.attention
    down = [f"{'Attn' * on}DownEncoderBlock2D" for on in attends]
    up = [f"{'Attn' * on}UpDecoderBlock2D" for on in reversed(attends)]
    return {
        "_class_name": "AutoencoderKL",
        "in_channels": 3,
        "out_channels": 3,
        "down_block_types": down,
        "up_block_types": up,
        "block_out_channels": list(config.widths),
        "layers_per_block": config.depth,
        "act_fn": "silu",
        "latent_channels": config.channels,
        "norm_num_groups": config.groups,
        "sample_size": pixels,
        "scaling_factor": 1.0,
        "use_quant_conv": True,
        "use_post_quant_conv": True,
        "mid_block_add_attention": middle,
    }


def weights(autoencoder: ImageAutoencoder, statistics: LatentStatistics) -> Weights:
    """Under diffusers' names; its latents are those that the run's model sees.

    They are n = a m + b of the posterior's mean m: that is in the convolution after the encoder,
    m = (n - b) / a in the one before the decoder. The variance goes with it.
    """
    config, found = autoencoder.model.config, autoencoder.stored()
    C = config.channels
    mean, std = (np.broadcast_to(np.float64(x), C) for x in statistics)
    a, b = config.scale / std, -(config.shift * config.scale + mean) / std
    gain = np.concatenate([a, np.ones(C)])
    offset = np.concatenate([b, 2 * np.log(a)])
    kernel, bias = _convolution(found, "quant_conv", 2 * C)
    found |= _stored("quant_conv", gain[:, None] * kernel, gain * bias + offset)
    kernel, bias = _convolution(found, "post_quant_conv", C)
    return found | _stored("post_quant_conv", kernel / a, bias - kernel @ (b / a))


def _convolution(found: Weights, name: str, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """A 1x1 convolution as a matrix and a bias; where there is none, one that changes nothing."""
    if f"{name}.weight" not in found:
        return np.eye(channels), np.zeros(channels)
    return np.float64(found[f"{name}.weight"][..., 0, 0]), np.float64(found[f"{name}.bias"])


def _stored(name: str, kernel: np.ndarray, bias: np.ndarray) -> Weights:
    wide = {f"{name}.weight": kernel[..., None, None], f"{name}.bias": bias}
    return {key: array.astype(np.float32) for key, array in wide.items()}
