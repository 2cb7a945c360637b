"""A text encoder's folder: what lies in it, and which bytes make it the encoder that it is."""

import functools
import hashlib
import json
import pathlib
from typing import NamedTuple

from vdit.errors import InputError
from vdit.runs.files import read_json

CONFIG = "config.json"
# Kinds, by the `model_type` of their config, and transformers' classes of them.
CLASSES = {
    "t5": "T5EncoderModel",
    "umt5": "UMT5EncoderModel",
    "clip": "CLIPTextModel",
    "clip_text_model": "CLIPTextModel",
}
# Of each pair what is read where both are there: transformers reads the first.
WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
TOKENIZERS = ("tokenizer.json", "spiece.model", "vocab.json")
MORE = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "merges.txt")


class Place(NamedTuple):
    """Folders of a network and of its tokenizer, often the same; the network's kind."""

    network: pathlib.Path
    tokenizer: pathlib.Path
    kind: str

    @property
    def files(self) -> list[pathlib.Path]:
        """All that decides what a text becomes."""
        names = (*TOKENIZERS, *MORE)
        words = (self.tokenizer / name for name in names if (self.tokenizer / name).is_file())
        return [self.network / CONFIG, *_weights(self.network), *words]


def find(folder: str) -> Place:
    """Where things are in a folder of transformers', or in one of diffusers' that has a
    `text_encoder` and a `tokenizer`. Raises `InputError` for one that lacks a file."""
    root = pathlib.Path(folder)
    parts = root / "text_encoder", root / "tokenizer"
    network, tokenizer = parts if parts[0].is_dir() else (root, root)
    if not (network / CONFIG).is_file():
        raise InputError(
            f"text encoder {network}: no {CONFIG}; expected a folder of transformers' T5, UMT5 or "
            "CLIP, with its tokenizer"
        )
    kind = read_json(network / CONFIG, "a text encoder's config").get("model_type")
    if kind not in CLASSES:
        raise InputError(f"text encoder {network}: {kind!r}, expected one of {', '.join(CLASSES)}")
    if not _weights(network):
        raise InputError(f"text encoder {network}: no weights ({' or '.join(WEIGHTS)})")
    _check_shards(network)
    if not any((tokenizer / name).is_file() for name in TOKENIZERS):
        names = " or ".join(TOKENIZERS)
        raise InputError(f"text encoder {tokenizer}: no tokenizer ({names})")
    return Place(network, tokenizer, kind)


def fingerprint_of(place: Place) -> str:
    """Identity of an encoder: 12 hex digits of the SHA-256 of its files and their names."""
    stats = [(path, path.stat()) for path in place.files]
    found = [[path.name, _digest(path, stat.st_size, stat.st_mtime_ns)] for path, stat in stats]
    return hashlib.sha256(json.dumps([place.kind, found]).encode()).hexdigest()[:12]


@functools.lru_cache(maxsize=64)
def _digest(path: pathlib.Path, _size: int, _mtime_ns: int) -> str:
    """Once for a process: every run of a sweep asks, and weights are gigabytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _weights(network: pathlib.Path) -> list[pathlib.Path]:
    return next(filter(None, (sorted(network.glob(name)) for name in WEIGHTS)), [])


def _check_shards(network: pathlib.Path) -> None:
    """Large weights lie in several files, which an index names."""
    for index in network.glob("*.index.json"):
        names = set(read_json(index, "an index of weights").get("weight_map", {}).values())
        for name in sorted(names):
            if not (network / name).is_file():
                raise InputError(f"text encoder {network}: no {name}, which {index.name} names")
