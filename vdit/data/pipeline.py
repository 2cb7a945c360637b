"""Grain: seeded shuffle, repeat, global batches, each process its rows, prefetched to the devices.

The order is made of indices alone, so every process knows the whole batch and reads only its own
rows: two processes see the batches of one.
"""

from collections.abc import Mapping

import grain
import jax
import numpy as np

from vdit.errors import InputError


def batches(records, batch: int, seed: int, sharding: jax.sharding.Sharding) -> grain.IterDataset:
    """An endless Grain dataset of batches (dicts of arrays) that lie on the devices.

    Args:
      records: `len(records)` and `records.rows(indices) -> dict of arrays`, first axis = rows.
      batch: examples a step, over all processes.
      seed: fixes the order; every epoch is shuffled anew.
      sharding: of the first axis of every array.
    """
    if len(records) < 1:
        raise InputError(f"{records}: no training clips")
    mine = _rows_of_this_process(batch)
    return (
        grain.MapDataset.range(len(records))
        .seed(seed)
        .shuffle()
        .repeat()
        .batch(batch, drop_remainder=True)
        .map(lambda indices: records.rows(indices[mine]))
        .to_iter_dataset(grain.ReadOptions(num_threads=1, prefetch_buffer_size=8))
        .map(lambda rows: to_devices(rows, sharding))
        .pipe(grain.experimental.ThreadPrefetchIterDataset, prefetch_buffer_size=2)
    )


def to_devices(rows: Mapping[str, np.ndarray], sharding) -> dict[str, jax.Array]:
    """This process's rows as part of global arrays."""
    return {k: jax.make_array_from_process_local_data(sharding, v) for k, v in rows.items()}


def _rows_of_this_process(batch: int) -> slice:
    count, index = jax.process_count(), jax.process_index()
    if batch % count:
        raise InputError(f"batch {batch} does not divide over {count} processes")
    return slice(index * batch // count, (index + 1) * batch // count)
