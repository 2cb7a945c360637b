"""What the compiler is told of our programs, by how often each of them runs."""

import functools
import os
from collections.abc import Callable
from typing import Any

import jax

from vdit.parallel.sharding import platform


def compiler_options(runs: str) -> dict:
    """What `jax.jit` is told of a program that runs every `step` or as `init`, once.

    On a CPU, compiling a tiny model takes longer than most runs of it. LLVM's higher levels cost
    more seconds than they save: at level 1 a training step is as fast as at the default (to the
    same bits) and compiles in about 0.8 of the time. Code that runs once is compiled at level 0,
    and by XLA's older emitter of loops: in 0.6 to 0.75 of the newer one's time, for loops that
    take 1.2 times as long. And of the library of fused kernels (YNN) only the plain products are
    taken: its fused sums made a step 1.1 to 1.4 times as long, and products fused with a constant
    (`LIBRARY_FUSION_TYPE_DOT`, jaxlib 0.10.2) come out wrong. Elsewhere the defaults stand, and
    everywhere what XLA_FLAGS sets. What this jaxlib lacks is left out (`known`): from 0.11.1 on
    there is no older emitter, and level 0 alone is what code that runs once gets.
    """
    if platform() != "cpu":
        return {}
    options = {
        "xla_backend_optimization_level": {"step": 1, "init": 0}[runs],
        "xla_cpu_use_fusion_emitters": runs == "step",
        "xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT",
    }
    given = {flag.partition("=")[0] for flag in os.environ.get("XLA_FLAGS", "").split()}
    return dict(known(*(item for item in options.items() if f"--{item[0]}" not in given)))


@functools.cache
def known(*options: tuple[str, object]) -> tuple[tuple[str, object], ...]:
    """Those of the options that this jaxlib has, in some 10 ms.

    It has no list of them, but refuses a program, however small, for the first that it lacks.
    """
    try:
        jax.jit(lambda: None).lower().compile(dict(options))
    except jax.errors.JaxRuntimeError as error:
        rest = tuple(option for option in options if option[0] not in str(error))
        if rest == options:
            raise
        return known(*rest)
    return options


def jitted(runs: str, **options: Any) -> Callable[[Callable], Callable]:
    """Decorates as `jax.jit` does, for programs that run so (`compiler_options`).

    It is made when it is first called: until then no backend is chosen, nor devices taken.
    """

    def decorate(function):
        @functools.cache
        def program():
            return jax.jit(function, compiler_options=compiler_options(runs), **options)

        return functools.wraps(function)(lambda *args, **kwargs: program()(*args, **kwargs))

    return decorate
