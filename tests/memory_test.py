"""Out of memory: one line that says how much is missing, and changes that would make it fit."""

import dataclasses
import json
import re
import subprocess
import sys
from unittest import mock

import jax
import pytest

from tests.cost_model_test import XL, job
from tests.tiny import ROOT, config, flags, trained
from vdit.config.devices import GIB
from vdit.errors import InputError
from vdit.planning import cost_model
from vdit.training import out_of_memory
from vdit.training.diffusion_task import DiffusionTask


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 12884901888 bytes.", 12 * GIB),
        ("RESOURCE_EXHAUSTED: Out of memory allocating 400000000 bytes.", 4e8),
        (
            "Out of memory while trying to allocate 1.50GiB. [tf-allocator-allocation-error='']",
            1.5 * GIB,
        ),
        ("RESOURCE_EXHAUSTED: Failed to allocate request for 24.00MiB (25165824B) on device", None),
        ("RESOURCE_EXHAUSTED: no more streams", None),
    ],
)
def test_bytes_that_xla_names(text, expected):
    assert out_of_memory.asked_bytes(text) == expected


def settings(tmp_path, **more):
    return config(tmp_path, **{"model.size": "XL", "batch": 256} | more)


def test_the_line_says_what_is_missing_and_what_fits(tmp_path):
    made, step = settings(tmp_path), job("data=4,fsdp=2", 256)
    line = out_of_memory.message(12 * GIB, 70 * GIB, 79 * GIB, step, made)
    needed = sum(cost_model.memory(step).values())
    assert needed > 82 * GIB
    assert line.startswith(
        f"out of memory in a step of size XL, batch 256: needs {needed / GIB:.1f}"
    )
    assert "79.0 GiB are there" in line
    assert f"{needed / GIB - 79:.1f} GiB missing" in line
    ways = line.split("; try ")[1].split(" or ")
    assert [way.split("=")[0] for way in ways] == ["--config.accumulate", "--config.model.remat"]
    parts = int(ways[0].split("=")[1])
    for n, fits in [(parts, True), (parts // 2, False)]:
        fewer = cost_model.memory(dataclasses.replace(step, batch=256 // n))
        assert (sum(fewer.values()) + (n > 1) * fewer["gradients"] <= 79 * GIB) == fits


def test_what_the_formulas_leave_out_grows_with_the_activations(tmp_path):
    made, step = settings(tmp_path, batch=128), job("data=8", 128)
    small = out_of_memory.message(1 * GIB, 30 * GIB, 79 * GIB, step, made)
    made, step = settings(tmp_path, batch=64), job("data=8", 64)
    large = out_of_memory.message(500 * GIB, 70 * GIB, 79 * GIB, step, made)
    assert small.endswith("try --config.accumulate=2 or --config.model.remat=dots")
    assert "needs 570.0 GiB" in large
    assert large.endswith("try --config.model.remat=full")
    whole = out_of_memory.message(1 * GIB, 200 * GIB, 210 * GIB, step, made)
    assert "not enough in one piece" in whole


def test_two_changes_where_one_is_not_enough_and_none_where_nothing_is(tmp_path):
    made = settings(tmp_path)
    both = out_of_memory.message(None, 0, 24 * GIB, job("data=8", 512), made)
    assert re.search(r"try --config.model.remat=full --config.accumulate=\d+$", both)
    nothing = out_of_memory.message(None, 0, 13 * GIB, job("data=1", 8), made)
    assert nothing.endswith("expected more devices (--config.mesh.fsdp) or a smaller model")
    split = out_of_memory.message(None, 0, 12 * GIB, job("data=8", 8, remat="full"), made)
    assert split.endswith("try --config.mesh.data=4 --config.mesh.fsdp=2")


def test_other_errors_pass_and_models_without_formulas_get_a_line_too(tmp_path):
    made = settings(tmp_path)
    mesh = jax.make_mesh((1,), ("data",))
    with pytest.raises(jax.errors.JaxRuntimeError), out_of_memory.explained(None, made, mesh):
        raise jax.errors.JaxRuntimeError("INTERNAL: something else")
    with pytest.raises(InputError) as caught, out_of_memory.explained(None, made, mesh):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9e bytes")
    assert "try --config.accumulate=2" in str(caught.value)
    captioner, unet = (dataclasses.replace(XL, attention=a) for a in ("captioner", "unet"))
    assert out_of_memory._job(captioner, made, {"data": 1}) is None
    assert out_of_memory._job(unet, made, {"data": 1}).model == unet


def test_a_run_that_cannot_be_measured_is_kept_and_measured_later(tmp_path, monkeypatch):
    made = config(tmp_path, **{"steps": 4, "model.depth": 1})
    exhausted = jax.errors.JaxRuntimeError(
        "RESOURCE_EXHAUSTED: Out of memory allocating 99999999999999 bytes"
    )
    with monkeypatch.context() as patched:
        patched.setattr(DiffusionTask, "evaluate", mock.Mock(side_effect=exhausted))
        with pytest.raises(InputError, match="out of memory in measuring width 24, depth 1: needs"):
            trained(made, tmp_path / "run")
    assert not (tmp_path / "run" / "result.json").exists()
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().count("loss")
    assert trained(made, tmp_path / "run")["steps"] == 4
    assert (tmp_path / "run" / "metrics.jsonl").read_text().count("loss") == lines


# 27,648 tokens, each of which sees all: a buffer of 5.7 GiB for the logits of one clip alone.
LIMIT = 12 * GIB


def test_a_run_without_enough_memory_ends_in_one_line_and_leaves_nothing_half_written(tmp_path):
    huge = {"data.height": 96, "data.width": 96, "model.patch": "(1,1,1)", "model.depth": 1}
    run = [sys.executable, "-m", "vdit.main", *flags(tmp_path, tmp_path / "run", **huge)]
    starved = ["bash", "-c", f'ulimit -v {LIMIT // 1024}; exec "$@"', "starved", *run]
    done = subprocess.run(starved, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr[-2000:]
    (line,) = [row for row in done.stderr.splitlines() if "out of memory" in row]
    assert line.startswith("error: out of memory in a step of width 24, depth 1, batch 8: needs ")
    assert "12.0 GiB are there" in line
    assert "GiB missing; " in line
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "run").glob("*result*"))
    assert json.loads((tmp_path / "run" / "config.json").read_text())
