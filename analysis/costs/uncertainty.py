"""What the uncertain inputs of a chain do to what comes out of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.costs.chain import Quantity, Spread, evaluate, find, needs
from analysis.costs.compare import Row
from vdit.errors import InputError

NORMAL_95 = 1.959963984540054  # half the width of a normal's central 95 %, in standard deviations


@dataclass(frozen=True)
class Bar:
    """What the target becomes as one input goes from low to high."""

    name: str
    low: float
    high: float
    target_low: float
    target_high: float


@dataclass(frozen=True)
class Estimate:
    """A chain's numbers, and what is uncertain in them.

    `intervals` {quantity: [2.5 %, 50 %, 97.5 %]} of `draws`; `tornado` of `target`, the widest bar
    first; `settings` {quantity: the user's own value}.
    """

    source: str
    rows: list[Row]
    settings: dict[str, float]
    target: str
    tornado: list[Bar]
    intervals: dict[str, list[float]]
    spreads: dict[str, Spread]
    draws: int
    seed: int


def inputs(
    chain: Sequence[Quantity], target: str, settings: Collection[str] = ()
) -> dict[str, Quantity]:
    """Uncertain quantities that `target` is made of, by name; InputError if there are none."""
    wanted = {find(chain, target).name}
    for q in reversed(chain):
        if q.name in wanted and q.name not in settings:
            wanted |= needs(q)
    found = {q.name: q for q in chain if q.name in wanted and q.spread}
    if not found:
        raise InputError(f"{target}: nothing uncertain goes into it, expected another --target")
    return found


def _shift(q, settings):
    """A user's own value moves the range along."""
    return settings.get(q.name, q.value) / q.value


def tornado(
    chain: Sequence[Quantity], target: str, settings: Mapping[str, float] | None = None
) -> list[Bar]:
    """A bar for each uncertain input of `target`, the widest first."""
    settings, rows = settings or {}, []
    for name, q in inputs(chain, target, settings).items():
        ends = [end * _shift(q, settings) for end in (q.spread.low, q.spread.high)]
        moved = (evaluate(chain, settings | {name: x})[target] for x in ends)
        rows.append(Bar(name, *ends, *moved))
    return sorted(rows, key=lambda bar: -abs(np.log(bar.target_high / bar.target_low)))


def draws(
    chain: Sequence[Quantity],
    settings: Mapping[str, float] | None = None,
    count: int = 20_000,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """{name: (count,) array} of every quantity, its uncertain inputs drawn independently.

    log-normal: `low` and `high` are the 2.5 and 97.5 % points; log-uniform: they are the ends.
    """
    if count < 100:
        raise InputError(f"--draws {count}: expected 100 or more, for a 95 % interval")
    if seed < 0:
        raise InputError(f"--seed {seed}: expected 0 or more")
    settings, rng = settings or {}, np.random.default_rng(seed)
    drawn = {q.name: _draw(q.spread, count, rng) * _shift(q, settings) for q in chain if q.spread}
    values = evaluate(chain, settings | drawn)
    return {name: np.broadcast_to(value, count) for name, value in values.items()}


def _draw(spread, count, rng):
    low, high = np.log([spread.low, spread.high])
    if spread.kind == "log-uniform":
        return np.exp(rng.uniform(low, high, count))
    return np.exp(rng.normal((low + high) / 2, (high - low) / 2 / NORMAL_95, count))


def intervals(drawn: Mapping[str, np.ndarray], targets: Sequence[str]) -> dict[str, list[float]]:
    """{target: [2.5 %, 50 %, 97.5 %]}."""
    return {name: np.percentile(drawn[name], [2.5, 50, 97.5]).tolist() for name in targets}
