"""Evaluators by name: what each measures, what is written, and that none trains a run again."""

import json
import re
import shutil
import sys
import types

import numpy as np
import pytest

from experiments import demo
from sweeps.launcher.grid import parse_settings, with_overrides
from tests.tiny import config, forked, trained
from vdit import evaluate, evaluators, main
from vdit.data.cache import Records
from vdit.data.latents import prepare
from vdit.errors import InputError
from vdit.evaluators import continuation, worlds
from vdit.evaluators.common import EvaluationData
from vdit.evaluators.objects.scores import NAMES
from vdit.runs import evaluations
from vdit.training import evaluation
from vdit.training.evaluation import evaluate_run
from vdit.training.metrics import Log
from vdit.training.resolve import resolve

ON_THE_WAY = {"evaluate_every": 4, "checkpoint_at": (4, 8), "checkpoint_every": 0}
ON_THE_WAY |= {"evaluation.clips": 8}


@pytest.fixture(scope="module")
def logged():
    """{step: scores} that the run below logs on its way."""
    return {}


@pytest.fixture(scope="module")
def root(tmp_path_factory, logged):
    """A folder with a run that was evaluated on its way, and what it was asked for."""
    root = tmp_path_factory.mktemp("evaluated")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Log, "scores", lambda self, step, values: logged.update({step: values}))
        trained(config(root, **ON_THE_WAY), root / "run")
    return root


def values(found, name):
    return {r["name"]: r["value"] for r in found["evaluators"][name]["records"]}


def test_checkpoints_on_the_way_are_rows_of_their_own(root):
    files = sorted(int(p.stem) for p in (root / "run" / evaluations.FOLDER).glob("*.json"))
    assert files == [4, 8, 12]
    rows = [evaluations.read(root / "run", step)["row"] for step in files]
    assert [row["steps"] for row in rows] == files
    assert [row["annealed"] for row in rows] == [False, False, True]
    assert rows[0]["flops"] * 3 == rows[2]["flops"]
    assert rows[0]["clips"] * 3 == rows[2]["clips"]
    assert rows[0]["lr_final"] > rows[1]["lr_final"] > rows[2]["lr_final"]
    assert len({row["run_id"] for row in rows}) == 1
    result = json.loads((root / "run" / "result.json").read_text())
    assert all(result[key] == value for key, value in rows[2].items())


def test_scores_on_the_way_and_of_the_last_step_are_logged(root, logged):
    assert sorted(logged) == [4, 8, 12]
    for step, scores in logged.items():
        assert scores == evaluations.values(root / "run", step)
        assert {"loss_ema", "permanence"} <= set(scores)


def test_a_checkpoint_has_the_same_numbers_later(root):
    before = evaluations.read(root / "run", 8)
    (again,) = evaluate_run(root / "run", [8])
    for name in before["evaluators"]:
        assert values(again, name) == values(before, name)
    assert values(before, "losses") != values(evaluations.read(root / "run", 4), "losses")


def test_another_evaluator_measures_and_trains_nothing(root):
    curve = (root / "run" / "metrics.jsonl").read_text()
    row = json.loads((root / "run" / "result.json").read_text())
    asked = {"evaluators": {"losses": {}}, "evaluation.clips": 3, "evaluate_every": 6}
    made = config(root, **ON_THE_WAY | {k: v for k, v in asked.items() if k != "evaluators"})
    made.evaluators = asked["evaluators"]
    assert trained(made, root / "run") == row
    (found,) = evaluate_run(root / "run", None, {"worlds": {"clips": 3}})
    assert (root / "run" / "metrics.jsonl").read_text() == curve
    assert found["evaluators"]["worlds"]["options"] == {"clips": 3, "seed": 0}
    assert {"losses", "worlds", "continuation", "physics", "video"} == set(found["evaluators"])
    for clips, seed in ((3, 0), (4, 0), (3, 1)):
        asked = evaluations.evaluators_of(
            {"evaluation": {"clips": clips, "seed": seed}}, ["worlds"]
        )
        left = evaluations.missing(root / "run", 12, asked)
        assert left == ({} if (clips, seed) == (3, 0) else asked)


def test_a_row_says_which_set_its_loss_was_measured_on(root):
    """Also when something else is measured later."""
    first = evaluations.read(root / "run", 4)["row"]["validation"]
    assert first == evaluations.read(root / "run", 12)["row"]["validation"]
    (other,) = evaluate_run(root / "run", [4], {"losses": {"triples": 64}})
    assert other["row"]["validation"] != first
    assert other["evaluators"]["losses"]["records"][0]["n"] == 64
    (again,) = evaluate_run(root / "run", [4], {"continuation": {}, "captions": {}})
    assert again["row"] == other["row"]
    (back,) = evaluate_run(root / "run", [4], {"losses": {}})
    assert back["row"]["validation"] == first


def test_checkpoints_of_a_run_that_older_code_named_are_of_that_run(root, tmp_path):
    shutil.copytree(root / "run", tmp_path / "0123456789ab")
    shutil.rmtree(tmp_path / "0123456789ab" / evaluations.FOLDER)
    result = json.loads((root / "run" / "result.json").read_text())
    former = dict.fromkeys(("run_id", "fingerprint", "trunk"), "ba9876543210")
    (tmp_path / "0123456789ab" / "result.json").write_text(json.dumps(result | former))
    (found,) = evaluate_run(tmp_path / "0123456789ab", [8], {"losses": {}})
    assert former.items() <= found["row"].items()
    assert (found["row"]["steps"], found["row"]["annealed"]) == (8, False)
    (tmp_path / "0123456789ab" / "result.json").unlink()  # under way: its folder is its name
    (found,) = evaluate_run(tmp_path / "0123456789ab", [4], {"losses": {}})
    assert found["row"]["run_id"] == found["row"]["trunk"] == "0123456789ab"


def test_names_and_options_that_are_not_there_are_said(root, tmp_path):
    with pytest.raises(
        InputError, match="evaluator 'beauty': expected one of captions, continuation, framing"
    ):
        evaluate_run(root / "run", None, {"beauty": {}})
    with pytest.raises(InputError, match=r"evaluators.worlds.clip: .* clips, seed"):
        evaluate_run(root / "run", None, {"worlds": {"clip": 3}})
    made = config(tmp_path)
    made.evaluators = {"worlds": {"clip": 3}}
    with pytest.raises(InputError, match=r"evaluators.worlds.clip"):
        trained(made, tmp_path / "never")
    assert not (tmp_path / "never").exists()  # found before anything is trained
    made.evaluators = {"beauty": {}}
    with pytest.raises(InputError, match="evaluator 'beauty'"):
        resolve(made)


def test_evaluators_are_set_whole_by_a_run_and_by_a_sweep(monkeypatch):
    """What is not named is not measured: the two commands read one text as one thing."""
    argv = ["main", "--config", "experiments/demo.py", "--workdir", "never"]
    for asked in ({"losses": {}, "sets": {"clips": 3, "features": ("latents",)}}, {"worlds": {}}):
        monkeypatch.setattr(sys, "argv", [*argv, f"--config.evaluators={asked}"])
        of_run, _ = main.parse_flags(sys.argv)
        of_sweep = with_overrides(demo.get_config(), parse_settings([f"evaluators={asked}"]))
        assert of_run.evaluators.to_dict() == of_sweep.evaluators.to_dict() == asked
    for text in ("evaluators=losses", "evaluators.worlds.clips=3"):
        monkeypatch.setattr(sys, "argv", [*argv, f"--config.{text}"])
        with pytest.raises(InputError):
            main.parse_flags(sys.argv)
        settings = parse_settings([text])
        with pytest.raises(InputError):
            with_overrides(demo.get_config(), settings)


def test_the_command_measures_what_it_is_asked(root):
    def evaluate(*flags, check=True):
        return forked("-m", "vdit.evaluate", "--workdir", root / "run", *flags, check=check)

    done = evaluate("--step", 4, "--only", "losses,continuation")
    (row,) = map(json.loads, done.stdout.splitlines())
    assert row["step"] == 4
    assert row["loss"] == values(evaluations.read(root / "run", 4), "losses")["loss"]
    assert "continuation: nothing to measure on this run" in done.stderr
    took = re.findall(r"(\w+) [\d.]+ s \([\d.]+ of CPU\)", done.stderr.splitlines()[-1])
    assert took == ["losses", "continuation", "all"]
    assert "error: evaluator 'beauty'" in evaluate("--only", "beauty", check=False).stderr
    none = evaluate("--only", "worlds", "--features", "tracks", check=False).stderr
    assert "error: --features: of sets, which is not among worlds" in none
    both = evaluate("--step", 4, "--all", check=False)
    assert both.returncode == 2
    assert "error: --step 4: not with --all" in both.stderr


def test_features_that_are_named_are_those_of_sets(root, monkeypatch):
    seen = {}
    monkeypatch.setattr(evaluation, "evaluate_run", lambda *args: seen.update(args[2]) or [])
    flags = ["--only=worlds,sets", "--clips=3", "--features=latents,tracks"]
    evaluate.evaluate_one(evaluate.parse_args([f"--workdir={root / 'run'}", *flags]))
    plain = {"clips": 3, "seed": 0}
    assert seen == {"worlds": plain, "sets": plain | {"features": ("latents", "tracks")}}


class Perfect:
    """A model whose videos are the real ones; its autoencoder loses nothing."""

    config = types.SimpleNamespace(frame_timesteps=True, latent=(3, 16, 16, 3))

    def __init__(self, data):
        self.videos = data.clips(8).videos
        self.autoencoder = types.SimpleNamespace(decode=lambda latent: self.videos)
        self.statistics = types.SimpleNamespace(denormalise=lambda latent: latent)

    def sample(self, captions, seed, frames=None, batch=None):
        return self.videos


@pytest.fixture
def data(root):
    made = resolve(config(root, **ON_THE_WAY))
    return EvaluationData(made, Records(prepare(made), "validation"), root / "run", 12)


def test_a_perfect_model_reaches_the_upper_bounds(data, tmp_path):
    """And is told apart from one that shows the clips in another order."""
    found = {r.name: r for r in worlds.evaluate(Perfect(data), data, clips=8, seed=0)}
    assert set(found) == {f"{n}{b}" for n in NAMES for b in ("", "_real", "_coded")}
    for name in NAMES:
        assert found[name].compared_with == (f"{name}_real", f"{name}_coded")
        assert found[name].value == pytest.approx(found[f"{name}_real"].value, nan_ok=True)
        assert found[name].lower_is_better == (name == "acceleration")
    assert found["objects_agree"].value > 0.8
    wrong = Perfect(data)
    wrong.videos = np.roll(wrong.videos, 1, axis=0)
    worse = {r.name: r.value for r in worlds.evaluate(wrong, data, clips=8, seed=0)}
    assert worse["objects_agree"] < 0.5
    assert worse["objects_agree_real"] > 0.8


def test_a_perfect_continuation_has_the_error_of_the_real_clips(data):
    found = {r.name: r for r in continuation.evaluate(Perfect(data), data, clips=8, seed=0)}
    for task in ("animate", "extend", "extend_back", "interpolate"):
        record = found[f"{task}_position"]
        assert record.compared_with == (f"{task}_position_still", f"{task}_position_coded")
        assert record.value < found[f"{task}_position_still"].value
        assert record.value == pytest.approx(found[f"{task}_position_coded"].value, abs=0.5)
    assert found["loop_step"].compared_with == ("loop_step_still",)
    assert all(record.lower_is_better for record in found.values())


def test_nothing_is_measured_where_it_does_not_apply(data):
    model = Perfect(data)
    model.config = types.SimpleNamespace(frame_timesteps=False)
    assert continuation.evaluate(model, data, clips=8, seed=0) == []
    assert worlds.evaluate(model, data, clips=0, seed=0) == []


def test_every_evaluator_is_a_file_with_an_evaluate():
    assert evaluators.names() == (
        *("captions", "continuation", "framing", "losses", "physics"),
        *("sets", "shapes", "video", "worlds"),
    )
    for name in evaluators.names():
        assert evaluators.find(name, {}).__doc__
