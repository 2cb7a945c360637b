"""From a config as it is written to one in which all that follows from it is filled in. No JAX."""

import importlib.util
import json
import pathlib

from ml_collections import ConfigDict

from vdit import evaluators
from vdit.config import buckets, embeddings, mixable, ranges, versions
from vdit.config.sizes import PUBLISHED, model_config_of, size_of
from vdit.errors import InputError


def resolve(config: ConfigDict) -> ConfigDict:
    """A copy with all that is derived filled in: what a run's fingerprint is taken of.

    Cheap, and the same whenever data are the same. Raises `InputError` for a config that makes no
    model, has a number out of its range, or names data that are not there.
    """
    # of a dict, a new one takes seven times as long
    return resolve_in_place(config.copy_and_resolve_references())


def resolve_in_place(config: ConfigDict) -> ConfigDict:
    """The same without a copy, for who has made one. Items are set, not attributes: a ConfigDict
    takes four times as long for these, and a sweep has thousands."""
    from vdit.data.sources import open_images, open_source

    config.unlock()
    ranges.fit(config)
    config["format"] = versions.FORMAT
    for recorded in ("buckets", "embedded"):  # what is there decides, not what was there once
        if recorded in config.data:
            del config.data[recorded]
    if clips := buckets.clips_of(config.data):
        config.data["buckets"] = clips
    if config.wandb and not importlib.util.find_spec("wandb"):
        raise InputError("wandb=True: wandb is not installed here; pip install wandb")
    if config.objective != "autoencoder":
        if config.model.size:
            config.model.update(size_of(config.model.size)._asdict())
        if embedded := embeddings.summary(config):
            config.data["embedded"] = embedded
        mixable.check(config, model_config_of(config))
        evaluators.check(config.evaluators)
        config.autoencoder["fingerprint"] = _autoencoder_fingerprint(config.autoencoder)
        if config.init:
            from vdit.training import init_from

            config["init_fingerprint"] = init_from.fingerprint(config.init)
        if config.data.get("images"):
            config.data["images_fingerprint"] = open_images(config.data).fingerprint
    config.data["fingerprint"] = open_source(config.data, "train").fingerprint
    return config


def training_clips(data: ConfigDict) -> int:
    """How many clips there are to train on: `data.train_clips` is an upper bound alone."""
    from vdit.data.sources import open_source

    return sum(buckets.clips_of(data).values()) or len(open_source(data, "train"))


def _autoencoder_fingerprint(autoencoder: ConfigDict) -> str:
    """The hash of an autoencoder's weights; a plan may be made before one of ours is trained."""
    result = pathlib.Path(autoencoder.dir) / "result.json"
    if autoencoder.name == "identity":
        return "identity"
    if autoencoder.name in PUBLISHED:
        from vdit.autoencoders import published  # JAX, which other plans do without

        return published.fingerprint(autoencoder.name, autoencoder.dir)
    return json.loads(result.read_text())["weights"] if result.exists() else "not trained yet"
