"""Loss curves of several runs, normalised: one curve where they are tuned alike."""

from matplotlib.figure import Figure

from analysis.curves.collapse import Collapse
from analysis.figures import style


def collapse(found: Collapse, palette: style.Palette, size: tuple[float, float]) -> Figure:
    """Each run's (L - E) / (L(1) - E) over its share of training; flagged runs stand out."""
    drawn, axes = style.figure(size, palette)
    for index, run in enumerate(found.runs):
        colour = palette.other if run.flagged else palette.shade(index, len(found.runs))
        width, dash = (2.0, "--") if run.flagged else (1.3, "-")
        label = f"{run.label}: {run.deviation:.1%} off"
        axes.plot(found.x, run.curve, dash, lw=width, color=colour, label=label)
    axes.set_xlabel("share of the run's training")
    axes.set_ylabel(f"(L - E) / (L(1) - E), E = {found.floor:.3g}")
    axes.set_yscale("log")
    style.legend(axes, palette)
    return drawn
