"""A folder of embeddings, as `vdit.embed` leaves it.

`embeddings.json` says of which captions, by which encoder; `keys.npy` has a key for each distinct
caption, in order; NAME.array_record the embeddings of SHARD captions from the NAME-th key on: of
each its tokens alone, whose number is thus kept, at half precision.
"""

import functools
import hashlib
import pathlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from array_record.python.array_record_module import ArrayRecordReader
from ml_collections import ConfigDict

from vdit.config import embeddings
from vdit.data.embeddings.encoder import DTYPE, TextEncoder, padded
from vdit.data.sources import Source
from vdit.errors import InputError
from vdit.runs.files import DamagedFileError

KEYS, SHARD = "keys.npy", 1024
OPEN = 64  # shards that are held open


def keys_of(texts: Iterable[str]) -> np.ndarray:
    """(M,) uint64: of each text the first 8 bytes of its SHA-256."""
    digests = [hashlib.sha256(text.encode()).digest()[:8] for text in texts]
    return np.frombuffer(b"".join(digests), ">u8").astype(np.uint64)


def shard_name(first: int) -> str:
    """The name of the shard that begins with the key of that number."""
    return f"{first:09d}"


class Embeddings:
    """`encode(caption)` is (S, F), zeros behind its tokens; raises `InputError` for a caption that
    was not embedded, `DamagedFileError` for a file that is not what was written."""

    def __init__(self, data: Any):
        self._folder, self.about = pathlib.Path(data.embeddings), embeddings.about(data)
        self.fingerprint, self.length = self.about["fingerprint"], self.about["length"]
        self._keys = _keys(self._folder, self.about["keys"])
        self._shard = functools.lru_cache(maxsize=OPEN)(self._open)

    @property
    def encoder(self) -> TextEncoder:
        """What a generator remembers of them."""
        empty = tuple(map(tuple, self._tokens("").astype(float).tolist()))
        kept = {key: self.about[key] for key in ("encoder", "length", "features")}
        where = {"fingerprint": self.about["encoder_fingerprint"], "folder": self.about["folder"]}
        return TextEncoder(empty=empty, **kept, **where)

    def encode(self, caption: str) -> np.ndarray:
        """Of one caption."""
        return padded(self._tokens(caption), self.length)

    def _tokens(self, caption: str) -> np.ndarray:
        key = keys_of([caption])[0]
        place = int(np.searchsorted(self._keys, key))
        if place == len(self._keys) or self._keys[place] != key:
            raise InputError(
                f"data.embeddings {self._folder}: none of {caption!r}; python -m vdit.embed writes "
                "those of this data set, of as many clips as --config.steps takes"
            )
        shard, row = place - place % SHARD, place % SHARD
        try:
            (record,) = self._shard(shard).read([row])
        except (RuntimeError, ValueError, IndexError) as error:
            path = self._folder / f"{shard_name(shard)}.array_record"
            raise DamagedFileError(f"{path}: damaged; delete the folder, run vdit.embed") from error
        return np.frombuffer(record, DTYPE).reshape(-1, self.about["features"])

    def _open(self, first: int) -> ArrayRecordReader:
        return ArrayRecordReader(str(self._folder / f"{shard_name(first)}.array_record"))


def _keys(folder: pathlib.Path, expected: str) -> np.ndarray:
    try:
        found = np.load(folder / KEYS)
    except (OSError, ValueError, EOFError) as error:
        raise DamagedFileError(f"{folder / KEYS}: damaged or missing") from error
    if digest(found) != expected:
        raise DamagedFileError(f"{folder / KEYS}: damaged, expected what vdit.embed wrote")
    return found


def digest(keys: np.ndarray) -> str:
    """Identity of a set of captions, by their keys in order."""
    return hashlib.sha256(keys.tobytes()).hexdigest()[:12]


class Embedded:
    """A source whose captions have embeddings; all else is as in the source inside."""

    def __init__(self, source: Source, data: ConfigDict):
        self._source, self.embeddings = source, Embeddings(data)
        text = f"{source.fingerprint} {self.embeddings.fingerprint}"
        self.fingerprint = hashlib.sha256(text.encode()).hexdigest()[:12]

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self._source[index]

    def __getattr__(self, name: str) -> Any:
        if name == "_source":  # a copy is being made: there is none yet
            raise AttributeError(name)
        return getattr(self._source, name)
