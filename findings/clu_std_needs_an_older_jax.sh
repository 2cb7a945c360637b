#!/usr/bin/env bash
# clu 0.0.12, its newest release (2024), with jax 0.10.2.
#
# Expected: `clu.metrics.Std` gives the standard deviation of what it was fed, as its neighbour
#           `Average` gives the mean; clu asks for any JAX, and both import without a word.
# Seen:     `Average` computes. `Std` is built, merged and carried through a whole evaluation, and
#           raises a TypeError in `compute()`: it calls jnp.clip(..., a_min=0), and JAX no longer has
#           that name. So an error of a validation loss is asked for first when all is measured.
#           And where an older JAX has the name, it is the difference of two float32 sums: of 512
#           PSNRs of 31.7 dB with a spread of 0.002 dB nothing is left.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet clu==0.0.12 jax==0.10.2 flax==0.12.8 numpy==2.4.6 2>/dev/null ||
    "$folder/env/bin/pip" install --quiet clu==0.0.12 jax==0.10.2 flax==0.12.8 2>/dev/null
JAX_PLATFORMS=cpu "$folder/env/bin/python" - <<'PYTHON'
import sys

import jax
import jax.numpy as jnp
import numpy as np
from clu import metrics

psnr = np.float32(31.7 + 0.002 * np.random.default_rng(0).standard_normal(512))
mean = metrics.Average.from_model_output(jnp.asarray(psnr)).compute()
spread = metrics.Std.from_model_output(jnp.asarray(psnr))
print(f"jax {jax.__version__}: mean {mean:.4f}")
try:
    print(f"standard deviation {spread.compute()}")
    raised = False
except TypeError as error:
    print(f"Std.compute() raises TypeError: {error}")
    raised = True
variance = float(spread.sum_of_squares / spread.count - (spread.total / spread.count) ** 2)
print(f"variance by its sums {variance:.3g}, in float64 {psnr.astype(float).var():.3g}")
lost = not 0.5 < variance / psnr.astype(float).var() < 2
sys.exit(0 if raised and lost else "changed: Std computes, or its sums hold the spread")
PYTHON
