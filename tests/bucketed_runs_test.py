"""Runs on a set of buckets: what they see of each, what it costs, what is measured and refused."""

import dataclasses
import json
from types import SimpleNamespace

import jax
import numpy as np
import pytest

import vdit
from sweeps.launcher.plan import make_plan
from tests import bucket_sets
from tests.bucket_sets import made_of
from tests.text_encoders import LENGTH, Counting, asked
from tests.tiny import ROOT
from vdit.config import buckets, flops, mixture
from vdit.data.buckets import data_of
from vdit.data.embeddings import encoder, writing
from vdit.data.embeddings.folder import Embeddings
from vdit.data.sources import open_source
from vdit.errors import InputError
from vdit.evaluators import shapes
from vdit.training.diffusion_task import DiffusionTask
from vdit.training.loop import train
from vdit.training.metrics import Silent


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return bucket_sets.make(tmp_path_factory.mktemp("set"))


@pytest.mark.parametrize("shares", [(0.75, 0.25), (0.4, 0.3, 0.2, 0.1), (0.01, 0.33, 0.66)])
def test_every_step_is_of_one_shape_and_shapes_have_their_shares_evenly(shares):
    counts = np.array([mixture.turns(step, shares) for step in range(1001)])
    assert (counts.sum(1) == np.arange(1001)).all()
    assert set(np.diff(counts, axis=0).sum(1)) == {1}
    assert (np.diff(counts, axis=0) >= 0).all()
    assert abs(counts - np.outer(np.arange(1001), shares)).max() < len(shares)
    for step in (0, 1, 10, 999):
        part, number = mixture.turn(step, shares)
        assert number == counts[step, part] == counts[step + 1, part] - 1


@pytest.fixture(scope="module")
def task(folder, tmp_path_factory):
    """What a run learns from that is told the shapes of three buckets; its config is `.config`."""
    told = {"model.shape_condition": True}
    return DiffusionTask(made_of(folder, tmp_path_factory.mktemp("run"), **told))


@pytest.fixture(scope="module")
def run(task, tmp_path_factory):
    """The folder of the run, and its row."""
    from vdit.training.run import run

    workdir = tmp_path_factory.mktemp("run") / "run"
    return workdir, run(task.config, str(workdir))


def test_a_bucket_has_steps_as_it_has_patches_and_a_step_about_as_many_patches(run, task):
    (_, row), made = run, task.config
    parts = mixture.parts(made, task.model)
    clips = {"16x16@3": 6, "16x16@1": made.data.buckets["16x16@1"], "24x12@3": 6}
    patches = {
        name: n * {"16x16@1": 64, "24x12@3": 216}.get(name, 192) for name, n in clips.items()
    }
    total = sum(patches.values())
    assert {p.name: p.share for p in parts} == {k: n / total for k, n in patches.items()}
    assert {p.name: p.batch for p in parts} == dict.fromkeys(patches, 8) | {"16x16@1": 24}
    assert max(abs(p.batch * p.model.tokens / (8 * 192) - 1) for p in parts) <= 0.125
    turns = mixture.turns(12, [p.share for p in parts])
    assert min(turns) > 0
    spent = [n * p.batch for n, p in zip(turns, parts, strict=True)]
    each = [flops.training_flops(p.model) for p in parts]
    assert row["flops"] == sum(n * f for n, f in zip(spent, each, strict=True))
    assert row["tokens"] == sum(n * p.model.tokens for n, p in zip(spent, parts, strict=True))
    assert row["clips"] == sum(spent)
    assert row["variant"] == "full-shape-buckets3"
    mean = sum(p.share * p.batch * flops.training_flops(p.model) for p in parts)
    assert 8 * flops.training_flops_per_clip(made) == pytest.approx(mean)


def test_a_trained_model_tells_shapes_apart_and_is_loaded_with_it(run):
    model = vdit.load(run[0])
    assert model.at("24x12@3").config.shape_condition
    kernel = np.asarray(model.params["shape"]["out"]["kernel"][...])
    assert np.abs(kernel).max() > 0  # as it began


def test_latents_of_each_bucket_are_its_clips_in_the_scale_of_all(task):
    made = task.config
    scale, every = task.generator.statistics, []
    sets = {"16x16@3": task.records}
    names = list(mixture.shares(made))[1:]
    sets |= {name: s.records for name, s in zip(names, task.beside, strict=True)}
    for name, records in sets.items():
        source = open_source(data_of(made.data, name), "train")
        rows = records.rows(np.arange(len(records)))
        videos = np.stack([source[i]["video"] for i in range(len(source))])
        assert rows["latent"].shape == videos.shape
        seen = np.rint((scale.denormalise(rows["latent"]) + 1) * 127.5)
        np.testing.assert_allclose(seen, videos, atol=1)
        words = [task.generator.vocabulary.encode(source[i]["caption"]) for i in range(len(source))]
        assert (rows["caption"] == words).all()
        every.append(rows["latent"].reshape(-1, 3))
    np.testing.assert_allclose(np.concatenate(every).mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(np.concatenate(every).std(0), 1, atol=1e-3)


def test_captions_of_all_buckets_are_embedded(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(encoder, "load", lambda *_: Counting())
    data = {"data.name": "video_folder", "data.dir": str(folder), "data.epochs": 0}
    writing.embed(asked(tmp_path, **data), "nowhere", tmp_path / "stored")
    more = {"data.embeddings": str(tmp_path / "stored"), "data.text_length": LENGTH}
    task = DiffusionTask(made_of(folder, tmp_path, **more))
    stored, names = Embeddings(task.config.data), list(mixture.shares(task.config))
    for name, stream in zip(names[1:], task.beside, strict=True):
        source = open_source(data_of(task.config.data, name), "train")
        captions = stream.records.rows(np.arange(len(source)))["caption"]
        expected = [stored.encode(source[i]["caption"]) for i in range(len(source))]
        assert (captions == np.stack(expected)).all()
    assert task.config.data.embedded.features == task.model.text_features == Counting.features


def test_the_loss_is_the_mean_of_the_buckets_by_their_patches(run, task):
    (workdir, row), made = run, task.config
    lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    last = next(line for line in lines if line["step"] == 12 and "lr" in line)
    shares = mixture.shares(made)
    assert {key for key in last if key.startswith("loss_")} == {
        f"loss_{name}" for name in list(shares)[1:]
    }
    assert sum(shares[name] * row[f"loss_ema_{name}"] for name in shares) == pytest.approx(
        row["loss_ema"], rel=1e-6
    )
    assert len({row[f"loss_ema_{name}"] for name in shares}) == 3


def test_a_broken_run_on_buckets_ends_bitwise_as_an_unbroken_one(task, tmp_path):
    made = task.config

    class Breaks(Silent):
        def write(self, step, row):
            if step == 7:
                raise KeyboardInterrupt

    whole, _ = train(task, made, tmp_path / "whole", Silent())
    with pytest.raises(KeyboardInterrupt):
        train(task, made, tmp_path / "broken", Breaks())
    again, _ = train(task, made, tmp_path / "broken", Silent())
    for one, other in zip(jax.tree.leaves(whole), jax.tree.leaves(again), strict=True):
        assert np.asarray(one).tobytes() == np.asarray(other).tobytes()


@pytest.fixture(scope="module")
def model(folder, tmp_path_factory):
    """A model for the set, of fresh weights."""
    return vdit.build(made_of(folder, tmp_path_factory.mktemp("model")))


def test_a_model_is_sampled_at_any_shape_that_divides(model):
    how = {"steps": 1, "method": "euler", "guidance": 1.0}
    assert model.at("24x12@3").sample(["wide 1"], **how).shape == (1, 3, 12, 24, 3)
    assert model.at("20x16@5").sample([""], **how).shape == (1, 5, 16, 20, 3)
    assert model.at("16x16@3") is model
    for shape, error in (
        ("20x15@3", r"20x15@3: patch \(1, 2, 2\): 2 does not divide the latents' H = 15"),
        ("20x15", r"'20x15': expected a bucket as WxH@F"),
    ):
        with pytest.raises(InputError, match=error):
            model.at(shape)
    learned = dataclasses.replace(model.config, positions="learned")
    model = dataclasses.replace(model, config=learned)
    with pytest.raises(InputError, match="learned positions know 16x16@3 alone"):
        model.at("20x16@3")


def test_latents_of_another_shape_are_those_of_the_models_autoencoder(model):
    model = dataclasses.replace(model, video=(9, 64, 64))
    coded = dataclasses.replace(model.config, latent=(3, 8, 8, 4))  # 4 frames and 8 pixels in one
    model = dataclasses.replace(model, config=coded)
    assert model.at("80x48@17").config.latent == (5, 6, 10, 4)
    assert model.at("80x48@1").config.latent == (1, 6, 10, 4)
    for shape, error in (
        ("80x48@16", r"expected 1 \+ a multiple of 4 frames"),
        ("80x44@17", r"80x44@17: 44 pixels: expected a multiple of 8"),
    ):
        with pytest.raises(InputError, match=error):
            model.at(shape)


def test_a_run_on_any_shapes_is_measured_on_those_of_a_set(model, folder, tmp_path):
    data = SimpleNamespace()
    found = shapes.evaluate(model, data, clips=2, seed=3, dir=str(folder))
    mean, *each = found
    index = buckets.read_index(folder)["buckets"]
    assert [record.name for record in each] == [f"shapes_loss_{name}" for name in index]
    patches = [index[name]["train"] * model.at(name).config.tokens for name in index]
    values = [record.value for record in each]
    assert mean.value == pytest.approx(np.average(values, weights=patches))
    source = open_source(data_of(made_of(folder, tmp_path).data, "24x12@3"), "validation")
    clips = np.stack([source[i]["video"] for i in (0, 1)])
    own = model.at("24x12@3").losses(clips, [source[i]["caption"] for i in (0, 1)], 3)
    assert values[list(index).index("24x12@3")] == pytest.approx(own.mean())
    assert shapes.evaluate(model, data, clips=2, seed=3) == []
    assert shapes.evaluate(model, data, clips=0, seed=3, dir=str(folder)) == []
    with pytest.raises(InputError, match=r"shapes.dir=/tmp: expected a folder of vdit.prepare --b"):
        shapes.evaluate(model, data, clips=2, seed=3, dir="/tmp")


def test_the_sweep_matches_flops_of_buckets_and_of_square_crops(folder, tmp_path):
    dirs = f"shapes={folder},square={folder / '16x16@3'},frames=3,pixels=16"
    plan = make_plan(f"{ROOT}/sweeps/buckets.py:{dirs}", tmp_path, ["model.patch=(1, 2, 2)"])
    runs = plan["runs"]
    assert len(runs) == len({run["run_id"] for run in runs}) == 12
    for run in runs:
        step = run["flops"] / run["steps"]
        assert abs(run["flops"] - run["flops_budget"]) <= step / 2
    kinds = {(run["config"]["data"]["dir"], run["steps"]) for run in runs}
    assert len(kinds) == 4  # a mean step of buckets costs otherwise than one on squares
    of_buckets = [run for run in runs if "buckets" in run["config"]["data"]]
    assert len(of_buckets) == 6
    for run in of_buckets:
        assert run["epochs"] == run["clips"] / sum(run["config"]["data"]["buckets"].values())


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"data.width": 24}, r"no bucket 24x16@3 .*; expected one of 16x16@1, 16x16@3, 24x12@3"),
        ({"model.patch": (1, 8, 8)}, r"bucket 24x12@3: patch \(1, 8, 8\): 8 does not divide"),
        ({"data.image_share": 0.5}, r"data.image_share=0.5 with buckets: expected 0"),
        ({"model.positions": "learned"}, r"model.positions='learned' with buckets"),
        (
            {"model.positions": "sincos", "data.num_frames": 1},
            r"data.num_frames=1 with buckets of clips: .* no 'sincos' positions in time",
        ),
    ],
)
def test_a_run_that_does_not_go_with_buckets_is_refused_in_a_line(folder, tmp_path, changes, error):
    with pytest.raises(InputError, match=error):
        made_of(folder, tmp_path, **({"model.width": 224, "model.heads": 2} | changes))
