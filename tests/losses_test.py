"""What the loss is a mean of, and how a record becomes columns."""

import numpy as np
import pytest

from vdit.evaluators import losses
from vdit.runs import evaluations
from vdit.runs.evaluations import Record


def test_losses_are_means_over_the_set_and_over_tenths_of_t():
    t = np.linspace(0.05, 0.95, 10).repeat(2)
    found = losses.records("loss", t, np.arange(20.0))
    assert found[0] == Record("loss", 9.5, pytest.approx(np.std(range(20), ddof=1) / 20**0.5), 20,
                              lower_is_better=True)  # fmt: skip
    assert [r.name for r in found[1:]] == [f"loss_t{k:02d}" for k in range(10)]
    assert [r.value for r in found[1:]] == [0.5 + 2 * k for k in range(10)]


def test_records_are_columns_by_their_names():
    found = evaluations.columns([Record("a", 1.0, 0.1, 5), Record("b", 2.0)])
    assert found == {"a": 1.0, "a_se": 0.1, "a_n": 5, "b": 2.0}
