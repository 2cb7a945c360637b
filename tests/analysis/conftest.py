"""What the frontier tells of a table is found out once, where many tests ask for it."""

import pickle

import pytest

from analysis.frontier import forecast

KEPT = {}


@pytest.fixture
def kept_outlooks(monkeypatch):
    """For tests that put nothing in the place of its parts: it hangs on its arguments alone."""
    found = forecast.outlook

    def outlook(*arguments):
        key = pickle.dumps(arguments)
        return KEPT[key] if key in KEPT else KEPT.setdefault(key, found(*arguments))

    monkeypatch.setattr(forecast, "outlook", outlook)
