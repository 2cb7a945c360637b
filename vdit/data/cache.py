"""What lies in a latent cache: clips and captions as ArrayRecord, and what they mean.

A cache is a folder: `meta.json` (shape, counts, statistics, words), which a digest covers;
`validation.array_record`; and the parts of the train split (`vdit.config.stream`), of which the
first, `train.array_record`, gives statistics and words to all. ArrayRecord hashes its own content.
"""

import contextlib
import functools
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from array_record.python.array_record_module import ArrayRecordReader

from vdit.data.byte_pairs import BytePairs
from vdit.data.embeddings.encoder import TextEncoder
from vdit.data.statistics import LatentStatistics
from vdit.data.text import Vocabulary
from vdit.errors import InputError
from vdit.runs import digests
from vdit.runs.files import DamagedFileError, read_json

META = "meta.json"
IN_MEMORY_BYTES = 2 << 30  # larger files are read from disk, record by record


class Records:
    """The records of one split: `rows(indices)` gives normalised latents and captions.

    Latents are float32 (B, T, H, W, C) of about zero mean and unit variance per channel; captions
    are int32 tokens (B, S) or float embeddings (B, S, F). Clips from len(self) on are those of
    further parts, which are opened when they are come to; two are held, each in memory where it has
    up to `in_memory` bytes, by default IN_MEMORY_BYTES. `meta` says what records of another shape
    and number hold, else the cache's does. Raises `DamagedFileError` for a file that
    is not what was written.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        split: str,
        in_memory: int | None = None,
        meta: dict[str, Any] | None = None,
    ):
        self.folder, self.split = pathlib.Path(folder), split
        self.meta = meta or read_meta(folder)
        self._in_memory = IN_MEMORY_BYTES if in_memory is None else in_memory
        self._part = functools.lru_cache(maxsize=2)(self._open)  # a batch may lie across two
        self._part(0)  # damage is told before a run begins
        # One number for each of a clip's: NumPy's loops over few channels take twice the time.
        self._statistics = LatentStatistics(
            *(np.full(self.meta["shape"], x, np.float32) for x in statistics(self.meta))
        )

    def __len__(self) -> int:
        return self.meta[self.split]

    def __repr__(self) -> str:
        return f"{self.folder.name}/{self.split}"

    def rows(self, indices: Any) -> dict[str, np.ndarray]:
        raw = self._read(indices)
        latent = self._statistics.normalise(raw["latent"].astype(np.float32))
        return {"latent": latent, "caption": raw["caption"]}

    def captions(self, indices: Any) -> np.ndarray:
        """Those of `rows`; latents are left as they are."""
        return self._read(indices)["caption"]

    def _read(self, indices: Any) -> np.ndarray:
        parts, places = np.divmod(np.asarray(indices), len(self))
        if (parts == parts[0]).all():
            return self._part(int(parts[0])).read(places)
        pairs = zip(parts, places, strict=True)
        return np.concatenate([self._part(int(part)).read([place]) for part, place in pairs])

    def _open(self, part: int) -> "_RecordFile":
        path = record_file(self.folder, self.split, part)
        return _RecordFile(path, record_dtype(self.meta), len(self), self._in_memory)


class _RecordFile:
    """`count` records of one kind, held in memory where they have up to `in_memory` bytes."""

    def __init__(self, path: pathlib.Path, dtype: np.dtype, count: int, in_memory: int):
        self._path, self._dtype, self._all = path, dtype, None
        with _damage_named(path):
            self._reader = ArrayRecordReader(str(path))
            if (found := self._reader.num_records()) != count:
                raise ValueError(f"{found} records, expected {count}")
            if count * dtype.itemsize <= in_memory:
                self._all = self._parse(self._reader.read_all())

    def read(self, places: Any) -> np.ndarray:
        if self._all is not None:
            return self._all[places]
        with _damage_named(self._path):
            return self._parse(self._reader.read(np.asarray(places).tolist()))

    def _parse(self, blobs: list[bytes]) -> np.ndarray:
        return np.frombuffer(b"".join(blobs), self._dtype)


@contextlib.contextmanager
def _damage_named(path: pathlib.Path) -> Iterator[None]:
    """ArrayRecord's errors, and those of records of another size, as one that names the file."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        why = str(error).partition("\n")[0]
        raise DamagedFileError(f"{path}: damaged ({why}); {_remedy(path.parent)}") from error


def _remedy(folder: pathlib.Path) -> str:
    return f"delete the folder {folder} and it is made again"


def record_file(folder: pathlib.Path, split: str, part: int = 0) -> pathlib.Path:
    """Where the records of a part of a split are."""
    return folder / f"{split}{f'_{part}' if part else ''}.array_record"


def read_meta(folder: str | pathlib.Path) -> dict[str, Any]:
    """What a cache holds: shape, counts, statistics, words. Raises `DamagedFileError`."""
    folder = pathlib.Path(folder)
    try:
        digests.check(folder)
        return read_json(folder / META, "what a latent cache holds")
    except InputError as error:
        raise DamagedFileError(f"{error}; {_remedy(folder)}") from error


def statistics(meta: dict[str, Any]) -> LatentStatistics:
    """Mean and standard deviation of each channel, over the first part of the train split."""
    return LatentStatistics(meta["mean"], meta["std"])


def vocabulary(meta: dict[str, Any]) -> Vocabulary | BytePairs | TextEncoder | None:
    """What a cache's captions were tokenised or embedded with; None of given embeddings."""
    if "encoder" in meta:
        return TextEncoder.of(meta["encoder"])
    if meta["text_features"]:
        return None
    if "tokenizer" in meta:
        return BytePairs(meta["tokenizer"], meta["text_length"])
    return Vocabulary(tuple(meta["words"]), meta["text_length"], meta.get("whole", False))


def record_dtype(meta: dict[str, Any]) -> np.dtype:
    """The bytes of one record of a cache."""
    length, features = meta["text_length"], meta["text_features"]
    caption = ("caption", "<f2", (length, features)) if features else ("caption", "<i4", (length,))
    return np.dtype([("latent", "<f2", tuple(meta["shape"])), caption])
