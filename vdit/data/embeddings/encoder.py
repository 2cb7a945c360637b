"""A frozen text encoder of transformers', and what a trained model remembers of it."""

import dataclasses
import functools
import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from vdit.data.embeddings import files
from vdit.errors import InputError

DTYPE = np.float16  # of embeddings, stored or not
BATCH = 32  # texts at once
# How transformers and torch refuse a folder or a device.
REFUSALS = (OSError, ValueError, RuntimeError, AssertionError, ImportError)


class Network(NamedTuple):
    """An encoder in memory: transformers' network and tokenizer, and their fingerprint."""

    kind: str
    fingerprint: str
    features: int
    tokenizer: Any
    network: Any
    folder: str

    def embed(self, texts: Sequence[str], length: int) -> tuple[list[np.ndarray], int]:
        """(n, F) for each text, of its first `length` tokens, the end mark among them; and how many
        texts were cut."""
        cut = {"padding": True, "truncation": True, "max_length": length}
        found = self.tokenizer(list(texts), return_tensors="pt", **cut)
        inputs = {k: found[k].to(self.network.device) for k in ("input_ids", "attention_mask")}
        states = self.network(**inputs).last_hidden_state.cpu().numpy()
        masks = found["attention_mask"].numpy()
        embedded = [self._checked(*pair) for pair in zip(states, masks, strict=True)]
        whole = self.tokenizer(list(texts), verbose=False)["input_ids"]
        return embedded, sum(len(tokens) > length for tokens in whole)

    def _checked(self, states_SF: np.ndarray, mask_S: np.ndarray) -> np.ndarray:
        """The tokens' own, at half precision."""
        count = int(mask_S.sum())
        if not count or not mask_S[:count].all():
            raise InputError(
                f"text encoder {self.folder}: its tokenizer pads before the text or marks no end; "
                "expected tokens first, and one at least for an empty prompt"
            )
        with np.errstate(over="ignore"):  # said better below
            found = states_SF[:count].astype(DTYPE)
        if not np.isfinite(found).all():
            raise InputError(
                f"text encoder {self.folder}: an embedding that half precision cannot hold"
            )
        return found


@dataclasses.dataclass(frozen=True)
class TextEncoder:
    """How prompts are embedded: what a generator keeps in the place of a vocabulary.

    `encoder` is the kind of network, `fingerprint` that of its files, `length` the tokens S of a
    caption, `features` the numbers F of each, `empty` the empty prompt's embedding (its tokens
    alone). `folder` is where the encoder was; another place may be told, and is checked.
    """

    encoder: str
    fingerprint: str
    length: int
    features: int
    empty: tuple[tuple[float, ...], ...]
    folder: str

    @classmethod
    def of(cls, about: Mapping[str, Any]) -> "TextEncoder":
        """Of what `dataclasses.asdict` gave, read back from JSON."""
        return cls(**{**about, "empty": tuple(map(tuple, about["empty"]))})

    def embed(self, captions: Sequence[str]) -> np.ndarray:
        """(B, S, F) embeddings, zeros behind a caption's tokens; equal captions are embedded once.
        The encoder is read where it is needed first, and never for the empty prompt, whose
        embedding is at hand.

        Raises `InputError` where it is not there, is another, or cannot be run here.
        """
        found = {"": np.array(self.empty, DTYPE)}
        texts = sorted({*captions} - {*found}, key=len)  # a batch is padded to its longest
        for i in range(0, len(texts), BATCH):
            batch = texts[i : i + BATCH]
            found |= zip(batch, self.network().embed(batch, self.length)[0], strict=True)
        return np.stack([padded(found[caption], self.length) for caption in captions])

    def network(self) -> Network:
        """The encoder, checked to be the one that the captions of training were embedded by."""
        found = load(self.folder)
        self._check(found.fingerprint)
        return found

    def check(self) -> None:
        """Raises what `network` would, as far as files tell: nothing is read into memory."""
        self._check(files.fingerprint_of(files.find(self.folder)))
        check_installed()

    def _check(self, found: str) -> None:
        if found != self.fingerprint:
            raise InputError(
                f"text encoder {self.folder}: {found}, but the captions of training were embedded "
                f"by {self.fingerprint} ({self.encoder}); expected that one's folder"
            )


def padded(embedding_NF: np.ndarray, length: int) -> np.ndarray:
    """(length, F), zeros behind the tokens."""
    return np.pad(embedding_NF, [(0, length - len(embedding_NF)), (0, 0)])


@functools.lru_cache(maxsize=1)
def load(folder: str, device: str = "cpu") -> Network:
    """The encoder of a folder. Raises `InputError` for one that lacks a file or some weights, and
    where transformers or torch are not installed."""
    place = files.find(folder)
    transformers = _transformers()
    from safetensors import SafetensorError

    try:
        network, told = getattr(transformers, files.CLASSES[place.kind]).from_pretrained(
            place.network, dtype="float32", local_files_only=True, output_loading_info=True
        )
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            place.tokenizer, local_files_only=True
        )
        network = network.eval().requires_grad_(False).to(device)
    except (*REFUSALS, SafetensorError) as error:
        why = next(filter(str.strip, str(error).splitlines()), type(error).__name__)
        raise InputError(f"text encoder {folder}: cannot be read on {device} ({why})") from error
    if missing := sorted(told["missing_keys"]):  # transformers would make these up
        more = f" and {len(missing) - 1} more" if missing[1:] else ""
        raise InputError(f"text encoder {folder}: its weights lack {missing[0]}{more}")
    if tokenizer.pad_token is None:
        raise InputError(f"text encoder {folder}: its tokenizer has no pad token, expected one")
    features = network.config.hidden_size
    fingerprint = files.fingerprint_of(place)
    return Network(place.kind, fingerprint, features, tokenizer, network, folder)


def check_installed() -> None:
    """Raises `InputError` where what runs text encoders is not installed."""
    for name in ("transformers", "torch"):
        if not importlib.util.find_spec(name):
            raise InputError(f"a text encoder needs {name}: pip install 'vdit[text]'")


def _transformers() -> Any:
    check_installed()
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers
