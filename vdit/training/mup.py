"""Maximal update parametrisation: one learning rate for all widths (2203.03466, table 3, Adam).

For diffusion transformers see 2505.15270: adaLN, cross-attention and query-key norm keep the
rules of the plain transformer. With n = width / base_width, a weight's named axes say its kind:

    kind             rows of the weight                  learning rate   deviation at the start
    hidden, output   grow with the width (any name)      1 / n           as it is: falls as n^-1/2,
                                                                         zero for the output
    input, table     fixed (None): patch, words, ...     1               that of the base width
    vector           none: biases, scales of norms       1               as it is: 0 or 1

Modulation (D to 6 D) and the noise level's second layer are hidden, its first an input. At the base
width both parameterisations are the same numbers. Logits keep 1 / sqrt(E), not 1 / E: widths grow
by heads of one size E, for which the two differ by a constant. Decay is not scaled (see
`vdit.training.optimizer`). Depth is not treated: compare widths of one depth.
"""

import jax
import optax
from flax import nnx
from ml_collections import ConfigDict

from vdit.errors import InputError

PARAMETERIZATIONS = ("sp", "mup")


def relative_width(config: ConfigDict) -> float:
    """n = width / base_width of a resolved config under muP; 1 under sp."""
    settings = config.optimizer
    chosen = settings.parameterization
    if chosen not in PARAMETERIZATIONS:
        raise InputError(
            f"optimizer.parameterization={chosen!r}: expected {' or '.join(PARAMETERIZATIONS)}"
        )
    if chosen == "sp":
        return 1.0
    if "model" not in config:
        raise InputError("optimizer.parameterization='mup': the autoencoder has sp alone")
    if settings.name != "adamw":
        raise InputError(f"optimizer.name={settings.name!r}: muP's rates here are those of adamw")
    if settings.base_width < 1:
        raise InputError(f"optimizer.base_width={settings.base_width}: expected 1 or more")
    return config.model.width / settings.base_width


def at_start(weights: nnx.State, n: float) -> nnx.State:
    """Weights drawn as sp does, input weights and tables brought to their deviation at n = 1.

    sp's variance is 2 / (rows + columns) for a kernel and 1 / columns for a table, of which one row
    is looked up; the columns are what n has multiplied.
    """

    def one(path, weight):
        if _kind(weight) != "input":
            return weight
        rows, columns = weight.get_value().shape[-2:]
        summed = rows if path[-1].key == "kernel" else 0
        factor = ((summed + columns) / (summed + columns / n)) ** 0.5
        return weight.replace(weight.get_value() * factor)

    return jax.tree.map_with_path(one, weights, is_leaf=_is_weight)


def scale_rates(n: float) -> optax.GradientTransformation:
    """Divides Adam's step by n for weights whose rows grow with the width."""

    def one(weight):
        return weight.replace(weight.get_value() / n) if _kind(weight) == "hidden" else weight

    return optax.stateless(lambda steps, _: jax.tree.map(one, steps, is_leaf=_is_weight))


def _kind(weight: nnx.Variable) -> str:
    """By the names a layer gave its axes; a stack of layers has one more in front."""
    if not _is_weight(weight):
        return "vector"  # an array that nobody named
    names = weight.get_metadata().get("out_sharding") or ()
    names = names[1:] if names[:1] == ("layers",) else names
    if len(names) < 2:
        return "vector"
    return "input" if names[-2] is None else "hidden"


def _is_weight(node) -> bool:
    return isinstance(node, nnx.Variable)
