"""The goals measured in the time there is, the most telling cases first."""

import time
from collections.abc import Callable, Iterator

from vdit.benchmark.cases import Case
from vdit.errors import InputError

ROUNDS = 5  # of a case, to see more of them
EACH_S = 50.0  # what a case is taken to need, compiling included, until the first has shown it
NAMED = ("case", "attention", "remat", "dtype", "batch")
MACHINE = ("device", "num_devices", "jax_version")


def forecast(cases: list[Case], kept: list[dict], minutes: float) -> str:
    """One line, beforehand: how many cases are left, and about how long they take."""
    left = sum(find(case, kept) is None for case in cases)
    needed, fit = left * EACH_S / 60, int(minutes * 60 / EACH_S)
    return (
        f"{len(cases)} cases, {len(cases) - left} measured before; {left} of about {EACH_S:.0f} s "
        f"each: {needed:.0f} min, of which --minutes {minutes:g} allows the first {min(left, fit)}"
    )


def measured(
    cases: list[Case], kept: list[dict], minutes: float, measure: Callable[[Case], dict]
) -> Iterator[dict]:
    """The rows kept, then that of each case without; none begins that would not end in time."""
    yield from kept
    began, each = time.perf_counter(), EACH_S
    for case in cases:
        if find(case, kept):
            continue
        start = time.perf_counter()
        if start - began + each <= 60 * minutes:
            yield measure(case)
            each = time.perf_counter() - start


def find(case: Case, rows: list[dict]) -> dict | None:
    """Its row among them."""
    model = case.model
    name = dict(
        zip(NAMED, (case.name, model.attention, model.remat, model.dtype, case.batch), strict=True)
    )
    return next((row for row in rows if name.items() <= row.items()), None)


def check_machine(rows: list[dict], here: dict, path: str) -> None:
    """Raises `InputError` for rows of another machine: they are no part of the same table."""
    for row in rows:
        there = {key: row.get(key) for key in MACHINE}
        if there != {key: here[key] for key in MACHINE}:
            words = "{num_devices} x {device}, JAX {jax_version}"
            raise InputError(
                f"--out {path} has rows of {words.format(**there)}; here is "
                f"{words.format(**here)}: expected another file"
            )
