"""What the compiler is told, by backend, by how often a program runs, and by XLA_FLAGS."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.tiny import forked
from vdit.parallel.compiler import compiler_options, jitted, known

LEVEL, LIBRARY = "xla_backend_optimization_level", "xla_cpu_experimental_ynn_fusion_type"


def test_what_xla_flags_sets_stands(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", f"--xla_force_host_platform_device_count=2 --{LEVEL}=3")
    assert set(compiler_options("step")) >= {LIBRARY}
    assert LEVEL not in compiler_options("step")
    monkeypatch.setenv("XLA_FLAGS", f"--{LIBRARY}=LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT")
    assert LIBRARY not in compiler_options("init")
    monkeypatch.setenv("XLA_FLAGS", f"--{LIBRARY}_of_another_flag=false")
    assert LIBRARY in compiler_options("init")


def test_options_that_this_jaxlib_lacks_are_left_out():
    level, library = (LEVEL, 1), (LIBRARY, "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT")
    assert known(level, library) == (level, library)
    assert known(("xla_no_such", 1), level, ("xla_nor_such", True), library) == (level, library)
    assert known(level, (LIBRARY, "LIBRARY_FUSION_TYPE_NO_SUCH")) == (level,)


def test_other_backends_keep_their_defaults(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert compiler_options("step") == {}


@pytest.mark.parametrize("runs", ["step", "init"])
def test_options_change_no_numbers(monkeypatch, runs):
    """Products with constants too, which one of XLA's options for a CPU gets wrong."""
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    x = np.random.default_rng(1).standard_normal((384, 80)).astype(np.float32)

    def norm(x, *, power):
        mean = jax.lax.optimization_barrier(jnp.full((80, 80), 1 / 80))
        return x * jax.lax.rsqrt((x**power) @ mean + 1e-6)

    made = jitted(runs, static_argnames="power")(norm)(x, power=2)
    truth = x / np.sqrt((x.astype(float) ** 2).mean(-1, keepdims=True) + 1e-6)
    np.testing.assert_allclose(made, truth, rtol=1e-5)


def test_no_device_is_taken_before_the_first_call():
    """Else several processes could not join after an import."""
    code = "import vdit.main, vdit.training.loop, vdit.diffusion.programs\n"
    code += "from jax._src import xla_bridge; print(xla_bridge.backends_are_initialized())"
    assert forked("-c", code).stdout.split() == ["False"]
