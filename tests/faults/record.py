"""Rows of the table of faults: what was done, how often, what happened, and the command."""

import csv
from pathlib import Path

COLUMNS = ("row", "what was done", "n", "what happened", "command")


def record(path: str | None, row: str, done: str, n: int, happened: str, command: str) -> None:
    """Prints a row, and appends it to a CSV file where one is named."""
    print(f"{row}: {done}; n={n}: {happened}")
    if not path:
        return
    is_new = not Path(path).exists()
    with open(path, "a", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([COLUMNS] * is_new + [(row, done, n, happened, command)])
