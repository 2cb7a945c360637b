"""The loss on the fixed validation set: the same (clip, t, noise) for every run and checkpoint."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from vdit.config import buckets, mixture
from vdit.data import buckets as of_buckets
from vdit.data.cache import Records
from vdit.diffusion import flow
from vdit.evaluators.common import EvaluationData
from vdit.generator import Generator
from vdit.runs.evaluations import Record

TENTHS = 10
BATCH = 64


def evaluate(model: Generator, data: EvaluationData, *, triples: int, seed: int) -> list[Record]:
    """`loss` of the raw weights and `loss_ema` of the averaged ones, with their means in each tenth
    of t, on so many triples; `seed` is that of the noises. Of a set of buckets it is the mean by
    their shares of the training patches; so many triples are of each, whose own mean is `loss_ema_`
    and its name.

    The losses themselves are left in losses.npz, for paired differences between runs.
    """
    t, found, each = timesteps(triples), {}, {}
    for name, weights in (("loss", "params"), ("loss_ema", "ema")):
        each = losses_by_bucket(model, data.config, data.validation, t, seed, weights)
        found[name] = mean_over_buckets(data.config, each)
    data.save_arrays("losses", t=t, **found)
    whole = [record for name, values in found.items() for record in records(name, t, values)]
    beside = each if len(each) > 1 else {}
    return whole + [records(f"loss_ema_{name}", t, x)[0] for name, x in beside.items()]


def losses_by_bucket(
    model: Generator, config: Any, own: Records, t: np.ndarray, seed: int, weights: str
) -> dict[str, np.ndarray]:
    """(M,) losses of each bucket of the config's data, by name; of clips of one shape under ""."""
    first, *others = buckets.clips_of(config.data) or [""]
    sets = {first: own} | {name: of_buckets.records(own, name) for name in others}
    return {name: fixed_set_losses(model, x, t, seed, weights) for name, x in sets.items()}


def mean_over_buckets(config: Any, losses: Mapping[str, np.ndarray]) -> np.ndarray:
    """(M,) their mean by shares of the training patches: a triple is one clip of each bucket."""
    if len(losses) == 1:
        return next(iter(losses.values()))
    shares = mixture.shares(config)
    return np.sum([shares[name] * values for name, values in losses.items()], axis=0)


def fixed_set_losses(
    model: Generator, clips: Records, t: np.ndarray, seed: int, weights: str
) -> np.ndarray:
    """(M,) losses on clips at timesteps t (M,), with noises by the seed."""
    rows = clips.rows(np.arange(min(len(clips), len(t) + -len(t) % BATCH)))
    chosen = model.using(weights)
    return chosen.fixed_losses(rows["latent"], rows["caption"], t, seed, BATCH)


def timesteps(count: int) -> np.ndarray:
    """(M,) the fixed timesteps."""
    return np.asarray(flow.fixed_timesteps(count))


def records(name: str, t: np.ndarray, losses: np.ndarray) -> list[Record]:
    """Mean and standard error, and the mean in each tenth of t."""
    error = losses.std(ddof=1) / np.sqrt(len(losses))
    whole = Record(name, float(losses.mean()), float(error), len(losses), lower_is_better=True)
    tenth = np.minimum((t * TENTHS).astype(int), TENTHS - 1)
    means = (float(losses[tenth == k].mean()) for k in range(TENTHS))
    return [whole, *(Record(f"{name}_t{k:02d}", mean) for k, mean in enumerate(means))]


def validation_id(meta: dict[str, Any], *, triples: int, seed: int) -> str:
    """Identity of the fixed validation set: rows of different ones are never compared.

    `meta` is that of the latent cache.
    """
    text = json.dumps([meta["key"], {"seed": seed, "triples": triples}, "uniform t"])
    return hashlib.sha256(text.encode()).hexdigest()[:12]
