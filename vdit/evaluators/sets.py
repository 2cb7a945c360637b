"""Samples of a checkpoint as a set, against the held-out real clips: distances between features.

Not among the evaluators that a config has by default: of their 64 clips it is cheap and says
nothing. Measured on a run of the demo at 16x, CPU s of a checkpoint: 1.1 by `latents`, 0.1 more by
`tracks` (`worlds` 1.0, of which sampling is 0.8); EfficientNet's features of 64 videos are 12.8.
But the Fréchet distance of latents is 112 +- 9 where the bound is 107 +- 9, the kernel distance
0.026 +- 0.023 beside 0.014 +- 0.018. Of 1,024 clips, in 25 s, Fréchet is 19.6 +- 0.9 beside 8.6 +-
0.6.
"""

import dataclasses
import functools
import sys
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from vdit.config import stream
from vdit.data.cache import Records, record_file
from vdit.evaluators import features as extractors
from vdit.evaluators.common import EvaluationData
from vdit.evaluators.distances import copies, scores
from vdit.evaluators.distances.name import RANGE, Name, clip_name
from vdit.evaluators.features import Extractor
from vdit.evaluators.features.cached import FOLDER, cached, content_of
from vdit.evaluators.features.latents import Latents
from vdit.generator import Generator
from vdit.runs.evaluations import Record

FEATURES = ("image_means", "image_changes")
BOUND, BASELINE = "coded", "still"
AT_ONCE = 256  # training clips that are looked through for copies: of pixels 16,384 would be 14 GB


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
    fix much, chance sets samples a little nearer. No clip is used twice; of fewer than asked for it
    is said. `fixed`: errors for comparing models by the same real clips (`scores.measure`).
    """
    if not clips:
        return []
    training = Records(data.cache, "train")
    real, _, prompts = data.distinct(min(clips, len(training)))
    if len(real) < clips:
        print(f"sets: {len(real)} clips, of {clips}: all that there are", file=sys.stderr)
    if len(real) < 2:
        return []
    latents = Latents(model.autoencoder)
    chosen = [latents if name == latents.name else extractors.find(name) for name in features]
    made = data.samples(model, prompts, seed, seeds)
    beside = functools.cache(lambda: _beside(model, training, len(real)))
    found = []
    for extractor in chosen:
        described = functools.partial(extractor, real)
        real_MD = cached(data.cache / FOLDER, extractor, content_of(real), described)
        given = extractor, real_MD, real.shape[1:4], metrics, fixed
        measured = functools.partial(_distances, *given)
        own = measured({"": made})
        key = [[record.name for record in own], fixed]
        found += own + data.kept("sets", key, lambda m=measured: m(beside()))
        _say_withheld(extractor, real_MD, metrics)
    return [*found, _copies(model, data, latents, training, made)]


def _say_withheld(extractor: Extractor, real_MD: np.ndarray, metrics: Sequence[str]) -> None:
    for line in scores.withheld(len(real_MD), *real_MD.shape, metrics):
        print(f"sets: {extractor.name}: {line}", file=sys.stderr, flush=True)


def _beside(model: Generator, training: Records, count: int) -> dict[str, list[np.ndarray]]:
    """Videos of the upper bound and of the baseline, as sets of one seed."""
    latents = training.rows(np.arange(count))["latent"]
    coded = model.autoencoder.decode(model.statistics.denormalise(latents))
    still = np.repeat(coded[:, :1], coded.shape[1], axis=1)
    return {BOUND: [coded], BASELINE: [still]}


def _distances(
    extractor: Extractor,
    real_MD: np.ndarray,
    clip: tuple[int, int, int],
    metrics: Sequence[str],
    fixed: bool,
    subjects: Mapping[str, Sequence[np.ndarray]],
) -> list[Record]:
    """Records of each subject's sets of videos against the features of the real clips."""
    found, counts = [], (len(real_MD), len(real_MD))
    for subject, sets in subjects.items():
        made = [extractor(videos) for videos in sets]
        for score in scores.measure(made, real_MD, metrics, fixed):
            name = Name.of(score.metric, extractor, counts, clip, "validation", subject)
            found.append(_record(name, score))
    return found


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
        score.error and score.error.degrees,
    )


def _copies(
    model: Generator,
    data: EvaluationData,
    coder: Latents,
    training: Records,
    made: Sequence[np.ndarray],
) -> Record:
    """Share of copies among the samples of all seeds, by the latents of whole clips, of the
    training clips that the run has read and that the cache still has."""
    parts = list(_parts_read(data, training))
    shares = []
    for videos in made:
        latents = model.statistics.normalise(coder.encode(videos))
        read = (training.rows(part)["latent"].reshape(len(part), -1) for part in parts)
        ratios = copies.nearest_ratios(latents.reshape(len(videos), -1), read)
        shares.append(copies.are_copies(ratios))
    of_clips, identity = np.mean(shares, axis=0), coder.identity
    error = float(of_clips.std(ddof=1) / np.sqrt(len(of_clips)))
    counts, clip = (len(of_clips), sum(map(len, parts))), made[0].shape[1:4]
    name = Name(
        "copies", "whole_latents", identity, *counts, clip_name(clip), "none", RANGE, "train"
    )
    return Record(str(name), float(of_clips.mean()), error, len(of_clips), True)


def _parts_read(data: EvaluationData, training: Records) -> Iterator[np.ndarray]:
    """Indices of the training clips that are there, AT_ONCE at a time."""
    size, epochs = len(training), stream.epochs_of(data.config.data)
    for part in range(stream.parts(data.step * data.config.batch, size, epochs)):
        if record_file(data.cache, "train", part).exists():
            for start in range(part * size, (part + 1) * size, AT_ONCE):
                yield np.arange(start, min(start + AT_ONCE, (part + 1) * size))
