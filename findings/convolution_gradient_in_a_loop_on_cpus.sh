#!/usr/bin/env bash
# jax 0.10.2 with its CPU backend (0.12.0.1 alike): the gradient of a convolution in `lax.scan`.
#
# Expected: a loop over eight clips that adds up the gradients of a 3-D convolution's kernel (what
#           gradient accumulation is) takes about as long as the same eight written out: a
#           convolution is large beside the loop.
# Seen:     about three times as long, for the same numbers. The forward pass is alike in both; it is
#           the gradient that a loop's body is slow at. Whoever accumulates gradients of a
#           convolutional autoencoder or U-Net on a CPU pays it in every step; products do not.
#           Measured in turns; the bound below is a half.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2 2>/dev/null
JAX_PLATFORMS=cpu "$folder/env/bin/python" - <<'PYTHON'
import statistics
import sys
import time

import jax
import jax.numpy as jnp

CLIPS = 8
kernel = 0.05 * jax.random.normal(jax.random.key(0), (3, 3, 3, 32, 32))
clips = jax.random.normal(jax.random.key(1), (CLIPS, 1, 9, 16, 16, 32))


def convolved(kernel, clip):
    axes = ("NTHWC", "THWIO", "NTHWC")
    return jax.lax.conv_general_dilated(clip, kernel, (1, 1, 1), "SAME", dimension_numbers=axes)


def loss(kernel, clip):
    return jnp.square(convolved(kernel, clip)).sum()


def looped(f):
    def program(kernel, clips):
        zero = jax.tree.map(jnp.zeros_like, f(kernel, clips[0]))
        return jax.lax.scan(lambda sum, clip: (sum + f(kernel, clip), None), zero, clips)[0]

    return jax.jit(program)


def written_out(f):
    return jax.jit(lambda kernel, clips: sum(f(kernel, clips[i]) for i in range(CLIPS)))


def seconds(program):
    began = time.perf_counter()
    jax.block_until_ready(program(kernel, clips))
    return time.perf_counter() - began


slower = {}
for name, f in {"forward": loss, "gradient": jax.grad(loss)}.items():
    pair = looped(f), written_out(f)
    both = [program(kernel, clips) for program in pair]
    assert jnp.allclose(*both, rtol=1e-3, atol=1e-3 * float(jnp.abs(both[0]).max()))
    times = [[seconds(program) for program in pair] for _ in range(9)]
    loop, plain = (1e3 * statistics.median(column) for column in zip(*times))
    slower[name] = statistics.median(a / b for a, b in times)
    print(f"{name:8}  in a loop {loop:.0f} ms, written out {plain:.0f} ms: {slower[name]:.2f} times")
held = slower["gradient"] > 1.5 and slower["forward"] < 1.5
sys.exit(0 if held else "changed: a loop is not slow at a convolution's gradient alone")
PYTHON
