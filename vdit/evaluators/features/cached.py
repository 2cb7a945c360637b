"""Features that are found once: kept by the content of the videos and the extractor's identity."""

import hashlib
import pathlib
from collections.abc import Callable

import numpy as np

from vdit.evaluators.features import Extractor
from vdit.runs.files import DamagedFileError, whole_file

FOLDER = "features"  # in the folder of what they are kept beside


def content_of(array: np.ndarray) -> str:
    """The identity of videos or prompts, by shape and bytes: 64 hex digits."""
    return hashlib.sha256(repr(array.shape).encode() + array.tobytes()).hexdigest()


def of_last(find: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """The same, that remembers what it found of the videos asked for last."""
    known: dict[str, np.ndarray] = {}

    def found(videos: np.ndarray) -> np.ndarray:
        content = content_of(videos)
        if content not in known:
            known.clear()
            known[content] = find(videos)
        return known[content]

    return found


def cached(
    folder: pathlib.Path | None, extractor: Extractor, content: str, find: Callable[[], np.ndarray]
) -> np.ndarray:
    """(B, d) of the videos with that `content`: read from the folder, else found and kept.

    Without a folder nothing is kept. Raises `DamagedFileError` for a file that is no array.
    """
    if folder is None:
        return find()
    text = " ".join((extractor.name, extractor.identity, extractor.crop, content))
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    path = folder / f"{extractor.name}_{digest}.npy"
    if not path.exists():
        with whole_file(path) as part:
            np.save(part, find())
    try:
        return np.load(path)
    except (ValueError, EOFError) as error:
        raise DamagedFileError(f"{path}: damaged ({error}); delete it, it is made again") from error
