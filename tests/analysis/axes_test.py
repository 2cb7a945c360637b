"""Labels of compute do not run into each other, however many budgets a panel shows."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from analysis.figures import axes, style

UNIT = 3e10


def labels(budgets, columns, size=style.WIDE):
    """(text, where it begins and ends in pixels) of each label that is shown."""
    fit = SimpleNamespace(budgets=[SimpleNamespace(flops=UNIT * 2**k) for k in range(budgets)])
    drawn, panels = style.figure(size, style.LIGHT, columns=columns)
    FigureCanvasAgg(drawn)
    for ax in np.atleast_1d(panels):
        axes.compute_axis(ax, fit)
    drawn.canvas.draw()
    shown = [text for text in np.atleast_1d(panels)[-1].get_xticklabels() if text.get_text()]
    boxes = [text.get_window_extent() for text in shown]
    return [text.get_text() for text in shown], [(box.x0, box.x1) for box in boxes]


@pytest.mark.parametrize(
    ("budgets", "columns", "size", "every"),
    [
        (13, 1, style.WIDE, 1),
        (6, 3, style.WIDE, 1),
        (13, 3, style.WIDE, 3),
        (13, 1, style.NARROW, 2),
    ],
)
def test_each_label_has_room_and_no_fewer_are_shown_than_have(budgets, columns, size, every):
    texts, places = labels(budgets, columns, size)
    assert texts == [f"{2**k}×" for k in range(0, budgets, every)]
    assert all(left[1] < right[0] for left, right in itertools.pairwise(places))
