"""One look for every figure: its colours, its axes, and SVG that follows the page's light or dark.

A figure for the page is drawn in stand-in colours, which the SVG then names as CSS variables.
"""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure

WIDE, NARROW = (7.2, 4.0), (3.9, 3.5)  # inches; the page shows one of them
STEPS = 9  # shades from the smallest budget to the largest


@dataclass(frozen=True)
class Palette:
    """Colours by role. Blue, orange and green keep apart for every kind of colour vision."""

    ink: str
    muted: str
    grid: str
    paper: str
    main: str
    other: str
    good: str
    shades: tuple

    def shade(self, index: int, count: int) -> str:
        """Shade of budget `index` of `count`."""
        return self.shades[round(index * (STEPS - 1) / max(count - 1, 1))]


def _mix(start, end):
    a, b = (tuple(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in (start, end))
    steps = [
        [x + (y - x) * k / (STEPS - 1) for x, y in zip(a, b, strict=True)] for k in range(STEPS)
    ]
    return tuple("#" + "".join(f"{round(v):02x}" for v in step) for step in steps)


LIGHT = Palette(
    "#1d2530", "#5d6875", "#e3e7ec", "#ffffff", "#0b62a8", "#c8500a", "#00805c",
    _mix("#9ccbe8", "#0a2f5c"),
)  # fmt: skip
DARK = Palette(
    "#e8ecf1", "#9aa5b1", "#303843", "#161b21", "#62b0f0", "#ff9350", "#3fcf9f",
    _mix("#4a7aa8", "#d9edff"),
)  # fmt: skip
PAGE = Palette(
    "#010101", "#020202", "#030303", "#040404", "#050505", "#060606", "#070707",
    tuple(f"#0808{step:02d}" for step in range(STEPS)),
)  # fmt: skip


def variables(palette: Palette) -> str:
    """The palette as CSS custom properties."""
    names = dict(zip(_names(), _values(palette), strict=True))
    return "".join(f"--{name}:{value};" for name, value in names.items())


def _names():
    roles = ["ink", "muted", "grid", "paper", "main", "other", "good"]
    return roles + [f"shade{step}" for step in range(STEPS)]


def _values(palette):
    return [getattr(palette, name) for name in _names()[:7]] + list(palette.shades)


def figure(
    size: tuple[float, float], palette: Palette, rows: int = 1, columns: int = 1, **options: Any
) -> tuple[Figure, Any]:
    """A new figure and its axes, in the house style."""
    with matplotlib.rc_context({"font.size": 9, "axes.linewidth": 0.8}):
        drawn = Figure(figsize=size, layout="constrained")
        drawn.patch.set_alpha(0)
        axes = drawn.subplots(rows, columns, **options)
    for ax in [axes] if rows * columns == 1 else axes.flat:
        _dress(ax, palette)
    return drawn, axes


def _dress(ax, palette):
    ax.patch.set_alpha(0)
    ax.set_axisbelow(True)
    ax.grid(True, color=palette.grid, linewidth=0.8)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(palette.muted)
    ax.tick_params(which="both", colors=palette.muted, labelsize=8.5, length=3)
    for label in (ax.xaxis.label, ax.yaxis.label, ax.title):
        label.set_color(palette.ink)
        label.set_size(9)


def legend(ax: Axes, palette: Palette, **options: Any) -> None:
    """A frameless legend in the palette's ink."""
    drawn = ax.legend(frameon=False, fontsize=8.5, labelcolor=palette.ink, **options)
    drawn.set_zorder(10)


def remark(ax: Axes, palette: Palette, words: str) -> None:
    """How marks are to be read, in small above the axes."""
    ax.set_title(words, loc="right", fontsize=8, color=palette.muted, pad=3)


def plain_log_ticks(
    axis: Axis, low: float, high: float, form: Callable[[float], str] | None = None, most: int = 6
) -> None:
    """Ticks at round values on a logarithmic axis that spans less than a few decades."""
    places = ticker.MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    if high > 4 * low:  # the quotient may be beyond all numbers
        places = ticker.LogLocator(subs=(1, 2, 5)).tick_values(low, high)
    axis.set_major_locator(ticker.FixedLocator([p for p in places if low <= p <= high]))
    axis.set_minor_locator(ticker.NullLocator())
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: (form or "{:g}".format)(value)))


def short(value: float) -> str:
    """12,345 as 12k: numbers for ticks and tables."""
    for size, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def scientific(value: float) -> str:
    """2e11 as 2.0×10¹¹."""
    digits, power = f"{value:.1e}".split("e")
    return f"{digits}×10{raised(str(int(power)))}"


def raised(text: str) -> str:
    """A number's text as superscript characters."""
    return text.translate(str.maketrans("-.0123456789", "⁻·⁰¹²³⁴⁵⁶⁷⁸⁹"))


def svg(drawn: Figure, name: str) -> str:
    """The figure as an <svg> element whose colours are the page's CSS variables."""
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        out = io.StringIO()
        drawn.savefig(out, format="svg", metadata={"Date": None})
    text = out.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    for role, stand_in in zip(_names(), _values(PAGE), strict=True):
        text = text.replace(stand_in, f"var(--{role})")
    # Several figures share a page: ids must differ.
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(url\(|href=")#', rf"\g<1>#{name}-", text)
    return re.sub(r' (width|height)="[\d.]+pt"', "", text, count=2)


def png(drawn: Figure, palette: Palette) -> bytes:
    """The figure as PNG bytes on the palette's paper."""
    out = io.BytesIO()
    drawn.savefig(out, format="png", dpi=160, facecolor=palette.paper)
    return out.getvalue()
