"""What a captioner writes of held-out clips, held against the captions that they have."""

import collections
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from vdit.captioning import words
from vdit.config.model_config import CAPTIONER
from vdit.data.captions import Captioned
from vdit.data.text import split
from vdit.data.wording import Phrase, parse_caption
from vdit.errors import InputError
from vdit.evaluators import clustered
from vdit.evaluators.common import EvaluationData
from vdit.generator import Generator
from vdit.runs.evaluations import Record

ATTRIBUTES = ("size", "colour", "shape", "motion", "bar")  # of an object of the embedded world
Score = Callable[[str, str], float]


def evaluate(model: Generator, data: EvaluationData, *, clips: int, seed: int) -> list[Record]:
    """`loss` (nats a token of the given captions) and `caption_NAME`: exact (the same words),
    words (F1 of the words, whatever their order), confidence; of the embedded world number and each
    attribute, too (`of_attribute`). Means over `clips` clips that have a caption (all, where fewer
    have one), by the weights in use; `seed` is not used. Nothing of models that write no captions.
    """
    if model.config.attention != CAPTIONER or not clips:
        return []
    there = Captioned(data.validation).places
    held_out = data.clips(min(clips, len(there)), there)
    given, clusters, latents = held_out.captions, held_out.clusters, held_out.latents
    written, confidence = words.write(model, latents)
    values = {name: _scores(score, written, given) for name, score in _names(data.dataset).items()}
    found = [_record("loss", words.nats(model, latents, held_out.tokens), clusters, True)]
    found += [_record(f"caption_{name}", v, clusters, False) for name, v in values.items()]
    return [*found, _record("caption_confidence", confidence, clusters, None)]


def validation_id(meta: dict[str, Any], *, clips: int, seed: int) -> str:
    """Identity of the clips and of the tokens that `loss` is a mean over: a word and a byte pair
    are not comparable, nor are words of two vocabularies. `meta` is that of the latent cache."""
    key = meta["key"]
    tokens = [key.get("tokenizer", "words"), meta["text_length"], sorted(meta["words"])]
    text = json.dumps([key["sources"]["validation"], key["coder"], tokens, clips])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _names(dataset: str) -> dict[str, Score]:
    found: dict[str, Score] = {"exact": exact, "words": word_f1}
    if dataset == "worlds":
        found |= {"number": number}
        found |= {name: lambda w, g, n=name: of_attribute(n, w, g) for name in ATTRIBUTES}
    return found


def _scores(score: Score, written: Sequence[str], given: Sequence[str]) -> np.ndarray:
    return np.array([score(w, g) for w, g in zip(written, given, strict=True)], float)


def _record(name: str, values: np.ndarray, clusters: np.ndarray, lower: bool | None) -> Record:
    return Record(name, *clustered.mean(np.asarray(values, float), clusters), lower)


def exact(written: str, given: str) -> float:
    """1 where both have the same words in the same order."""
    return float(split(written) == split(given))


def word_f1(written: str, given: str) -> float:
    """2 shared / (words of both), words counted as often as they are there."""
    both = [collections.Counter(split(text)) for text in (written, given)]
    return 2 * (both[0] & both[1]).total() / max(1, both[0].total() + both[1].total())


def number(written: str, given: str) -> float:
    """1 where both speak of as many objects."""
    return float(len(_phrases(written)) == len(_phrases(given)))


def of_attribute(name: str, written: str, given: str) -> float:
    """Of the objects of the caption that names more, the share whose attribute is in the other,
    whichever object has it there. 0 of what is no caption of the embedded world."""
    both = [[getattr(p, name) for p in _phrases(text)] for text in (written, given)]
    shared = collections.Counter(both[0]) & collections.Counter(both[1])
    return shared.total() / max(map(len, both))


def _phrases(caption: str) -> list[Phrase]:
    try:
        return parse_caption(caption)
    except InputError:
        return []
