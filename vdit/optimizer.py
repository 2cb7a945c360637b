"""AdamW and its learning rate over a run, from Optax."""

import dataclasses

import jax
import numpy as np
import optax

from vdit.errors import InputError


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What the compiled step needs to know; what changes with the step comes in as numbers."""

    b1: float = 0.9
    b2: float = 0.99
    weight_decay: float = 0.0
    clip: float = 1.0
    accumulate: int = 1

    def transform(self) -> optax.GradientTransformation:
        """Clipping, Adam, decoupled decay of matrices; the learning rate is applied by the step."""
        decay = optax.add_decayed_weights(
            self.weight_decay, mask=lambda tree: jax.tree.map(lambda x: x.ndim > 1, tree)
        )
        return optax.chain(
            optax.clip_by_global_norm(self.clip),
            optax.scale_by_adam(b1=self.b1, b2=self.b2),
            *([decay] if self.weight_decay else []),
        )


def learning_rates(config, steps: int) -> np.ndarray:
    """(steps,) learning rates of a run of that length.

    `cosine`: linear warm-up, then half a cosine to `final` of the peak. `wsd`: warm-up, stable,
    linear decay over the last `decay` of the run (2405.18392). Fractions of the run throughout, so
    that short and long runs of a sweep are alike.
    """
    warmup = max(1, round(config.warmup * steps))
    peak, end = config.lr, config.lr * config.final
    if config.schedule == "cosine":
        schedule = optax.warmup_cosine_decay_schedule(0.0, peak, warmup, max(steps, 2), end)
    elif config.schedule == "wsd":
        decay = max(1, round(config.decay * steps))
        pieces = [
            optax.linear_schedule(0.0, peak, warmup),
            optax.constant_schedule(peak),
            optax.linear_schedule(peak, end, decay),
        ]
        schedule = optax.join_schedules(pieces, [warmup, max(warmup, steps - decay)])
    else:
        raise InputError(f"optimizer.schedule={config.schedule!r}: expected cosine or wsd")
    # The first step must move too: step i uses the rate of i + 1.
    return np.asarray(jax.vmap(schedule)(np.arange(1, steps + 1)), np.float32)


def ema_decay(halflife: float, steps: int) -> float:
    """Decay a step such that a weight's influence halves in `halflife` (a fraction) of the run."""
    return float(0.5 ** (1.0 / max(1.0, halflife * steps)))
