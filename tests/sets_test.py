"""Samples as a set: a model of the training clips reaches the bound, others are told apart."""

import dataclasses
import types

import numpy as np
import pytest
from ml_collections import ConfigDict

from tests.tiny import config
from vdit.data.cache import Records
from vdit.data.latents import prepare
from vdit.data.sources import open_source
from vdit.errors import InputError
from vdit.evaluators import bounds, sets, worlds
from vdit.evaluators.common import EvaluationData
from vdit.evaluators.distances import name
from vdit.evaluators.features.latents import Latents
from vdit.evaluators.samples import Samples
from vdit.runs.evaluations import Record
from vdit.training.resolve import resolve

CLIPS = 32


class Shows:
    """A model whose videos are given; pixels are its latents."""

    def __init__(self, videos, data, scatter=0):
        self.videos, self.scatter = videos, scatter
        self.autoencoder = untrained(data).autoencoder
        self.statistics = untrained(data).statistics

    def sample(self, captions, seed, frames=None, batch=None):
        noise = np.random.default_rng(seed).integers(0, self.scatter + 1, self.videos.shape)
        return np.clip(self.videos + noise, 0, 255).astype(np.uint8)


def untrained(data):
    from vdit.training.untrained import generator_of

    return generator_of(data.config, data.validation.meta)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    made = resolve(config(folder, **{"data.validation_clips": CLIPS}))
    return EvaluationData(made, Records(prepare(made), "validation"), folder / "run", 12)


@pytest.fixture(scope="module")
def training(data):
    source = open_source(data.config.data, "train")
    return np.stack([source[i]["video"] for i in range(CLIPS)])


def found(model, data, **options):
    options = {"features": ("latents",), "clips": CLIPS, "seed": 0} | options
    records = sets.evaluate(model, data, **options)
    parts = {r.name: r.name.split(name.APART) for r in records}
    return {(parts[r.name][0], parts[r.name][-1].partition("_")[2]): r for r in records}


def test_a_model_of_the_training_clips_has_the_score_of_the_bound_and_is_all_copies(data, training):
    records = found(Shows(training, data), data)
    metrics = {"frechet", "frechet_bias", "kernel", "precision", "recall", "density", "coverage"}
    subjects = {"", "coded", "still"}
    assert set(records) == {(m, s) for m in metrics for s in subjects} | {("copies", "")}
    for metric in metrics:
        own = records[metric, ""]
        assert own.value == pytest.approx(records[metric, "coded"].value)
        assert own.compared_with == tuple(records[metric, s].name for s in ("coded", "still"))
        assert (own.se is None) == (metric == "frechet_bias")
        assert own.n == CLIPS
    assert records["copies", ""].value == 1
    assert "__n32_64__3x16x16__none__uint8__train" in records["copies", ""].name


def test_other_videos_are_told_apart(data, training):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, training.shape, dtype=np.uint8)
    records = found(Shows(noise, data), data)
    assert (
        records["kernel", ""].value
        > records["kernel", "coded"].value + 3 * records["kernel", ""].se
    )
    assert records["precision", ""].value == 0
    assert records["copies", ""].value == 0


def test_seeds_are_averaged_and_what_is_withheld_is_said(data, training, capsys):
    model = Shows(training, data, scatter=40)
    one, other = (found(model, data, seed=s)["kernel", ""].value for s in (5, 6))
    both = found(model, data, seed=5, seeds=2)["kernel", ""]
    assert one != other
    assert both.value == pytest.approx((one + other) / 2)
    capsys.readouterr()
    few = found(model, data, clips=4)
    assert {metric for metric, _ in few} == {"frechet", "frechet_bias", "kernel", "copies"}
    assert few["frechet", ""].se is None
    lines = capsys.readouterr().err
    assert "sets: latents: precision: withheld, 4 clips: expected at least 6" in lines
    assert "frechet_limit: withheld, 4 clips: expected at least 3072" in lines
    assert "no standard errors, 4 clips: expected at least 32" in lines
    assert sets.evaluate(model, data, clips=1, seed=0) == []


def test_errors_for_the_same_real_clips_leave_theirs_out(data, training):
    model = Shows(training, data)
    both, alone = (found(model, data, fixed=f)["frechet", ""] for f in (False, True))
    assert both.value == alone.value
    assert both.se != alone.se


def test_what_no_checkpoint_changes_is_found_once(data, training, monkeypatch):
    """Features of the real clips, and scores of the bound and of the baseline."""
    model, other = Shows(training, data), Shows(training[::-1], data)
    first = found(model, data)
    described, describe = [], Latents.__call__
    model.autoencoder = other.autoencoder = types.SimpleNamespace(
        fingerprint=model.autoencoder.fingerprint,
        encode=model.autoencoder.encode,
        decode=lambda latents: pytest.fail("clips are decoded again"),
    )
    monkeypatch.setattr(
        Latents, "__call__", lambda self, v: described.append(len(v)) or describe(self, v)
    )
    again, turned = found(model, data), found(other, data)
    assert described == [CLIPS, CLIPS]  # samples of each model alone
    assert again == first
    for key in [key for key in first if key[1]]:
        assert turned[key] == first[key]
    with pytest.raises(pytest.fail.Exception):
        found(model, data, metrics=("recall",))  # other scores


def test_an_edit_of_what_measures_makes_bounds_anew(data, tmp_path, monkeypatch):
    made = []
    find = lambda: made.append(1) or [Record("a", np.nan, None, 3, True, ("b",))]  # noqa: E731
    for key, code, expected in (([1], "x", 1), ([1], "x", 1), ([2], "x", 2), ([1], "y", 3)):
        monkeypatch.setattr(bounds, "_sources", lambda code=code: code)
        (record,) = bounds.kept(tmp_path, "some", key, find)
        assert len(made) == expected
        assert np.isnan(record.value)
        assert record._replace(value=0) == Record("a", 0, None, 3, True, ("b",))


def test_the_world_makes_as_many_held_out_clips_as_are_asked_for(data):
    """Those of the validation set first, none of training."""
    videos, captions, prompts = data.distinct(3 * CLIPS)
    assert len(np.unique(videos.reshape(len(videos), -1), axis=0)) == 3 * CLIPS
    np.testing.assert_array_equal(videos[:CLIPS], data.clips(CLIPS).videos)
    model = untrained(data)
    assert captions[:CLIPS] == data.clips(CLIPS).captions
    np.testing.assert_array_equal(model.tokens(prompts)[:CLIPS], data.clips(CLIPS).tokens)
    source = open_source(data.config.data, "train")
    shown = {source[i]["video"].tobytes() for i in range(len(source))}
    assert not shown & {video.tobytes() for video in videos}


def test_evaluators_that_ask_for_the_same_share_what_a_model_made(data, training):
    """Of other prompts, of another seed or model it is made anew; nobody can change it."""
    model, other, asked = Shows(training, data), Shows(training[::-1], data), []
    for one in (model, other):
        one.sample = lambda prompts, seed, batch, one=one: (
            asked.append((len(prompts), seed)) or Shows.sample(one, prompts, seed)[: len(prompts)]
        )
    fresh = dataclasses.replace(data, made=Samples())
    options = {"clips": CLIPS, "seed": 0}
    objects = worlds.evaluate(model, fresh, **options)
    sets.evaluate(model, fresh, features=("latents",), seeds=2, **options)
    assert asked == [(CLIPS, 0), (CLIPS, 1)]
    assert worlds.evaluate(other, fresh, **options) != objects
    assert worlds.evaluate(model, fresh, **options) == objects
    worlds.evaluate(model, fresh, clips=CLIPS - 8, seed=0)
    for prompts in (["ab"], ["a", "b"]):
        fresh.samples(model, prompts, 0, seeds=1)
    assert asked[2:] == [(CLIPS, 0), (CLIPS, 0), (CLIPS - 8, 0), (1, 0), (2, 0)]
    with pytest.raises(ValueError, match="read-only"):
        fresh.samples(model, ["a circle"], 0, seeds=1)[0][:] = 0


def test_objects_are_scored_in_as_many_captions_as_are_asked_for(data, training, capsys):
    """Beside the clips of the validation set; where captions are embedded there are no more."""
    twice = Shows(np.concatenate([training] * 2), data)
    more = {r.name: r.n for r in worlds.evaluate(twice, data, clips=2 * CLIPS, seed=0)}
    assert more["shape_agree"] == 2 * CLIPS
    assert more["shape_agree_real"] == more["shape_agree_coded"] == CLIPS
    once = Shows(training, data)
    embedded, worlds_source = ConfigDict(data.config.to_dict()), data.source
    embedded.data.embeddings = "embedded"
    data = dataclasses.replace(data, config=embedded, made=Samples())
    data.__dict__["source"] = worlds_source
    few = worlds.evaluate(once, data, clips=2 * CLIPS, seed=0)
    assert few[0].n == CLIPS
    assert f"worlds: {CLIPS} clips, of {2 * CLIPS}: all that there are" in capsys.readouterr().err


def test_a_folder_has_no_more_clips_than_it_has(data, training, monkeypatch, capsys):
    monkeypatch.setitem(data.validation.meta, "dataset", "video_folder")
    records = found(Shows(training, data), data, clips=50)
    assert records["kernel", ""].n == CLIPS
    assert f"sets: {CLIPS} clips, of 50: all that there are" in capsys.readouterr().err
    assert list(data.clips(4).indices) == [0, 8, 16, 24]  # windows of one video lie side by side


def test_features_that_cannot_be_had_are_said_before_anything_is_sampled(data, training, tmp_path):
    model, file = Shows(training, data), tmp_path / "i3d.pt"
    model.sample = lambda *args, **more: pytest.fail("sampled")
    html, empty_zip = b"<!DOCTYPE html>", b"PK\x05\x06" + bytes(18)
    for asked, content, said in (
        ("beauty", html, "features 'beauty': expected one of "),
        (f"i3d:file={file}", html, "i3d.pt: not a zip file"),
        (f"i3d:file={file}", empty_zip, "i3d.pt: not a readable PyTorch checkpoint"),
        (f"i3d:file={tmp_path}", html, "no such file, expected an I3D's weights"),
    ):
        file.write_bytes(content)
        with pytest.raises(InputError, match=said):
            found(model, data, features=("latents", asked))


def test_metrics_that_are_not_there_are_said(data, training):
    with pytest.raises(InputError, match="metric 'fid': expected one of frechet, frechet_bias"):
        found(Shows(training, data), data, metrics=("fid",))
    with pytest.raises(InputError, match="seeds=0: expected 1 or more"):
        found(Shows(training, data), data, seeds=0)
