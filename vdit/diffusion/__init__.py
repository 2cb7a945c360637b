"""Diffusion: one small function for one equation; objectives, samplers, guidance.

`config.objective = NAME` is the class that NAME.py here calls OBJECTIVE. To add one, write such a
file (`objectives.Objective` says what it has) with its equations and their source; its fields are
settings, which `config.NAME` may change. No JAX is imported to name them all.
"""

import functools
import pathlib
import re

DEFINES = re.compile(r"^OBJECTIVE = ", re.MULTILINE)


@functools.cache
def names() -> tuple[str, ...]:
    """The objectives that there are."""
    files = sorted(pathlib.Path(__file__).parent.glob("*.py"))
    return tuple(path.stem for path in files if DEFINES.search(path.read_text(encoding="utf-8")))
