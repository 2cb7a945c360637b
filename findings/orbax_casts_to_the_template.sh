#!/usr/bin/env bash
# orbax-checkpoint 0.12.8 (v1), jax 0.10.2.
#
# Expected: a checkpoint that does not fit what it is restored into is refused: a JAX array of another
#           shape is.
# Seen:     a shape is checked where the template holds JAX arrays; where it holds NumPy's, an array of
#           the stored shape comes back in its place. Types are never checked. A count of 3e9 tokens
#           that NumPy kept in 64 bits comes back as -1294967296 where the template is JAX's integer;
#           a rate of 0.75 as 0 where it is an int; weights above 65504 as infinite where it is
#           float16; fractions as 0 where it is whole. No warning is given. So a run that goes on from
#           such a checkpoint counts its tokens, and with them its learning rate, from below zero.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet orbax-checkpoint==0.12.8 jax==0.10.2
JAX_PLATFORMS=cpu "$folder/env/bin/python" -W error::UserWarning - "$folder/saved" <<'PYTHON'
import sys

import jax.numpy as jnp
import numpy as np
from orbax.checkpoint import v1 as ocp

saved = {
    "tokens": np.array(3_000_000_000, np.int64),
    "rate": 0.75,
    "weights": jnp.array([0.5, 70_000.0]),
    "mean": np.arange(4.0, dtype=np.float32),
}
ocp.save(sys.argv[1], saved)


def restored(**template):
    """What comes back where these entries of the template differ from what was saved."""
    return ocp.load(sys.argv[1], saved | template)


def refused(**template):
    try:
        restored(**template)
    except Exception as error:  # of which kind differs between the ways to get it wrong
        return type(error).__name__
    return None


tokens = int(restored(tokens=jnp.array(0))["tokens"])
rate = restored(rate=0)["rate"]
half = np.asarray(restored(weights=jnp.zeros(2, jnp.float16))["weights"])
whole = np.asarray(restored(weights=jnp.zeros(2, jnp.int32))["weights"])
shape = restored(mean=np.zeros(3, np.float32))["mean"].shape
error = refused(mean=jnp.zeros(3))
print("3e9 tokens, into JAX's integer:", tokens)
print("a rate of 0.75, into an int:", rate)
print("weights .5 and 70000, into float16:", half, "into int32:", whole)
print("a mean of shape (4,), into NumPy's of (3,):", shape, "into JAX's of (3,):", error)
as_said = (
    tokens == 3_000_000_000 - 2**32
    and rate == 0
    and np.isinf(half[1])
    and whole[0] == 0
    and shape == (4,)
    and error is not None
)
sys.exit(0 if as_said else "changed: a template of another type or shape is refused, or kept")
PYTHON
