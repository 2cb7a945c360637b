"""The economics in one picture: break-even, compute of one output, and what is uncertain."""

import numpy as np
from matplotlib.figure import Figure

from analysis.costs import chain, sora
from analysis.costs.uncertainty import Estimate
from analysis.figures import style

SIZE = (7.2, 9.6)  # inches
TITLES = ("Training against inference", "Compute of one output", "One input at a time")
OUTPUTS = ("sora_output", "gpt4_output", "dit_output", "llama_output")


def picture(found: Estimate, palette: style.Palette) -> Figure:
    """Three panels of what `analysis.economics.estimate` or `.own` found."""
    drawn, panels = style.figure(SIZE, palette, rows=3, gridspec_kw={"height_ratios": (5, 4, 5)})
    rows = {row.name: row for row in found.rows}
    published = "sora_minute" in rows
    if published:
        _sora_break_even(panels[0], rows, palette)
        _sora_outputs(panels[1], rows, palette)
    else:
        _own_break_even(panels[0], rows, palette)
        _own_outputs(panels[1], rows, palette)
    _tornado(panels[2], found, rows, palette)
    for ax, title in zip(panels, TITLES, strict=True):
        ax.set_title(title, loc="left", color=palette.ink, size=10, weight="bold", pad=10)
    drawn.get_layout_engine().set(h_pad=0.12)
    return drawn


def _sora_break_even(ax, rows, palette):
    ours = {name: row.ours for name, row in rows.items()}
    ends = [(ours[f"sora_train_{end}"], ours[f"break_even_{end}"]) for end in ("low", "high")]
    uploads = {"TikTok": ours["tiktok_minutes"], "YouTube": ours["youtube_minutes"]}
    _break_even(ax, ours["sora_minute"], ends, palette, "operations as published")
    for name, minutes in uploads.items():
        ax.axvline(minutes, color=palette.muted, lw=1, ls=":", zorder=1)
        ax.annotate(
            f"a day of\n{name}", (minutes, 0.03), xycoords=ax.get_xaxis_transform(),
            xytext=(4 if name == "YouTube" else -4, 0), textcoords="offset points",
            ha="left" if name == "YouTube" else "right", color=palette.muted, fontsize=8.5,
        )  # fmt: skip


def _own_break_even(ax, rows, palette):
    ours = {name: row.value for name, row in rows.items()}
    _break_even(ax, ours["minute"], [(ours["train"], ours["break_even"])], palette, "FLOP")


def _break_even(ax, minute, ends, palette, unit):
    """`ends` are (training compute, minutes at which inference has cost as much)."""
    marks = [minutes for _, minutes in ends]
    minutes = np.geomspace(marks[0] / 30, marks[-1] * 30, 2)
    trainings = [training for training, _ in ends]
    ax.plot(minutes, minutes * minute, color=palette.main, lw=1.8, label="inference, in all")
    if len(ends) == 2:
        ax.axhspan(*trainings, color=palette.other, alpha=0.18, lw=0, label="training, low to high")
    else:
        ax.axhline(trainings[0], color=palette.other, lw=1.8, label="training")
    ax.plot(marks, trainings, "o", ms=7, color=palette.other, zorder=4, label="break-even")
    for mark, training in zip(marks, trainings, strict=True):
        ax.annotate(
            f"{style.short(mark)} minutes", (mark, training), xytext=(9, -11), ha="left",
            textcoords="offset points", color=palette.ink, fontsize=8.5,
            bbox={"boxstyle": "round,pad=0.15", "fc": palette.paper, "ec": "none", "alpha": 0.85},
        )  # fmt: skip
    ax.set(xscale="log", yscale="log", xlim=minutes)
    ax.set_xlabel("minutes of video generated")
    ax.set_ylabel(f"compute ({unit})")
    style.legend(ax, palette, loc="upper left")


def _sora_outputs(ax, rows, palette):
    picked = [rows[name] for name in OUTPUTS]
    _outputs(ax, [row.words for row in picked], [row.true_flops for row in picked], palette)
    published = [row.ours for row in picked]
    kept = [k for k, row in enumerate(picked) if row.true_flops != row.ours]
    ax.plot(
        [published[k] for k in kept], kept, "D", ms=6, mfc=palette.paper, mec=palette.other,
        mew=1.6, label="as published: multiply-accumulates", zorder=4,
    )  # fmt: skip
    style.legend(ax, palette, loc="lower right")


def _own_outputs(ax, rows, palette):
    others = chain.evaluate(sora.CHAIN, sora.TRUE_FLOPS)
    labels = ["yours, one minute", *(chain.find(sora.CHAIN, name).words for name in OUTPUTS)]
    _outputs(ax, labels, [rows["minute"].value, *(others[name] for name in OUTPUTS)], palette)


def _outputs(ax, labels, flops, palette):
    ax.barh(range(len(labels)), flops, height=0.55, color=palette.main)
    low, high = min(flops) / 30, max(flops) * 30
    for place, value in enumerate(flops):
        ax.annotate(
            style.scientific(value), (value, place), xytext=(8, 0), va="center",
            textcoords="offset points", color=palette.ink, fontsize=8.5,
        )  # fmt: skip
    ax.set(xscale="log", xlim=(low, high))
    ax.set_yticks(range(len(labels)), labels, color=palette.ink)
    ax.invert_yaxis()
    ax.grid(False, axis="y")
    ax.set_xlabel("true FLOPs")


def _tornado(ax, found, rows, palette):
    bars, target = found.tornado, found.target
    row = rows[target]
    centre = row.value
    for place, bar in enumerate(bars):
        for end, at, value, colour in (
            ("low", bar.low, bar.target_low, palette.main),
            ("high", bar.high, bar.target_high, palette.other),
        ):
            label = None if place else f"{end} end"
            ax.barh(place, value - centre, left=centre, height=0.55, color=colour, label=label)
            ax.annotate(
                style.short(at), (value, place), va="center", color=palette.ink, fontsize=8.5,
                xytext=(5 if value > centre else -5, 0), textcoords="offset points",
                ha="left" if value > centre else "right",
            )  # fmt: skip
    ax.axvline(centre, color=palette.ink, lw=1)
    low, _, high = found.intervals[target]
    ax.axvspan(low, high, color=palette.muted, alpha=0.13, lw=0, zorder=0, label="95 %, all inputs")
    ends = [low, high, *(bar.target_low for bar in bars), *(bar.target_high for bar in bars)]
    ax.set(xscale="log", xlim=(min(ends) / 1.6, max(ends) * 1.6))
    ax.set_yticks(range(len(bars)), [rows[bar.name].words for bar in bars], color=palette.ink)
    ax.invert_yaxis()
    ax.grid(False, axis="y")
    style.plain_log_ticks(ax.xaxis, *ax.get_xlim(), form=style.short)
    reading = ", true FLOPs" if "sora_minute" in rows else ""
    ax.set_xlabel(row.words + (f" ({row.unit})" if row.unit else "") + reading)
    style.legend(
        ax, palette, loc="lower right", bbox_to_anchor=(1, 1), ncols=3, borderaxespad=0.2,
        columnspacing=1.2, handlelength=1.4,
    )  # fmt: skip
