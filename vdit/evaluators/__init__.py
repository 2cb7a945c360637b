"""What is measured of a checkpoint: one file for one evaluator, found by its name in the config.

`config.evaluators = {"worlds": {"clips": 128}, ...}` names files here and the options of each. To
add one, write a file with

    def evaluate(model: Generator, data: EvaluationData, *, clips, seed, option=default)
        -> list[Record]

`clips` and `seed` are those of `config.evaluation` unless its options say otherwise. It returns
nothing where it does not apply (another data set, say). No JAX is imported here.
"""

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from vdit.errors import InputError

# What evaluators have in common, and no evaluator.
SHARED = ("bounds", "clustered", "common", "samples")


@functools.cache
def names() -> tuple[str, ...]:
    """The evaluators that there are."""
    found = (module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg)
    return tuple(name for name in found if name not in SHARED)


def parse(text: str) -> list[str]:
    """["losses", "worlds"] from "losses,worlds"."""
    return [name.strip() for name in text.split(",") if name.strip()]


def check(evaluators: Iterable[str]) -> None:
    """Raises `InputError` for a name that is no evaluator's."""
    for name in evaluators:
        if name not in names():
            raise InputError(f"evaluator {name!r}: expected one of {', '.join(names())}")


def find(name: str, options: Mapping[str, Any]) -> Callable[..., list]:
    """The evaluator of that name; `InputError` for options that it has not."""
    check([name])
    evaluate = importlib.import_module(f"{__name__}.{name}").evaluate
    parameters = inspect.signature(evaluate).parameters.values()
    known = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    for option in options:
        if option not in known:
            expected = ", ".join(known) or "none"
            raise InputError(f"evaluators.{name}.{option}: expected one of its options: {expected}")
    return evaluate
