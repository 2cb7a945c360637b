"""From a config and its data to a generator that has yet to be trained."""

import pathlib
from typing import Any

import jax
from ml_collections import ConfigDict

from vdit.autoencoders.load import load_autoencoder
from vdit.config.sizes import model_config_of
from vdit.data import cache, latents, sources
from vdit.errors import InputError
from vdit.generator import Generator
from vdit.parallel.compute_dtype import decided
from vdit.runs.folder import read_config
from vdit.training import mup
from vdit.training.diffusion_loss import Init
from vdit.training.resolve import resolve


def generator_of(config: ConfigDict, meta: dict[str, Any]) -> Generator:
    """The generator of a resolved config, without weights; `meta` is that of its latent cache."""
    config = decided(config)
    data, objective = config.data, config.objective
    return Generator(
        config=model_config_of(config, len(meta["words"]), meta["text_features"]),
        settings={
            "objective": objective,
            objective: config.get(objective, ConfigDict()).to_dict(),
            "sampling": config.sampling.to_dict(),
        },
        video=(data.num_frames, data.height, data.width),
        autoencoder=load_autoencoder(config.autoencoder),
        statistics=cache.statistics(meta),
        vocabulary=cache.vocabulary(meta),
        fps=sources.fps_of(data),
    )


def build(config: ConfigDict, seed: int = 0) -> Generator:
    """The same with fresh weights, of any config; see `vdit.build`."""
    config = resolve(config)
    made = generator_of(config, cache.read_meta(latents.prepare(config, clips=0)))
    weights = Init(made.config, mup.relative_width(config))(jax.random.key(seed))
    return made.with_weights(weights, weights)


def of_run(folder: str | pathlib.Path) -> Generator:
    """That of a run folder which has none, without weights: its data must be where they were.

    Raises `InputError` where the folder holds no run, or an autoencoder's.
    """
    config = read_config(folder)
    if config.objective == "autoencoder":
        raise InputError(f"{folder} is an autoencoder's: expected a run on latents")
    return generator_of(config, cache.read_meta(latents.prepare(config, clips=0)))
