"""A chain: quantities with a name, a source and a value, or a formula of other quantities."""

import ast
import difflib
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.costs.digits import to_digits
from vdit.errors import InputError


@dataclass(frozen=True)
class Spread:
    """How uncertain an input is: 95 % lie between `low` and `high` ("log-normal"), or all of it
    does, evenly in the logarithm ("log-uniform")."""

    kind: str
    low: float
    high: float


@dataclass(frozen=True)
class Quantity:
    """One link. `value` is a number, or a formula in the names of quantities that come before.

    `published` is what the source printed, with its digits. `carried`: the source goes on from its
    own value rounded to so many significant digits; so do we, until something upstream is changed.
    `slip` says why the printed number does not follow from the source's own inputs.
    """

    name: str
    value: float | str
    unit: str
    words: str
    source: str = ""
    published: str = ""
    carried: int | None = None
    slip: str = ""
    spread: Spread | None = None

    @property
    def formula(self) -> str:
        """The formula, or "" for an input."""
        return self.value if isinstance(self.value, str) else ""


@functools.cache
def _compiled(formula):
    tree = ast.parse(formula, mode="eval")
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return compile(tree, formula, "eval"), frozenset(names)


def needs(quantity: Quantity) -> frozenset[str]:
    """Names that the quantity's formula is made of."""
    return _compiled(quantity.formula)[1] if quantity.formula else frozenset()


def evaluate(
    chain: Sequence[Quantity], settings: Mapping[str, float | np.ndarray] | None = None
) -> dict[str, float | np.ndarray]:
    """Every quantity by name; `settings` {name: number or array} replaces values or formulas.

    InputError names a quantity that the chain does not have, or a value that is not above zero.
    """
    settings = checked(chain, settings or {})
    shown, passed_on, changed = {}, {}, set(settings)
    for q in chain:
        if q.name in settings:
            value = settings[q.name]
        elif q.formula:
            # The formulas are our own text; what users give are numbers.
            value = eval(_compiled(q.formula)[0], {"__builtins__": {}}, passed_on)
        else:
            value = q.value
        if needs(q) & changed:
            changed.add(q.name)
        shown[q.name] = passed_on[q.name] = value
        if q.carried and q.name not in changed:
            passed_on[q.name] = to_digits(value, q.carried)
    return shown


def checked(
    chain: Sequence[Quantity], settings: Mapping[str, float | np.ndarray]
) -> dict[str, float | np.ndarray]:
    """`settings`, if each names a quantity of the chain and each value is finite and above 0."""
    for name, value in settings.items():
        find(chain, name)
        good = np.isfinite(value) & (np.asarray(value) > 0)
        if not good.all():
            raise InputError(f"{name}={value}: expected a finite number above 0")
    return settings


def parse_settings(texts: Sequence[str]) -> dict[str, float]:
    """["name=value", ...] as a dict; InputError for what is not a number."""
    settings = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            settings[name.strip()] = float(value)
        except ValueError:
            expected = "NAME=NUMBER, e.g. sampler_steps=50"
            raise InputError(f"--set {text}: expected {expected}") from None
    return settings


def find(chain: Sequence[Quantity], name: str) -> Quantity:
    """The quantity called `name`; InputError if there is none."""
    for q in chain:
        if q.name == name:
            return q
    names = [q.name for q in chain]
    near = ", ".join(difflib.get_close_matches(name, names, 3, 0.5) or names)
    raise InputError(f"{name}: no such quantity, expected one like {near}")
