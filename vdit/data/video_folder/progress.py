"""A bar for long work."""

from collections.abc import Iterable

import tqdm


def progress(items: Iterable | None, label: str, unit: str, total: int | None = None) -> tqdm.tqdm:
    """A bar that is gone when the work is done."""
    return tqdm.tqdm(items, desc=label, unit=unit, total=total, leave=False)
