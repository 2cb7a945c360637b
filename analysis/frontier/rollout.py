"""How laws predicted budgets they had not seen, as it is shown: errors by how far they looked."""

from dataclasses import dataclass, field

import numpy as np

from analysis.frontier.backtest import NO_CHANGE, Stack

RULE = "laws weigh by the density that they gave to budgets they had not seen"


@dataclass(frozen=True)
class Shown:
    """One budget that laws fitted to the first `fitted` were asked for: {law: loss}.

    `held` {law: whether its 95 % interval held what came}; `horizon` budgets ahead.
    """

    fitted: int
    flops: float
    horizon: int
    observed: float
    predicted: dict[str, float]
    held: dict[str, bool]


@dataclass(frozen=True)
class Coming:
    """What each law says of the next budget."""

    flops: float
    predicted: dict[str, float]


@dataclass(frozen=True)
class Disagreement:
    """Between the laws that vote on the next budget; `spread` of log loss."""

    low: str
    high: str
    spread: float
    sentence: str


@dataclass(frozen=True)
class Rollout:
    """The backtest for people: `horizons` {law: {budgets ahead: rms log error}}, `counts` alike.

    weights {law: share} for the next budget, `rms` {law: error of one budget ahead}; `tested`: how
    far ahead laws were tried, in times of compute. From `rule` on None where no law votes.
    """

    trials: tuple[Shown, ...] = ()
    weights: dict[str, float] = field(default_factory=dict)
    tested: float = 1.0
    rms: dict[str, float | None] = field(default_factory=dict)
    horizons: dict[str, dict[int, float | None]] = field(default_factory=dict)
    rule: str | None = None
    chosen: str | None = None  # the law of most weight
    counts: dict[str, dict[int, int]] | None = None
    next_: Coming | None = None
    disagreement: Disagreement | None = None

    @property
    def ahead(self) -> list[int]:
        """How many budgets ahead trials looked."""
        return sorted({trial.horizon for trial in self.trials})

    def lines(self) -> list[str]:
        """A table: every law's weight, its rms error by horizon, what it says next."""
        heads = "".join(f"{f'+{h}':>13s}" for h in self.ahead)
        found = [f"{'rms error, budgets on':22s}{heads}{'weight':>8s}{'next':>10s}"]
        for name in self.horizons:
            cells = "".join(f"{self._cell(name, h):>13s}" for h in self.ahead)
            weight, coming = self.weights.get(name), self.next_.predicted.get(name)
            share = "-" if weight is None else f"{weight:.0%}"
            said = "-" if coming is None else f"{coming:.4f}"
            found.append(f"{name:22s}{cells}{share:>8s}{said:>10s}")
        return [*found, self.disagreement.sentence]

    def _cell(self, name, horizon):
        """Rms and, in brackets, of how many trials."""
        count = self.counts[name][horizon]
        return f"{self.horizons[name][horizon]:.2%} ({count})" if count else "-"


def rollout(found: Stack, log_c: np.ndarray) -> Rollout:
    """Of a stack of laws fitted to budgets at log compute (B,)."""
    step = float(np.median(np.diff(log_c))) if len(log_c) > 1 else np.log(2.0)
    following = float(log_c[-1] + step)
    weights = found.weights(following)
    if not weights:
        return Rollout()
    laws, shown = found.laws, tuple(_shown(trial) for trial in found.trials)
    coming = {name: float(np.exp(np.squeeze(law.value(following)))) for name, law in laws.items()}
    ahead, names = sorted({trial.horizon for trial in shown}), [*laws, NO_CHANGE]
    return Rollout(
        trials=shown,
        weights=weights,
        tested=found.tested,
        rms={name: _rms(shown, name, 1) for name in names},
        horizons={name: {h: _rms(shown, name, h) for h in ahead} for name in names},
        rule=RULE,
        chosen=max(weights, key=weights.get),
        counts={name: {h: len(_errors(shown, name, h)) for h in ahead} for name in names},
        next_=Coming(float(np.exp(following)), coming),
        disagreement=_disagreement({name: coming[name] for name in weights}),
    )


def _disagreement(coming):
    low, high = min(coming, key=coming.get), max(coming, key=coming.get)
    spread = float(np.log(coming[high] / coming[low]))
    sentence = (
        f"next budget: from {coming[low]:.4f} ({low}) to {coming[high]:.4f} ({high}), "
        f"{spread:.2%} apart"
    )
    return Disagreement(low, high, spread, sentence)


def _shown(trial):
    ends = {name: said.interval() for name, said in trial.said.items()}
    return Shown(
        trial.fitted,
        float(np.exp(trial.log_c)),
        trial.horizon,
        float(np.exp(trial.log_loss)),
        {n: float(np.exp(said.quantile(0.5))) for n, said in trial.said.items()},
        {n: bool(low <= trial.log_loss <= high) for n, (low, high) in ends.items()},
    )


def _errors(shown, name, horizon):
    return [
        float(np.log(trial.predicted[name] / trial.observed))
        for trial in shown
        if trial.horizon == horizon and name in trial.predicted
    ]


def _rms(shown, name, horizon):
    errors = _errors(shown, name, horizon)
    return float(np.sqrt(np.mean(np.square(errors)))) if errors else None
