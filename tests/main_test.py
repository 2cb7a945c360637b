"""The commands of a single run, as a user types them."""

import importlib
import json
import pathlib
import sys

import numpy as np
import pytest

from experiments import base
from tests.tiny import ROOT, config, flags, forked, python, trained
from vdit.autoencoders import causal
from vdit.config.flops import training_flops_per_clip
from vdit.data import media
from vdit.errors import InputError
from vdit.main import parse_flags
from vdit.training.resolve import resolve

BASE = ["--config", "experiments/base.py:size=w32d2", "--workdir", "x"]
WRONG = {
    "expected size= or videos= or frames= or pixels= or objective=": [
        "--config",
        "experiments/base.py:siz=S",
    ],
    "unknown size 'Q'; expected one of w20d2,": ["--config", "experiments/base.py:size=Q"],
    "config argument frames=x: expected a int": ["--config", "experiments/base.py:frames=x"],
    "No such file or directory: 'experiments/nope.py'": ["--config", "experiments/nope.py"],
    "unknown config key nosuch": [*BASE, "--config.nosuch=3"],
    "invalid literal for int() with base 10: 'abc'": [*BASE, "--config.steps=abc"],
    "Unknown command line flag 'wrkdir'": [*BASE, "--wrkdir", "y"],
    "--config is missing": ["--workdir", "x"],
    "--workdir is missing": BASE[:2],
}


@pytest.mark.parametrize("message", WRONG)
def test_a_wrong_command_is_one_clear_line(message, monkeypatch):
    # ml_collections looks for overrides in sys.argv itself, whatever it is given.
    monkeypatch.setattr(sys, "argv", ["vdit.main", *WRONG[message]])
    with pytest.raises(InputError) as caught:
        parse_flags(sys.argv)
    assert message in str(caught.value)
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize("change", [{"model.patch": (1, 8, 8)}, {"model.condition": "sound"}])
def test_a_config_that_makes_no_model_stops_before_anything_is_written(tmp_path, change):
    with pytest.raises(InputError):
        trained(config(tmp_path, **change), tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_of_videos_is_named(tmp_path):
    made = config(tmp_path, **{"data.name": "video_folder", "data.dir": "no/such/folder"})
    with pytest.raises(InputError, match="no/such/folder"):
        resolve(made)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run with its videos, trained by the real command."""
    tmp = tmp_path_factory.mktemp("run")
    shown = {"sample_every": 6, "evaluation.clips": 8}
    forked("-m", "vdit.main", *flags(tmp, tmp / "run", **shown))
    return tmp / "run"


def test_a_run_leaves_its_row_its_curve_and_its_videos(finished):
    row = json.loads((finished / "result.json").read_text())
    assert row["steps"] == 12
    assert row["clips"] == 96
    assert row["epochs"] == 1.5
    assert row["tokens"] == 96 * 3 * 8 * 8
    assert row["loss_se"] > 0
    kept, model = (
        json.loads((finished / name).read_text())
        for name in ("config.json", "generator/generator.json")
    )
    assert (kept["model"]["dtype"], kept["compute_dtype"]) == ("auto", "float32")
    assert (row["compute_dtype"], model["config"]["dtype"]) == ("float32", "float32")
    tenths = [row[f"loss_t{k:02d}"] for k in range(10)]
    assert np.mean(tenths) == pytest.approx(row["loss"], rel=1e-5)
    lines = [json.loads(x) for x in (finished / "metrics.jsonl").read_text().splitlines()]
    assert [x["step"] for x in lines] == list(range(1, 13))
    assert {"loss", "lr", "gradient_norm"} <= set(lines[0])
    assert {"clips_per_s", "mfu", "data_wait"} <= set(lines[-1])
    names = {p.name for p in (finished / "samples").iterdir()}
    assert {"step_000006_00.webp", "final_00.webp", "real_00.webp", "samples.json"} <= names
    losses = np.load(finished / "losses.npz")
    assert losses["loss"].mean() == pytest.approx(row["loss"], rel=1e-5)
    records = json.loads((finished / "evaluations/12.json").read_text())["evaluators"]["worlds"]
    values = {r["name"]: r["value"] for r in records["records"]}
    assert values["objects_agree_real"] > 0.8


def test_evaluating_a_checkpoint_gives_the_losses_of_the_run(finished):
    out = forked("-m", "vdit.evaluate", "--workdir", finished, "--all").stdout
    row = json.loads((finished / "result.json").read_text())
    again = json.loads(out)
    assert again["step"] == 12
    assert again["loss"] == row["loss"]
    assert again["loss_ema"] == row["loss_ema"]
    done = forked("-m", "vdit.evaluate", "--workdir", finished, "--step", 5, check=False)
    assert "expected step 5; there are [12]" in done.stderr


def test_sampling_by_prompt_and_seed(finished, tmp_path):
    import av

    def sample(name, *more):
        command = ["-m", "vdit.sample", "--workdir", finished, "--out", tmp_path / name, *more]
        return forked(*command, check=False)

    said = sample("a.mp4", "--prompt", "a small red blob", "--seed", 1)
    assert "some words of the prompt were not in the training captions" in said.stderr
    with av.open(str(tmp_path / "a.mp4")) as container:
        frames = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
    assert len(frames) == 3
    assert frames[0].shape == (256, 256, 3)
    done = sample("a.avi")
    assert done.returncode == 2
    assert "error: --out" in done.stderr


CONFIGS = [p for p in (ROOT / "experiments").glob("*.py") if "def get_config" in p.read_text()]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_every_experiment_has_the_keys_of_the_base_and_a_model(path):
    made = importlib.import_module(f"experiments.{path.stem}").get_config()
    assert set(made.keys()) <= set(base.get_config().keys())
    assert made.experiment == path.stem
    if made.objective == "autoencoder":
        assert causal.Init.of(made.autoencoder).shapes()["encoder"]
    else:
        assert training_flops_per_clip(made) > 1e6


@pytest.mark.parametrize("command", ["main", "evaluate", "sample", "embed"])
def test_help_lists_the_flags_and_waits_for_no_import_of_jax(command):
    code = f"import runpy, sys; sys.argv = ['vdit.{command}', '--help']\n"
    code += f"try: runpy.run_module('vdit.{command}', run_name='__main__')\n"
    code += "except SystemExit as end: assert not end.code and 'jax' not in sys.modules"
    flag = "--out" if command == "embed" else "--workdir"
    assert f"\n  {flag}" in python("-c", code).stdout


@pytest.mark.parametrize("name", ["x.mp4", "x.webp", "x.gif"])
def test_videos_are_written_whole(tmp_path, name):
    from PIL import Image

    video = np.random.default_rng(0).integers(0, 256, (5, 17, 16, 3), np.uint8)
    media.write_video(tmp_path / name, video)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    if name != "x.mp4":
        with Image.open(tmp_path / name) as image:
            assert image.n_frames == 5
            assert image.size == (16, 17)
            if name == "x.webp":
                assert (np.asarray(image.convert("RGB")) == video[0]).all()
    assert pathlib.Path(tmp_path / name).stat().st_size > 100
