#!/usr/bin/env bash
# jax 0.10.2.
#
# Expected: random numbers asked for in bfloat16 are drawn finer and rounded: normal noise of variance 1
#           whose tails reach past 4 in a million numbers, a uniform number that is next to never 0.
# Seen:     jax.random makes a uniform number of 7 random bits, all that bfloat16's mantissa holds, and
#           everything else of that. Normal noise is one of 128 values, none above 2.6 or below -2.9,
#           of variance .993 and mean -.012; a uniform number is 0 in one draw of 128, and
#           bernoulli(key, p) of a bfloat16 p = .001 is true in .0078 of draws. A diffusion
#           model that draws its noise in the type it computes in never sees a tail, trains at time 0
#           in .8 % of clips, and drops captions at another rate than it says. Drawn in float32 and
#           then rounded, all is as expected: that is how to do it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet jax==0.10.2
JAX_PLATFORMS=cpu "$folder/env/bin/python" - <<'PYTHON'
import sys

import jax
import jax.numpy as jnp
import numpy as np

key, shape, bf16 = jax.random.key(0), (1_000_000,), jnp.bfloat16


def said(name, x):
    x = np.asarray(x.astype(jnp.float32), np.float64)
    values = len(np.unique(x))
    print(f"{name}: {values} values, {x.min():.3f} to {x.max():.3f}, mean {x.mean():+.4f}, "
          f"variance {x.var():.4f}, exactly 0 in {(x == 0).mean():.4%}")
    return values, np.abs(x).max(), (x == 0).mean()


drawn = said("normal in bfloat16", jax.random.normal(key, shape, bf16))
rounded = said("normal in float32, rounded", jax.random.normal(key, shape).astype(bf16))
times = said("uniform in bfloat16", jax.random.uniform(key, shape, bf16))
fine = said("uniform in float32, rounded", jax.random.uniform(key, shape).astype(bf16))
dropped = float(jax.random.bernoulli(key, bf16(0.001), shape).mean())
kept = float(jax.random.bernoulli(key, 0.001, shape).mean())
print(f"bernoulli, p = 0.001: in bfloat16 true in {dropped:.4f}, in float32 in {kept:.4f}")
coarse = drawn[0] == times[0] == 128 and drawn[1] < 3 and times[2] > 0.007 and dropped > 0.007
finer = rounded[0] > 1000 and rounded[1] > 4.5 and fine[2] < 1e-5 and kept < 0.0012
sys.exit(0 if coarse and finer else "changed: numbers in bfloat16 are drawn finer")
PYTHON
