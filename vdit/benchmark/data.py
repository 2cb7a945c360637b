"""The data's way to the step, alone: what it brings, against what the fastest step eats."""

import json
import os
import pathlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator

import jax
import ml_collections
import numpy as np
from array_record.python.array_record_module import ArrayRecordWriter

from vdit.benchmark import cases, ingest
from vdit.benchmark.step import Step
from vdit.data import pipeline, sources
from vdit.data.cache import Records, record_dtype
from vdit.data.encode import OPTIONS
from vdit.data.pipeline import VideoRecords
from vdit.parallel import sharding

FASTEST = "w20d2"  # of the demo's sizes
CLIPS = 4096
PIXELS = {"num_frames": 9, "height": 32, "width": 32}  # the demo's
ROUNDS, ROUND_S = 5, 1.0


def measured(videos: pathlib.Path | None) -> Iterator[dict]:
    """Rows of the table; of a folder of videos, too, where one is given.

    `per_s` is of the clock; `per_core_s` of seconds of computing, over all threads: the pipeline
    shares its cores with the step. The ratio is that of `per_core_s` to the step's clips/s on all
    cores; with videos, that of prepared frames to decoded ones, by the clock.
    """
    step = Step(cases.demo(FASTEST))
    eats = _rate(step.run, cases.DEMO_BATCH)
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, records in _records(root, videos):
            yield _against_step(name, records, eats)
        if videos:
            yield _machine() | ingest.measured(videos, root, ROUNDS)


def _records(
    root: pathlib.Path, videos: pathlib.Path | None
) -> Iterator[tuple[str, pipeline.Records]]:
    cache = _cache(root / "latents")
    yield "latents in memory", Records(cache, "train")
    yield "latents from disk", Records(cache, "train", in_memory=0)
    data = ml_collections.ConfigDict(PIXELS | {"train_clips": CLIPS, "seed": 0, "name": "worlds"})
    yield "pixels of the embedded world", VideoRecords(sources.open_source(data, "train"))
    if videos:
        shape = {"frames": PIXELS["num_frames"], "size": PIXELS["height"]}
        data.update(name="video_folder", dir=str(ingest.prepare(videos, root / "folder", **shape)))
        data.train_clips = 0  # all
        yield "pixels of a prepared folder", VideoRecords(sources.open_source(data, "train"))


def _cache(folder: pathlib.Path) -> pathlib.Path:
    """Made-up latents as a cache has them."""
    model = cases.DEMO
    folder.mkdir()
    meta = {"shape": model.latent, "text_length": model.text_length, "text_features": 0}
    meta |= {"train": CLIPS, "mean": [0.1] * model.latent[-1], "std": [1.1] * model.latent[-1]}
    (folder / "meta.json").write_text(json.dumps(meta))
    records = np.zeros(CLIPS, record_dtype(meta))
    records["latent"] = np.random.default_rng(0).standard_normal(records["latent"].shape)
    writer = ArrayRecordWriter(str(folder / "train.array_record"), OPTIONS)
    for record in records:
        writer.write(record.tobytes())
    writer.close()
    return folder


def _against_step(
    name: str, records: pipeline.Records, eats: Callable[[], tuple[float, float]]
) -> dict:
    """The pipeline and the step in turns, in rounds of about a second."""
    place = sharding.batch_sharding(sharding.make_mesh({"data": -1}, cases.DEMO_BATCH))
    data = iter(pipeline.batches(records, cases.DEMO_BATCH, 0, place))

    def take(batches: int) -> None:
        for _ in range(batches):
            next(data)

    brings = _rate(take, cases.DEMO_BATCH)
    rounds = [(*brings(), eats()[0]) for _ in range(ROUNDS)]
    data.close()
    clock, core, step = (statistics.median(column) for column in zip(*rounds, strict=True))
    row = {"what": name, "unit": "clips", "per_s": clock, "per_core_s": core}
    row |= {"against": f"step of {FASTEST}", "against_per_s": step}
    return _machine() | row | ingest.ratios([core / step for _, core, step in rounds])


def _rate(run: Callable[[int], object], batch: int) -> Callable[[], tuple[float, float]]:
    """Clips a second of the clock, and of computing, over rounds of `run(batches)`."""

    def seconds(batches: int) -> tuple[float, float]:
        began = time.perf_counter(), time.process_time()
        run(batches)
        return time.perf_counter() - began[0], time.process_time() - began[1]

    seconds(20)
    batches = max(1, round(20 * ROUND_S / seconds(20)[0]))
    return lambda: tuple(batches * batch / s for s in seconds(batches))


def _machine() -> dict:
    device = jax.devices()[0].device_kind
    return {"device": device, "cores": os.cpu_count(), "jax_version": jax.__version__}
