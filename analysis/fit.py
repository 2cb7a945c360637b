"""Fit scaling laws to a results table; reads that table and nothing else.

    python -m analysis.fit results.csv --law frontier --out fit.json

Losses are those of the averaged weights (loss_ema) unless --loss says otherwise: they are what
sampling uses, and they vary less from seed to seed than the raw weights do.
"""

import argparse
import sys

from analysis import console, files

VERSION = 1
DRAWS_KEPT = 400
REACH = 8.0  # the drawn curve goes on to this many times the largest budget


def fit_table(table, law="frontier", loss="loss_ema", size="params", bootstrap=2000, seed=0):
    """Fit every law the table allows; a JSON-ready dict with `law`'s results at its top level."""
    import numpy as np

    from analysis.frontier import minima, rollout
    from analysis.laws import chinchilla

    rng = np.random.default_rng(seed)
    rows, notes = minima.select(table, loss, size)
    budgets, found = minima.measure(rows, loss, size, bootstrap, rng)
    laws = {name: _law(minima.fit_law(name, found), found) for name in minima.LAWS}
    laws["chinchilla"] = chinchilla.fit(
        rows[size], rows["tokens"], rows[loss], bootstrap=min(bootstrap, 300), rng=rng
    )
    return {
        "version": VERSION,
        "law": law,
        **{key: value for key, value in laws[law].items() if key not in ("draws", "curve")},
        "columns": {"loss": loss, "size": size},
        "rows": len(rows),
        "bootstrap": bootstrap,
        "seed": seed,
        "notes": notes,
        "noise": _noise(found.noise),
        "estimator": found.estimator,
        "budgets": [_budget(budget, found) for budget in budgets],
        "laws": laws,
        "size_law": _size(minima.fit_size(found), found),
        "tokens": _tokens_law(rows, size),
        "held_out": rollout.rollout(found),
    }


def _law(result, found):
    import numpy as np

    draws = result.pop("draws", None)
    if "parameters" not in result:
        return result
    flops = _grid(found)
    p = result["parameters"]
    curve = {"flops": flops.tolist(), "loss": _loss(flops, result["reference"], p).tolist()}
    if draws is not None:
        E, A, g = (values[:, None] for values in draws)
        band = _loss(flops, result["reference"], {"E": E, "A": A, "g": g})
        curve["low"], curve["high"] = np.percentile(band, [2.5, 97.5], axis=0).tolist()
        kept = {name: v[:DRAWS_KEPT].tolist() for name, v in zip("EAg", draws, strict=True)}
        result["draws"] = kept
    return result | {"curve": curve}


def _loss(flops, reference, parameters):
    from analysis.laws import forms

    return forms.frontier_at(flops, reference, parameters["E"], parameters["A"], parameters["g"])


def _grid(found):
    import numpy as np

    return np.exp(np.linspace(found.log_c[0], found.log_c[-1] + np.log(REACH), 60))


def _size(result, found):
    import numpy as np

    draws = result.pop("draws", None)
    if "parameters" not in result:
        return result
    flops = _grid(found)
    ratio = flops / result["reference"]
    p = result["parameters"]
    curve = {"flops": flops.tolist(), "size": (p["N"] * ratio ** p["a"]).tolist()}
    if draws is not None:
        N, a = (values[:, None] for values in draws)
        curve["low"], curve["high"] = np.percentile(N * ratio**a, [2.5, 97.5], axis=0).tolist()
        result["draws"] = {"N": draws[0][:DRAWS_KEPT].tolist(), "a": draws[1][:DRAWS_KEPT].tolist()}
    return result | {"curve": curve}


def _budget(budget, found):
    import numpy as np

    from analysis.frontier import minima

    size, loss, estimator = minima.estimate(budget, found.estimator)
    result = {
        "flops": budget.flops,
        "sizes": budget.sizes.tolist(),
        "losses": budget.losses.tolist(),
        "seeds": budget.counts.tolist(),
        "best_run": budget.best_run,
        "status": "fitted" if budget.fitted else f"not fitted: {budget.reason}",
        "estimator": estimator,
        "size": size,
        "loss": loss,
    }
    if budget.fitted:
        sizes, losses = budget.curve()
        result["curve"] = {"size": sizes.tolist(), "loss": losses.tolist()}
    used = [other.flops for other in found.budgets]
    if budget.flops in used and len(found.loss_noise):
        at = used.index(budget.flops)
        low, high = np.percentile(found.loss_noise[:, at], [2.5, 97.5])
        result["loss_interval"] = (loss * np.exp([low, high])).tolist()
        result["loss_sd"] = float(found.loss_noise[:, at].std())
        low, high = np.percentile(found.size_noise[:, at], [2.5, 97.5])
        result["size_interval"] = (size * np.exp([low, high])).tolist()
    return result


def _noise(noise):
    return None if noise is None else {"relative": True, **vars(noise)}


def _tokens_law(rows, size):
    """FLOPs per parameter and token at each size: what turns compute and N into tokens."""
    ratio = (rows["flops"] / (rows[size] * rows["tokens"])).groupby(rows[size]).median()
    return {"size": ratio.index.astype(float).tolist(), "flops_per_param_token": ratio.tolist()}


def main(argv):
    """Command line of `analysis.fit`."""
    parser = argparse.ArgumentParser(prog="analysis.fit", description=__doc__.splitlines()[0])
    parser.add_argument("table", help="results table (CSV or parquet)")
    parser.add_argument("--law", default="frontier", choices=("frontier", "power", "chinchilla"))
    parser.add_argument("--loss", default="loss_ema", help="loss column (default: loss_ema)")
    parser.add_argument("--params", "--size", default="params", help="size column (params)")
    parser.add_argument("--bootstrap", type=int, default=2000, help="resamples; 0 for none")
    parser.add_argument("--seed", type=int, default=0, help="of the resamples")
    parser.add_argument("--out", default="fit.json", help="JSON to write (default: fit.json)")
    args = parser.parse_args(argv)
    from analysis.table import schema

    table = schema.read_table(args.table)
    fit = fit_table(table, args.law, args.loss, args.params, args.bootstrap, args.seed)
    files.write_json(args.out, fit)
    for note in fit["notes"]:
        print(note, file=sys.stderr)
    print(summary(fit))
    print(f"written to {args.out}")


def summary(fit):
    """A few lines for the terminal: every budget, then the law asked for."""
    lines = [
        f"{b['flops']:9.2e} FLOPs  loss {b['loss']:.4f}  {fit['columns']['size']} "
        f"{b['size']:9.3e}  {b['status']}"
        for b in fit["budgets"]
    ]
    lines.append(f"{fit['law']}: {fit['status']}")
    intervals = fit.get("intervals", {})
    for name, value in fit.get("parameters", {}).items():
        if value is not None:
            low_high = intervals.get(name)
            between = f"  (95 %: {low_high[0]:.4g} to {low_high[1]:.4g})" if low_high else ""
            lines.append(f"  {name:6s} {value:.5g}{between}")
    return "\n".join(lines)


if __name__ == "__main__":
    console.run(main)
