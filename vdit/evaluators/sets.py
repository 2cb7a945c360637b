"""Samples of a checkpoint as a set, against the held-out real clips: distances between features."""

import dataclasses
import functools
import sys
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from vdit.config import stream
from vdit.data.cache import Records, record_file
from vdit.evaluators import features as extractors
from vdit.evaluators.common import EvaluationData, samples
from vdit.evaluators.distances import copies, scores
from vdit.evaluators.distances.name import RANGE, Name, clip_name
from vdit.evaluators.features import Extractor
from vdit.evaluators.features.cached import FOLDER, cached, content_of
from vdit.evaluators.features.latents import Latents
from vdit.generator import Generator
from vdit.runs.evaluations import Record

FEATURES = ("image_means", "image_changes")
BOUND, BASELINE = "coded", "still"


def evaluate(
    model: Generator,
    data: EvaluationData,
    *,
    clips: int,
    seed: int,
    seeds: int = 1,
    features: Sequence[str] = FEATURES,
    metrics: Sequence[str] = tuple(scores.METRICS),
    fixed: bool = False,
) -> list[Record]:
    """`metrics` of `features` of videos sampled for held-out captions, means over so many sampler
    seeds from `seed` on, against the real clips of these captions; and the share of copies of
    training clips.

    NAME_coded is the score of training clips through the autoencoder, the upper bound: not that of
    the held-out ones, whose chance no model shares. NAME_still is that of the same with the first
    frame held. Samples share captions with the real clips, training clips do not: where captions
    fix much, chance sets samples a little nearer. No clip is used twice, so there are no more than
    held-out ones. `fixed`: errors for comparing models by the same real clips (`scores.measure`).
    """
    count = min(clips, len(data.validation), data.validation.meta["train"])
    if count < 2:
        return []
    held_out, training = data.clips(count), Records(data.cache, "train")
    made = samples(model, held_out.tokens, seed, seeds)
    latents = training.rows(np.arange(count))["latent"]
    coded = model.autoencoder.decode(model.statistics.denormalise(latents))
    still = np.repeat(coded[:, :1], coded.shape[1], axis=1)
    subjects = {"": made, BOUND: [coded], BASELINE: [still]}
    found = []
    for extractor in (_extractor(name, model) for name in features):
        found += _distances(extractor, data, held_out.videos, subjects, metrics, fixed)
    return [*found, _copies(model, data, training, made)]


def _distances(
    extractor: Extractor,
    data: EvaluationData,
    real: np.ndarray,
    subjects: Mapping[str, Sequence[np.ndarray]],
    metrics: Sequence[str],
    fixed: bool,
) -> list[Record]:
    """Records of each subject's sets of videos. Features of all clips but the samples, which all
    checkpoints share, are kept beside the latents."""

    def kept(videos: np.ndarray) -> np.ndarray:
        found = functools.partial(extractor, videos)
        return cached(data.cache / FOLDER, extractor, content_of(videos), found)

    real_MD, found, counts = kept(real), [], (len(real), len(real))
    for subject, sets in subjects.items():
        made = [kept(videos) if subject else extractor(videos) for videos in sets]
        for score in scores.measure(made, real_MD, metrics, fixed):
            clip = real.shape[1:4]
            name = Name.of(score.metric, extractor, counts, clip, "validation", subject)
            found.append(_record(name, score))
    for line in scores.withheld(*counts, real_MD.shape[1], metrics):
        print(f"sets: {extractor.name}: {line}", file=sys.stderr, flush=True)
    return found


def _extractor(asked: str, model: Generator) -> Extractor:
    options = {"autoencoder": model.autoencoder} if asked == "latents" else {}
    return extractors.find(asked, **options)


def _record(name: Name, score: scores.Score) -> Record:
    """Of samples compared with the same of the upper bound and of the baseline."""
    others = () if name.subject else (BOUND, BASELINE)
    return Record(
        str(name),
        score.value,
        score.error and score.error.se,
        name.made,
        scores.METRICS[score.metric].lower_is_better,
        tuple(str(dataclasses.replace(name, subject=other)) for other in others),
    )


def _copies(
    model: Generator, data: EvaluationData, training: Records, made: Sequence[np.ndarray]
) -> Record:
    """Share of copies among the samples of all seeds, by the latents of whole clips, of the
    training clips that the run has read and that the cache still has."""
    parts = list(_parts_read(data, training))
    shares = []
    for videos in made:
        latents = model.statistics.normalise(model.autoencoder.encode(videos))
        read = (training.rows(part)["latent"].reshape(len(part), -1) for part in parts)
        ratios = copies.nearest_ratios(latents.reshape(len(videos), -1), read)
        shares.append(copies.are_copies(ratios))
    of_clips, identity = np.mean(shares, axis=0), Latents(model.autoencoder).identity
    error = float(of_clips.std(ddof=1) / np.sqrt(len(of_clips)))
    counts, clip = (len(of_clips), sum(map(len, parts))), made[0].shape[1:4]
    name = Name(
        "copies", "whole_latents", identity, *counts, clip_name(clip), "none", RANGE, "train"
    )
    return Record(str(name), float(of_clips.mean()), error, len(of_clips), True)


def _parts_read(data: EvaluationData, training: Records) -> Iterator[np.ndarray]:
    """Indices of the clips of each part of the train split that is there."""
    size, epochs = len(training), stream.epochs_of(data.config.data)
    for part in range(stream.parts(data.step * data.config.batch, size, epochs)):
        if record_file(data.cache, "train", part).exists():
            yield np.arange(part * size, (part + 1) * size)
