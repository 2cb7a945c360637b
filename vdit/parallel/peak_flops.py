"""What the devices can do at best: the measure of model FLOP/s utilisation (MFU)."""

import functools
import time

import jax
import jax.numpy as jnp
import numpy as np

from vdit.config.devices import by_kind


@functools.cache
def peak_flops() -> float:
    """FLOP/s of all devices together: from the table, else measured on a large float32 product."""
    known = by_kind(jax.devices()[0].device_kind)
    return known.peak * jax.device_count() if known else _measured()


def _measured(size: int = 1024, repeats: int = 5) -> float:
    # A lone device, whatever mesh is set: simulated devices share the same cores.
    with jax.set_mesh(jax.make_mesh((1,), ("alone",), devices=jax.local_devices()[:1])):
        a, product, times = np.ones((size, size), np.float32), jax.jit(jnp.dot), []
        product(a, a).block_until_ready()
        for _ in range(repeats):
            began = time.perf_counter()
            product(a, a).block_until_ready()
            times.append(time.perf_counter() - began)
    return 2 * size**3 / min(times)
