"""Runs of older code are read as ever; what newer code has written is refused by its number."""

import importlib
import json
import tarfile

import pytest

import vdit
from tests.paths import ROOT
from vdit.config import versions
from vdit.config.fingerprint import differences, fingerprint
from vdit.errors import InputError
from vdit.runs import folder
from vdit.runs.checkpoint import read_arrays
from vdit.training.evaluation import evaluate_run
from vdit.training.resolve import resolve
from vdit.training.run import run

GOLDEN = ROOT / "tests" / "golden"
COMMITS = ("7d30f19", "b567a4a")
# Measured by both commits alike, to the last digit or but one: of step 2, and of step 4.
LOSSES = {"loss": 2.5772126, "loss_ema": 2.6247876}
RESUMED = {"loss": 2.5515745, "loss_ema": 2.5694616}
PIXELS = (34.514323, 24.364737)  # mean and standard deviation of the video of a prompt
FLOAT_NOISE = 1e-4  # between compilers; a wrong weight or statistic moves the second digit


@pytest.fixture(params=COMMITS)
def old(request, tmp_path):
    """The folder of a run that the commit began."""
    with tarfile.open(GOLDEN / f"{request.param}.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    path = tmp_path / "run" / "config.json"
    written = json.loads(path.read_text()) | {"cache": str(tmp_path / "latents")}
    path.write_text(json.dumps(written))
    return path.parent


def records(found):
    return {r["name"]: r["value"] for r in found["evaluators"]["losses"]["records"]}


def test_an_old_run_is_sampled_and_measured_as_it_was(old):
    model = vdit.load(old)
    video = model.sample(["a small red circle moves left"], seed=3)
    assert (video.mean(), video.std()) == pytest.approx(PIXELS, rel=FLOAT_NOISE)
    (found,) = evaluate_run(old, evaluators={"losses": {"triples": 40}})
    measured = records(found)
    assert {key: measured[key] for key in LOSSES} == pytest.approx(LOSSES, rel=FLOAT_NOISE)


@pytest.mark.parametrize("old", COMMITS[:1], indirect=True)  # the other's names are today's
def test_an_old_run_goes_on_and_ends_as_it_would_have(old):
    row = run(folder.read_config(old), str(old))
    assert {key: row[key] for key in RESUMED} == pytest.approx(RESUMED, rel=FLOAT_NOISE)
    lines = (old / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines[-3:]] == [2, 3, 4]


def test_a_config_of_before_has_todays_keys_and_goes_with_the_run(old):
    config = folder.read_config(old)
    assert config.sweep.to_dict() == {"name": "", "branch": False}
    assert (config.model.positions, config.trunk.run, config.format) == ("rotary", "", 3)
    assert (config.model.dtype, config.compute_dtype) == ("float32", "float32")
    assert differences(config, resolve(config)) == []
    config.seed = 1
    with pytest.raises(InputError, match=r"differs in: seed: 0 -> 1$"):
        run(config, str(old))


@pytest.mark.parametrize("written", [4, 0, "x", None])
def test_a_format_that_is_not_known_is_named(tmp_path, written):
    (tmp_path / "config.json").write_text(json.dumps({"format": written}))
    with pytest.raises(InputError, match=rf"config.json: format {written}; this code reads 1 to 3"):
        folder.read_config(tmp_path)


def test_every_format_before_todays_has_an_entry():
    assert sorted(versions.CHANGES) == list(range(1, versions.FORMAT))


def test_a_flattened_optimizer_of_before_cannot_be_gone_on_with():
    stored = ["params/blocks/modulation/kernel", "optimizer/1/0/mu"]
    assert versions.stored_names(stored) == {
        "params/stages/0/blocks/0/modulation/kernel": "params/blocks/modulation/kernel"
    }


def named(experiment, argument, overrides):
    """The fingerprint of a shipped config with changes, whatever the embedded world is by now."""
    config = importlib.import_module(f"experiments.{experiment}").get_config(argument)
    if "model" in config:
        config.model.dtype = "float32"  # from before it was auto
    plain = {k: tuple(v) if isinstance(v, list) else v for k, v in overrides.items()}
    config.update_from_flattened_dict(plain)
    if experiment not in ("clips", "buckets"):  # whose videos are not in the repository
        config = resolve(config)
    changes = {"fingerprint": "data", "epochs": 0}  # from before the world was endless
    return fingerprint(config.to_dict() | {"data": config.data.to_dict() | changes})


@pytest.mark.parametrize("case", json.loads((GOLDEN / "fingerprints.json").read_text()), ids=str)
def test_a_shipped_config_keeps_its_fingerprint(case):
    if "doom" in case["argument"]:
        pytest.importorskip("vizdoom")
    expected = case.pop("fingerprint")
    assert named(**case) == expected


def test_every_experiment_has_a_fingerprint_in_the_list():
    shipped = {path.stem for path in (ROOT / "experiments").glob("*.py")} - {"__init__", "args"}
    cases = json.loads((GOLDEN / "fingerprints.json").read_text())
    assert {case["experiment"] for case in cases} == shipped


def test_arrays_are_read_under_todays_names(old):
    names = set(read_arrays(old, "ema"))
    assert {"stages/0/blocks/0/attentions/0/qkv/kernel", "stages/0/blocks/0/mlp/up/bias"} <= names
