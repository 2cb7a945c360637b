"""What evaluators are handed beside the model: the run's validation clips, and where to write."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from ml_collections import ConfigDict

from vdit.config import buckets
from vdit.config.model_config import CAPTIONER
from vdit.data.cache import Records
from vdit.data.captions import Captioned
from vdit.data.continuation import ConditioningFrames
from vdit.data.sources import Source, open_source
from vdit.errors import InputError
from vdit.evaluators import bounds, clustered
from vdit.evaluators.samples import Samples
from vdit.generator import BATCH, Generator
from vdit.runs import evaluations
from vdit.runs.evaluations import Record
from vdit.runs.files import whole_file

STILL, CODED = "_still", "_coded"  # of what stands beside a score: copy baseline and upper bound


class Clips(NamedTuple):
    """Held-out clips: tokens or embeddings (B, S[, F]), captions, uint8 videos (B, T, H, W, 3),
    normalised latents, indices in the source, and clusters (B,): equal numbers for clips that are
    not independent, the same one again or windows of one video."""

    tokens: np.ndarray
    captions: list[str]
    videos: np.ndarray
    latents: np.ndarray
    indices: np.ndarray
    clusters: np.ndarray


class HeldOut(NamedTuple):
    """Held-out clips, none of them twice: uint8 videos (B, T, H, W, 3), their captions, and these
    as a model takes them (tokens, embeddings, or the texts again)."""

    videos: np.ndarray
    captions: list[str]
    prompts: np.ndarray | list[str]


def records(
    name: str,
    values: Mapping[str, Sequence[np.ndarray]],
    clusters: np.ndarray,
    lower_is_better: bool,
    beside: Sequence[str] = (),
) -> list[Record]:
    """Means over clips of suffix to (B,) values of each seed; that of the model, whose suffix is
    empty, is compared with those of the suffixes `beside`."""
    others, found = tuple(name + suffix for suffix in beside), []
    for suffix, takes in values.items():
        mean = clustered.mean(np.mean(takes, axis=0), clusters)
        found.append(Record(name + suffix, *mean, lower_is_better, () if suffix else others))
    return found


@dataclasses.dataclass(frozen=True)
class EvaluationData:
    """Of a checkpoint of a run: its config, its validation latents, its folder, its step."""

    config: ConfigDict
    validation: Records
    workdir: pathlib.Path
    step: int
    made: Samples = dataclasses.field(default_factory=Samples, repr=False, compare=False)

    @property
    def dataset(self) -> str:
        """The data set's name."""
        return self.validation.meta["dataset"]

    @property
    def cache(self) -> pathlib.Path:
        """The folder of the latents: what depends on them alone may be kept there."""
        return self.validation.folder

    @functools.cached_property
    def source(self) -> Source:
        """The validation clips as videos."""
        return open_source(self.config.data, "validation")

    @functools.cached_property
    def training_clips(self) -> int:
        """How many different ones an epoch has: to a captioner those with a caption."""
        if self.config.objective != CAPTIONER:
            of_buckets = buckets.clips_of(self.config.data)
            return sum(of_buckets.values()) or self.validation.meta["train"]
        return len(Captioned(Records(self.cache, "train")))

    def clips(self, count: int, among: np.ndarray | None = None) -> Clips:
        """`count` clips, of all or of those `among` (places): spread evenly, so that no video's
        windows crowd out another's; the first of the embedded world's, which are independent. From
        the beginning again where there are fewer."""
        there = len(self.validation) if among is None else len(among)
        spread = self.dataset != "worlds" and count < there
        indices = np.arange(count) * there // count if spread else np.arange(count) % there
        indices = indices if among is None else among[indices]
        rows, items = self.validation.rows(indices), [self.source[int(i)] for i in indices]
        videos = np.stack([item["video"] for item in items])
        captions = [item["caption"] for item in items]
        recordings = [item.get("recording", item["index"]) for item in items]
        clusters = np.unique(recordings, return_inverse=True)[1]
        return Clips(rows["caption"], captions, videos, rows["latent"], indices, clusters)

    def distinct(self, count: int) -> HeldOut:
        """`count` held-out clips: the embedded world makes what the validation set lacks; other
        data, and embedded captions, have no more than that."""
        there, endless = len(self.validation), self.dataset == "worlds"
        if count <= there or not endless or self.config.data.get("embeddings"):
            found = self.clips(min(count, there))
            return HeldOut(found.videos, found.captions, found.tokens)
        longer = ConfigDict(self.config.data.to_dict())
        longer.validation_clips = count
        source = open_source(longer, "validation")
        items = [source[i] for i in range(count)]
        captions = [item["caption"] for item in items]
        return HeldOut(np.stack([item["video"] for item in items]), captions, captions)

    def samples(
        self,
        model: Generator,
        prompts: Sequence[str] | np.ndarray,
        seed: int,
        seeds: int,
        frames: ConditioningFrames | None = None,
    ) -> list[np.ndarray]:
        """Videos (B, T, H, W, 3) of all prompts, by each of so many seeds from `seed` on; those
        that another evaluator asked for are made once."""
        if seeds < 1:
            raise InputError(f"seeds={seeds}: expected 1 or more")
        if frames is None:
            return [self.made.of(model, prompts, seed + k) for k in range(seeds)]
        return [model.sample(prompts, seed + k, frames=frames, batch=BATCH) for k in range(seeds)]

    def kept(self, name: str, key: Any, find: Callable[[], list[Record]]) -> list[Record]:
        """What no checkpoint changes (`vdit.evaluators.bounds`), kept beside the latents."""
        return bounds.kept(self.cache / bounds.FOLDER, name, key, find)

    def save_arrays(self, name: str, **arrays: Any) -> None:
        """NAME.npz: of the last step in the run's folder, of others beside their evaluations."""
        last = self.step == self.config.steps
        beside = self.workdir / evaluations.FOLDER / f"{self.step}_{name}.npz"
        with whole_file(self.workdir / f"{name}.npz" if last else beside) as part:
            np.savez(part, **arrays)
