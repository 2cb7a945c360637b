"""AdamW or Muon, and the learning rate over a run, from Optax."""

import dataclasses
from typing import Any

import jax
import numpy as np
import optax
import optax.contrib
from jax.flatten_util import ravel_pytree
from ml_collections import ConfigDict

from vdit.errors import InputError
from vdit.training import mup


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """What the compiled step needs to know; what changes with the step comes in as numbers.

    `flatten` lets the optimiser see all weights as one vector: for models so small that a kernel
    for each weight costs more, to compile and to start, than its arithmetic. `relative_width` is
    that of `vdit.training.mup`; 1 without it.
    """

    name: str = "adamw"
    b1: float = 0.9
    b2: float = 0.99
    weight_decay: float = 0.0
    clip: float = 1.0
    flatten: bool = False
    accumulate: int = 1
    relative_width: float = 1.0

    @classmethod
    def of(cls, config: ConfigDict) -> "OptimizerConfig":
        """What a resolved config asks for."""
        keys = ("name", "b1", "b2", "weight_decay", "clip", "flatten")
        return cls(
            **{key: config.optimizer[key] for key in keys},
            accumulate=config.accumulate,
            relative_width=mup.relative_width(config),
        )

    def transform(self) -> optax.GradientTransformation:
        """Gradient to the step for a learning rate of 1; the training step scales it."""
        if self.name not in OPTIMIZERS:
            names = " or ".join(OPTIMIZERS)
            raise InputError(f"optimizer.name={self.name!r}: expected {names}")
        return OPTIMIZERS[self.name](self)

    def clipped(self, steps: optax.GradientTransformation) -> optax.GradientTransformation:
        """Steps from gradients whose norm over all weights is limited."""
        steps = optax.chain(optax.clip_by_global_norm(self.clip), steps)
        return optax.flatten(steps) if self.flatten else steps

    def norm(self, gradient: Any) -> jax.Array:
        """Over all weights; of the one vector where there is one, so that it is computed once."""
        return optax.tree.norm(ravel_pytree(gradient)[0] if self.flatten else gradient)


def _adamw(config: OptimizerConfig) -> optax.GradientTransformation:
    """Adam with decoupled decay (1711.05101) of the matrices alone.

    What asks for a weight's axes stands outside of `flatten`, which has one vector. Under muP the
    decay stays rate x weight_decay for every weight, so that it acts over as many steps at any
    width (2203.03466, appendix B.3, asks for decay that does not shrink with the rate).
    """
    return optax.chain(
        config.clipped(optax.scale_by_adam(b1=config.b1, b2=config.b2)),
        mup.scale_rates(config.relative_width),
        optax.add_decayed_weights(
            config.weight_decay, lambda tree: jax.tree.map(lambda x: x.ndim > 1, tree)
        ),
        optax.scale(-1.0),
    )


def _muon(config: OptimizerConfig) -> optax.GradientTransformation:
    """Orthogonalised momentum for matrices and convolutions (2502.16982), Adam for the rest.

    Steps have Adam's root mean square, so that one learning rate serves both.
    """
    if config.flatten:
        raise InputError("optimizer.flatten=True: muon asks for matrices; expected False")
    muon = optax.contrib.muon(
        1.0,
        adam_b1=config.b1,
        adam_b2=config.b2,
        adam_learning_rate=0.25,
        weight_decay=config.weight_decay,
        muon_weight_dimension_numbers=lambda tree: jax.tree.map(_as_matrix, tree),
        consistent_rms=0.2,
    )
    return config.clipped(muon)


def _as_matrix(weight) -> optax.contrib.MuonDimensionNumbers | None:
    """Which axes of a weight are a matrix's rows, the last being its columns; None for vectors."""
    rows = {2: (0,), 4: (0, 1, 2)}.get(weight.ndim)
    return rows and optax.contrib.MuonDimensionNumbers(rows, weight.ndim - 1)


BLOCK = 1024  # steps of a schedule that are computed at once

OPTIMIZERS = {"adamw": _adamw, "muon": _muon}


def learning_rates(config: ConfigDict, steps: int) -> np.ndarray:
    """(steps,) learning rates of a run of that length.

    `cosine`: linear warm-up, then half a cosine to `final` of the peak. `wsd`: warm-up, stable,
    linear decay over the last `decay` of the run (2405.18392), none where that is 0. Fractions of
    the run throughout, so that short and long runs of a sweep are alike.
    """
    warmup = max(1, round(config.warmup * steps))
    peak, end = config.lr, config.lr * config.final
    if config.schedule == "cosine":
        schedule = optax.warmup_cosine_decay_schedule(0.0, peak, warmup, max(steps, 2), end)
    elif config.schedule == "wsd":
        decay = max(1, round(config.decay * steps)) if config.decay else 0
        pieces = [
            optax.linear_schedule(0.0, peak, warmup),
            optax.constant_schedule(peak),
            optax.linear_schedule(peak, end, decay),
        ]
        schedule = optax.join_schedules(pieces, [warmup, max(warmup, steps - decay)])
    else:
        raise InputError(f"optimizer.schedule={config.schedule!r}: expected cosine or wsd")
    # The first step must move too: step i uses the rate of i + 1. In blocks, for to JAX another
    # length is another program, and a sweep has as many lengths as runs.
    counts = np.arange(1, steps + 1 + -steps % BLOCK).reshape(-1, BLOCK)
    return np.concatenate([np.asarray(schedule(block), np.float32) for block in counts])[:steps]


def ema_decays(config: ConfigDict, steps: int) -> np.ndarray:
    """(steps,) decays of the average: a weight's influence halves in `ema_halflife` of the run.

    Under `wsd`, where no step before the decay knows how long the run will be, in `ema_halflife` of
    the steps so far (the power function of 2312.02696, section 3.1, with gamma + 1 = log 2 /
    `ema_halflife`): at its end a run then averages over the same share of itself, whatever its
    length, and a trunk's average is that of every run which it is the beginning of.
    """
    so_far = np.arange(1, steps + 1) if config.schedule == "wsd" else np.full(steps, steps)
    return np.asarray(0.5 ** (1.0 / np.maximum(1.0, config.ema_halflife * so_far)), np.float32)
