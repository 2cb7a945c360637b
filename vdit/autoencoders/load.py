"""The autoencoder that a run's config names."""

import functools
import pathlib
from typing import Any

from vdit.autoencoders import causal
from vdit.autoencoders.autoencoder import (
    Autoencoder,
    CausalVideoAutoencoder,
    IdentityAutoencoder,
    frozen_class,
)
from vdit.config.sizes import PUBLISHED, published_latents
from vdit.errors import InputError
from vdit.runs import checkpoint
from vdit.runs.folder import read_config, read_result

CODED = ("space", "time", "channels")  # what a model is built for: the shape of latents


def load_autoencoder(config: Any) -> Autoencoder:
    """What `config.autoencoder` names: `identity`, a published one by its weights (kl, taef2,
    wan), or a trained one by its run folder. Raises `InputError` where it is not there or
    another."""
    if config.name == "identity":
        return IdentityAutoencoder()
    if not config.dir:
        what = "weights of a published" if config.name in PUBLISHED else "run folder of a trained"
        raise InputError(f"autoencoder.dir is empty: expected the {what} one")
    if config.name in PUBLISHED:
        return _published(config.name, str(config.dir), *published_latents(config))
    run = pathlib.Path(config.dir)
    found = _trained(run)
    _check_latents(config, read_config(run).autoencoder)
    return found


def _check_latents(expected: Any, trained: Any) -> None:
    for name in CODED:
        if expected[name] != trained[name]:
            raise InputError(
                f"autoencoder.dir {expected.dir}: trained with {name}={trained[name]}, expected "
                f"autoencoder.{name}={expected[name]} as in the config"
            )


@functools.lru_cache(maxsize=4)
def _trained(run: pathlib.Path) -> CausalVideoAutoencoder:
    result, config = read_result(run), read_config(run)
    if config.objective != "autoencoder":
        raise InputError(
            f"autoencoder.dir {run}: a run of objective={config.objective}, expected an "
            "autoencoder's (experiments/autoencoder.py)"
        )
    init = causal.Init.of(config.autoencoder)
    weights = checkpoint.read_weights(run, init.shapes())[1]["ema"]
    about = {"title": result["autoencoder"], "weights": result["weights"], "psnr": result["psnr"]}
    return CausalVideoAutoencoder(init, weights, about)


@functools.lru_cache(maxsize=4)
def _published(name: str, path: str, time: int, space: int, channels: int) -> Autoencoder:
    return frozen_class(name).of_files(name, path, space, channels, time)
