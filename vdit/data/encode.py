"""Clips of a source to a file of encoded records, on the disk when it is done."""

import collections
import concurrent.futures
import pathlib
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from array_record.python.array_record_module import ArrayRecordWriter
from tqdm import tqdm

from vdit.autoencoders.autoencoder import Autoencoder
from vdit.data.byte_pairs import BytePairs
from vdit.data.cache import record_dtype, vocabulary
from vdit.data.embeddings.folder import Embeddings
from vdit.data.sources import Source
from vdit.data.text import UNKNOWN, Vocabulary
from vdit.errors import InputError
from vdit.runs.files import sync

BATCH = 64
# Compression would save 8 % of the disk, as latents are nearly noise, and double the time to read.
OPTIONS = "group_size:1,uncompressed"

Words = Vocabulary | BytePairs | Embeddings


def encode(
    path: pathlib.Path,
    source: Source,
    clips: Sequence[int],
    autoencoder: Autoencoder,
    meta: dict[str, Any],
) -> tuple[np.ndarray, np.ndarray]:
    """Writes the latents and captions of these clips, as `meta` has them; returns the mean and
    standard deviation of each latent channel. Raises `InputError` where the disk is full."""
    dtype, words = record_dtype(meta), getattr(source, "embeddings", None) or vocabulary(meta)
    writer = ArrayRecordWriter(str(path), OPTIONS)
    total, square, count = 0.0, 0.0, 0
    counted = collections.Counter()
    many = -(-len(clips) // BATCH)
    for items in tqdm(_chunks(source, clips), f"encoding {path.stem}", many):
        latent = autoencoder.encode(np.stack([item["video"] for item in items]))
        records = np.zeros(len(items), dtype)
        records["latent"] = latent
        records["caption"] = [
            item["embedding"] if words is None else words.encode(item["caption"]) for item in items
        ]
        counted.update(_counted(items, words))
        for record in records:
            writer.write(record.tobytes())
        flat = latent.reshape(-1, latent.shape[-1]).astype(np.float64)
        total, square, count = total + flat.sum(0), square + (flat**2).sum(0), count + len(flat)
    _close(writer, path)
    sync(path)
    if counted["cut"] or counted["unknown"]:
        print(_losses(path.stem, counted, words), file=sys.stderr, flush=True)
    mean = total / count
    return mean, np.sqrt(np.maximum(square / count - mean**2, 1e-12))


def _close(writer: ArrayRecordWriter, path: pathlib.Path) -> None:
    """It tells here, and not before, of what it could not write."""
    try:
        writer.close()
    except RuntimeError as error:
        why = str(error).partition(";")[0]
        raise InputError(f"{path}: cannot be written: {why}") from error


def _counted(items: list[dict[str, Any]], words: Words | None) -> dict[str, int]:
    """Captions and those that are cut, tokens and those that are unknown; none of embeddings."""
    if not isinstance(words, Vocabulary | BytePairs):
        return {}
    tokens = [words.tokens(item["caption"]) for item in items]
    return {
        "captions": len(tokens),
        "cut": sum(len(caption) > words.length for caption in tokens),
        "tokens": sum(map(len, tokens)),
        "unknown": sum(caption.count(UNKNOWN) for caption in tokens),
    }


def _losses(name: str, counted: dict[str, int], words: Words) -> str:
    """One line: what of the captions no model can read."""
    cut, unknown = counted["cut"] / counted["captions"], counted["unknown"] / counted["tokens"]
    return (
        f"{name}: {cut:.1%} of captions are longer than data.text_length={words.length} tokens and "
        f"cut; {unknown:.1%} of tokens are unknown (data.words={len(words.words)})"
    )


def _chunks(source: Source, clips: Sequence[int]) -> Iterator[list[dict[str, Any]]]:
    """Lists of items; the next ones are made while the present ones are encoded."""
    starts = range(0, len(clips), BATCH)

    def read(start):
        return [source[i] for i in clips[start : start + BATCH]]

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        ahead = pool.submit(read, 0)
        for start in starts:
            items = ahead.result()
            ahead = pool.submit(read, start + BATCH)
            yield items
