"""A generator's files back to a generator, with the weights of any checkpoint."""

import pathlib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from vdit.autoencoders.autoencoder import read as read_autoencoder
from vdit.config import versions
from vdit.config.model_config import ModelConfig
from vdit.data.statistics import LatentStatistics
from vdit.data.text import Vocabulary
from vdit.generator.generator import AUTOENCODER, FILE, FOLDER, WEIGHTS, Generator, Weights
from vdit.models import dit
from vdit.runs import digests
from vdit.runs.files import DamagedFileError, read_json
from vdit.runs.weights import load_weights

if TYPE_CHECKING:
    from vdit.data.byte_pairs import BytePairs
    from vdit.data.embeddings.encoder import TextEncoder


def read(folder: str | pathlib.Path, verify: bool = True) -> Generator:
    """What `Generator.save` wrote, its weights as they are there; None where none are, or damaged
    ones, which are named on stderr.

    `verify` checks the digests of its files. Raises `DamagedFileError` where another file is
    damaged.
    """
    folder = pathlib.Path(folder)
    damaged = digests.damaged(folder) if verify else []
    for name in set(damaged) - {WEIGHTS}:
        raise DamagedFileError(f"{folder / name}: damaged or missing")
    found = _without_weights(folder)
    if not (folder / WEIGHTS).exists() and not damaged:
        return found
    shapes, step = dit.weight_shapes(found.config), jax.ShapeDtypeStruct((), np.int32)
    try:
        if damaged:
            raise DamagedFileError(f"{folder / WEIGHTS}: damaged or missing")
        stored = load_weights(folder / WEIGHTS, {"params": shapes, "ema": shapes, "step": step})
    except DamagedFileError as error:
        print(f"{error}; the newest checkpoint is read instead", file=sys.stderr, flush=True)
        return found
    return found.with_weights(stored["params"], stored["ema"], int(stored["step"]))


def _without_weights(folder: pathlib.Path) -> Generator:
    about = read_json(folder / FILE, "what Generator.save wrote")
    versions.format_of(about, folder / FILE)
    words = about["vocabulary"]
    return Generator(
        config=ModelConfig(**{k: _tupled(v) for k, v in about["config"].items()}),
        settings=about["settings"],
        video=tuple(about["video"]),
        autoencoder=read_autoencoder(folder / AUTOENCODER),
        statistics=LatentStatistics(**about["statistics"]),
        vocabulary=words and vocabulary_of(words),
        fps=about.get("fps"),
    )


def vocabulary_of(about: dict[str, Any]) -> "Vocabulary | BytePairs | TextEncoder":
    """The words, byte pairs or text encoder that `Generator.save` wrote."""
    if "encoder" in about:
        from vdit.data.embeddings.encoder import TextEncoder

        return TextEncoder.of(about)
    if "tokenizer" in about:
        from vdit.data.byte_pairs import BytePairs  # and with it tokenizers

        return BytePairs(**about)
    return Vocabulary(**{k: _tupled(v) for k, v in about.items()})


def load(
    folder: str | pathlib.Path,
    older: Callable[[pathlib.Path], Generator],
    step: int | None = None,
    weights: Weights = "ema",
    verify: bool = True,
) -> Generator:
    """What `vdit.load` gives; `older` makes a generator of a run from before runs had one."""
    folder = pathlib.Path(folder)
    place = place_of(folder)
    found = read(place, verify) if place else older(folder)
    return at_step(found, folder, step, weights, verify)


def place_of(folder: str | pathlib.Path) -> pathlib.Path | None:
    """Where a generator's files lie: in the folder, or in a run folder's generator/; or None."""
    folder = pathlib.Path(folder)
    places = (folder, folder / FOLDER)
    return next((place for place in places if (place / FILE).exists()), None)


def at_step(
    found: Generator,
    folder: str | pathlib.Path,
    step: int | None,
    weights: Weights = "ema",
    verify: bool = True,
) -> Generator:
    """With the weights of a step of a run folder: by default those it has, else those of the newest
    whole checkpoint.

    Raises `InputError` where there is none of that step, `DamagedFileError` where it is damaged.
    """
    found = found.using(weights)
    if found.params is None or step not in (None, found.step):
        from vdit.runs.checkpoint import read_weights  # and with it Orbax

        shapes = dit.weight_shapes(found.config)
        step, stored = read_weights(folder, shapes, step, verify)
        found = found.with_weights(**stored, step=step)
    return found


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
