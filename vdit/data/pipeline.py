"""Grain: seeded shuffle, repeat, global batches, each process its rows, prefetched to the devices.

An element of the Grain data set is a batch, its clips found by Grain's index shuffle: every process
knows the whole batch and reads only its own rows, so two processes see the batches of one, and a
batch of tiny clips does not cost eight times the overhead of one.
"""

import functools
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import grain
import jax
import numpy as np

from vdit.config import mixture
from vdit.data.sources import Source
from vdit.errors import InputError

Rows = Callable[[int], dict[str, np.ndarray]]  # of the batch of that number


class Records(Protocol):
    """Random access to examples, many at a time."""

    def __len__(self) -> int: ...

    def rows(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """Arrays whose first axis is that of the indices."""


class VideoRecords:
    """The videos of a source as records for `batches`: uint8 (B, T, H, W, 3)."""

    def __init__(self, source: Source):
        self.source = source

    def __len__(self) -> int:
        return len(self.source)

    def rows(self, indices: Iterable[int]) -> dict[str, np.ndarray]:
        return {"video": np.stack([self.source[int(i)]["video"] for i in indices])}


class Stream(NamedTuple):
    """Examples of another shape beside a run's own: `batch` a step, in `share` of the steps
    (`vdit.config.mixture`), over `epochs` of each part of their own stream."""

    records: Records
    batch: int
    share: float
    epochs: int = 0


def batches(
    records: Records,
    batch: int,
    seed: int,
    sharding: jax.sharding.Sharding,
    place: bool = True,
    epochs: int = 0,
    beside: Sequence[Stream] = (),
) -> grain.IterDataset:
    """An endless Grain dataset of batches (dicts of arrays) that lie on the devices.

    Args:
      records: the examples; their length is that of an epoch, over one part of the stream.
      batch: examples a step, over all processes.
      seed: fixes the order; every epoch is shuffled anew.
      sharding: of the first axis of every array.
      place: False leaves the rows on the host, for who stacks several batches first.
      epochs: over each part of the stream (`vdit.config.stream`); 0: over the first for ever.
      beside: whose batches stand in for those of `records` at some steps, each in its own order.
    """
    read = _reader(records, batch, seed, sharding, epochs)
    if beside:
        others = [
            _reader(s.records, s.batch, _order_seed(seed, place), sharding, s.epochs)
            for place, s in enumerate(beside, 1)
        ]
        own = 1 - sum(stream.share for stream in beside)
        shares = (own, *(stream.share for stream in beside))
        read = functools.partial(_of_one, readers=(read, *others), shares=shares)
    rows = (
        grain.MapDataset.range(sys.maxsize // batch)
        .map(read)
        .to_iter_dataset(grain.ReadOptions(num_threads=1, prefetch_buffer_size=8))
    )
    # No way to go: a second thread would cost half the reading.
    if not place or _is_lone_cpu(sharding):
        return rows
    return rows.map(lambda rows: to_devices(rows, sharding)).pipe(
        grain.experimental.ThreadPrefetchIterDataset, prefetch_buffer_size=2
    )


def _reader(
    records: Records, batch: int, seed: int, sharding: jax.sharding.Sharding, epochs: int
) -> Rows:
    """This process's rows of batch i of the records."""
    if len(records) < 1:
        raise InputError(f"{records}: no training clips")
    mine = rows_of_this_process(batch, sharding)
    return lambda i: records.rows(clips_of_batch(i, batch, len(records), seed, epochs)[mine])


def _of_one(step: int, readers: Sequence[Rows], shares: Sequence[float]) -> dict[str, np.ndarray]:
    """The batch of a step: the next one of its shape."""
    part, number = mixture.turn(step, shares)
    return readers[part](number)


def _is_lone_cpu(sharding: jax.sharding.Sharding) -> bool:
    return len(sharding.device_set) == 1 and jax.default_backend() == "cpu"


def clips_of_batch(i: int, batch: int, count: int, seed: int, epochs: int = 0) -> np.ndarray:
    """(batch,) indices of batch i: an epoch is `count` clips of a part, in an order of its own."""
    places = range(i * batch, (i + 1) * batch)
    return np.array([_clip(place, count, seed, epochs) for place in places])


def _clip(place: int, count: int, seed: int, epochs: int) -> int:
    """The clip at a place of the stream; see `vdit.config.stream`."""
    epoch, place = divmod(place, count)
    part = epoch // epochs if epochs else 0
    order = _order_seed(seed, epoch)
    return part * count + grain.experimental.index_shuffle(place, count - 1, order, 4)


@functools.lru_cache(maxsize=128)
def _order_seed(seed: int, epoch: int) -> int:
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])


def to_devices(
    rows: Mapping[str, np.ndarray], sharding: jax.sharding.Sharding
) -> dict[str, jax.Array]:
    """This process's rows as part of global arrays.

    A lone CPU is handed the rows as they are: its memory is the host's, and placing two small
    arrays costs half a millisecond, 5 % of a tiny model's step.
    """
    if _is_lone_cpu(sharding):
        return dict(rows)
    return {k: jax.make_array_from_process_local_data(sharding, v) for k, v in rows.items()}


def rows_of_this_process(batch: int, sharding: jax.sharding.Sharding) -> slice:
    """The rows of a batch that lie on this process's devices: no other is read here."""
    parts = [
        rows.indices(batch)
        for (rows,) in sharding.addressable_devices_indices_map((batch,)).values()
    ]
    return slice(min(part[0] for part in parts), max(part[1] for part in parts))
