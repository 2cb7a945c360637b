"""What to train with a given compute: size, tokens and expected loss, from a fit.

python -m analysis.plan fit.json --flops 1e13
"""

import argparse

from analysis import console, files

FAR = 8.0  # beyond this many times the largest budget fitted, an extrapolation is a guess


def plan(fit, flops):
    """Compute-optimal N, tokens and loss at `flops`, each with a 95 % interval or None."""
    import numpy as np

    from analysis.table import schema

    law, size = fit["laws"][fit["held_out"]["chosen"]], fit["size_law"]
    for name, part in (("loss", law), ("size", size)):
        if "parameters" not in part:
            raise schema.TableError(f"the fit has no law of {name}: {part['status']}")
    n = _evaluate(_size_at, size, flops, ("N", "a"))
    ladder = fit["tokens"]
    known = np.interp(
        np.log(n["value"]), np.log(ladder["size"]), np.log(ladder["flops_per_param_token"])
    )
    tokens = {"value": flops / np.exp(known) / n["value"], "interval": None}
    if n["interval"]:
        tokens["interval"] = [flops / np.exp(known) / bound for bound in n["interval"][::-1]]
    return {
        "flops": flops,
        "law": fit["held_out"]["chosen"],
        "size": n,
        "tokens": tokens,
        "loss": _evaluate(_loss_at, law, flops, ("E", "A", "g")),
        "times_largest": flops / fit["budgets"][-1]["flops"],
        "times_smallest": flops / fit["budgets"][0]["flops"],
    }


def _size_at(ratio, N, a):
    return N * ratio**a


def _loss_at(ratio, E, A, g):
    return E + A * ratio**-g


def _evaluate(law, result, flops, names):
    import numpy as np

    ratio = flops / result["reference"]
    value = float(law(ratio, *(result["parameters"][name] for name in names)))
    if "draws" not in result:
        return {"value": value, "interval": None}
    draws = law(ratio, *(np.array(result["draws"][name]) for name in names))
    return {"value": value, "interval": np.percentile(draws, [2.5, 97.5]).tolist()}


def warning(planned):
    """One line on how far the plan goes beyond what was measured, or ""."""
    above, below = planned["times_largest"], planned["times_smallest"]
    if above > FAR:
        return (
            f"warning: {above:.3g} times the largest budget measured; nothing here shows that "
            "the law holds that far, and the intervals assume it does"
        )
    if above > 1:
        return f"warning: {above:.3g} times the largest budget measured, an extrapolation"
    if below < 1:
        return f"warning: {1 / below:.3g} times below the smallest budget measured"
    return ""


def main(argv):
    """Command line of `analysis.plan`."""
    parser = argparse.ArgumentParser(prog="analysis.plan", description=__doc__.splitlines()[0])
    parser.add_argument("fit", help="fit.json of analysis.fit")
    parser.add_argument("--flops", type=float, required=True, help="training compute, e.g. 1e13")
    args = parser.parse_args(argv)
    from analysis.table import schema

    if not 0 < args.flops < float("inf"):
        raise schema.TableError(f"--flops is {args.flops:g}, expected a number above 0")
    fit = files.read_json(args.fit, "a fit by analysis.fit")
    for key in ("laws", "size_law", "held_out", "tokens", "budgets"):
        if key not in fit:
            raise schema.TableError(f"{args.fit}: no {key!r}, expected a fit by analysis.fit")
    planned = plan(fit, args.flops)
    print(f"compute  {args.flops:.3g} FLOPs")
    for name, form in (("size", ".3g"), ("tokens", ".3g"), ("loss", ".4f")):
        value, interval = planned[name]["value"], planned[name]["interval"]
        between = f"  (95 %: {interval[0]:{form}} to {interval[1]:{form}})" if interval else ""
        print(f"{name:8s} {value:{form}}{between}")
    print(f"law      {planned['law']}")
    if warning(planned):
        print(warning(planned))


if __name__ == "__main__":
    console.run(main)
