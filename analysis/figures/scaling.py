"""Figures of loss: each is made by one function from a table and a fit."""

import numpy as np

from analysis.figures import axes, points, style
from analysis.laws import forms


def scaling(rows, fit, palette, size, prediction=None):
    """Loss against compute: runs, frontier, both laws, and the prediction with what came.

    `prediction` is the dict of `verdict.check_prediction`.
    """
    drawn, ax = style.figure(size, palette)
    loss = fit["columns"]["loss"]
    shown = rows[points.drawn(rows["flops_budget"], rows[loss])]
    ax.plot(
        shown["flops_budget"],
        shown[loss],
        "o",
        ms=3,
        color=palette.muted,
        alpha=0.45,
        mew=0,
        label="a run",
    )
    _law_line(ax, fit, "power", palette.muted, palette, "power law", ":", band=False)
    _law_line(ax, fit, "frontier", palette.main, palette, "fit with a floor E")
    _frontier_points(ax, fit, palette)
    if prediction:
        _predicted(ax, prediction, palette)
    axes.compute_axis(ax, fit)
    lowest = [_bottom(fit), rows[loss].min()]
    if prediction and prediction["interval"]:
        lowest.append(prediction["interval"][0])
    axes.loss_axis(ax, rows[loss], low=min(lowest))
    ax.set_ylabel("validation loss (lower is better)")
    style.legend(ax, palette, loc="upper right", ncols=1 if size[0] < 5 else 2)
    return drawn


def _law_line(ax, fit, law, colour, palette, label, line="-", band=True):
    curve = fit["laws"][law].get("curve")
    if curve is None:
        return
    # One step beyond the largest budget: far enough to see where the law points.
    keep = np.array(curve["flops"]) <= 2.4 * fit["budgets"][-1]["flops"]
    flops = np.array(curve["flops"])[keep]
    ax.plot(flops, np.array(curve["loss"])[keep], line, color=colour, lw=1.6, label=label)
    if band and "low" in curve:
        low, high = np.array(curve["low"])[keep], np.array(curve["high"])[keep]
        ax.fill_between(flops, low, high, color=colour, alpha=0.18, lw=0, label="95 % interval")


def _frontier_points(ax, fit, palette):
    good = [b for b in fit["budgets"] if b["estimator"] == fit["estimator"]]
    poor = [b for b in fit["budgets"] if b["estimator"] != fit["estimator"]]
    label = "best of a budget"
    ax.plot(
        [b["flops"] for b in good],
        [b["loss"] for b in good],
        "o",
        ms=6,
        color=palette.main,
        label=label,
        zorder=4,
    )
    for b in good:
        if "loss_interval" in b:
            ax.plot([b["flops"]] * 2, b["loss_interval"], color=palette.main, lw=1.4, zorder=4)
    if poor:
        ax.plot(
            [b["flops"] for b in poor],
            [b["loss"] for b in poor],
            "o",
            ms=6,
            mfc="none",
            mec=palette.main,
            label="best at the edge (not fitted)",
            zorder=4,
        )


def _predicted(ax, check, palette):
    flops, low_high = check["flops"], check["interval"]
    if low_high:
        ax.plot([flops] * 2, low_high, color=palette.other, lw=2.2, solid_capstyle="butt", zorder=5)
    law = check["law"]
    line = np.geomspace(law["budgets"][0], flops)
    loss = forms.frontier_at(line, law["reference"], *(law["parameters"][p] for p in "EAg"))
    ax.plot(line, loss, "--", color=palette.other, lw=1.3, zorder=3)
    label = "predicted beforehand" if check["before"] else "predicted"
    ax.plot(
        [flops],
        [check["predicted"]],
        "D",
        ms=7,
        mfc="none",
        mec=palette.other,
        mew=1.8,
        label=label,
        zorder=6,
    )
    ax.plot(
        [flops],
        [check["no_change"]],
        "_",
        ms=14,
        mew=1.8,
        color=palette.muted,
        label="“no change”",
        zorder=5,
    )


def _bottom(fit):
    """The lowest point of the drawn law, kept in view unless it falls far below the runs."""
    curve = fit["laws"]["frontier"].get("curve")
    lowest = min(min(budget["losses"]) for budget in fit["budgets"])
    if curve is None:
        return lowest
    seen = [
        loss
        for flops, loss in zip(curve["flops"], curve["loss"], strict=True)
        if flops <= 2.4 * fit["budgets"][-1]["flops"]
    ]
    return max(min(seen), 0.8 * lowest)


def noise_levels(picks, prefix, palette, size):
    """Loss by tenth of t for the picked runs, and each as a share of the first.

    `picks` is a list of (name, row); None if the rows do not hold the tenths.
    """
    columns = [f"{prefix}_t{tenth:02d}" for tenth in range(10)]
    if not picks or any(c not in row or np.isnan(row[c]) for _, row in picks for c in columns):
        return None
    narrow = size[0] < 5
    shape = {"rows": 2, "columns": 1} if narrow else {"rows": 1, "columns": 2}
    size = (size[0], size[1] * 1.5) if narrow else (size[0], size[1] * 0.85)
    drawn, (left, right) = style.figure(size, palette, **shape, sharex=True)
    t = (np.arange(10) + 0.5) / 10
    first = picks[0][1][columns].to_numpy(float)
    for index, (name, row) in enumerate(picks):
        colour = palette.shade(index + 1, len(picks) + 1)
        values = row[columns].to_numpy(float)
        left.plot(t, values, "o-", ms=4, lw=1.5, color=colour, label=name)
        right.plot(t, 100 * (values / first - 1), "o-", ms=4, lw=1.5, color=colour)
    left.set_ylabel("validation loss")
    right.set_ylabel(f"change from {picks[0][0]} (%)")
    right.set_xlabel("noise level t (0 data, 1 noise)")
    if not narrow:
        left.set_xlabel("noise level t (0 data, 1 noise)")
    left.set_ylim(bottom=0)
    style.legend(left, palette)
    return drawn
