"""`python -m vdit.plan`: the mesh that it chooses, what it refuses, the real step beside it."""

import collections
import csv
import dataclasses
import json
import sys

import pytest

from tests.cost_model_test import H100, XL, job
from tests.tiny import ROOT, forked, python
from vdit import plan
from vdit.config.activations import REMATS
from vdit.config.model_config import FAMILIES, LAYOUTS
from vdit.errors import InputError
from vdit.planning import assumptions, cost_model, search, table
from vdit.planning.job import Job, checked, mesh_of
from vdit.runs import tables


def test_every_factorisation_once():
    found = [tuple(mesh.values()) for mesh in search.meshes(12)]
    assert len(found) == len(set(found)) == 40  # 2^2: 10 ways over four axes, 3: 4
    assert all(a * b * c * d == 12 for a, b, c, d in found)


def test_the_best_mesh_is_the_fastest_that_fits():
    large = job(model=dataclasses.replace(XL, width=3072, depth=52, heads=24), batch=128)
    jobs = search.choices(large, 64, REMATS)
    best = search.best(jobs)
    fitting = [search.predict(j) for j in jobs if cost_model.headroom(j) >= 0]
    assert 0 < len(fitting) < len(jobs)
    assert search.predict(best)["step_s"] == min(f["step_s"] for f in fitting)
    # Where nothing fits, what misses least.
    jobs = search.choices(dataclasses.replace(large, batch=1), 1, REMATS)
    best = search.best(jobs)
    assert cost_model.headroom(best) == max(map(cost_model.headroom, jobs)) < 0


@pytest.mark.parametrize(
    ("mesh", "batch", "changes", "line"),
    [
        ("data=3", 64, {}, "--batch 64 does not divide over data x fsdp of data=3"),
        ("tensor=3", 64, {}, "tensor=3 does not divide the 16 heads"),
        ("context=3", 63, {}, "context=3 does not divide 4096"),
        ("context=32", 64, {"attention": "factorised"}, "context=32 does not divide 16 and 256"),
        ("context=3", 63, {"attention": "another"}, "context=3 does not divide 4096 and 16 and 25"),
        ("tensor=2", 64, {"attention": "unet"}, "unet on tensor=2: expected data and fsdp alone"),
        ("data=1", 64, {"attention": "captioner"}, "captioner: expected one of full, interl"),
    ],
)
def test_what_does_not_divide_is_named(mesh, batch, changes, line, monkeypatch):
    monkeypatch.setitem(LAYOUTS, "another", ((("full", "time"),),))  # a layout of the reader's own
    monkeypatch.setitem(FAMILIES, "another", FAMILIES["full"])
    with pytest.raises(InputError, match=line):
        checked(job(mesh, batch, **changes))


# --- the command ----------------------------------------------------------------------------------


def run(monkeypatch, capsys, *flags):
    monkeypatch.setattr(sys, "argv", ["vdit.plan", *flags])
    assert plan.main() == 0
    return json.loads(capsys.readouterr().out)


CLIP = ("--latent", "16,32,32,4")


def test_the_plan_of_twenty_billion_weights(monkeypatch, capsys):
    flags = ["--size", "20B", *CLIP, "--batch", "4096", "--device", "h100"]
    mesh = ["--mesh", "data=64,fsdp=8,tensor=8"]
    found = run(monkeypatch, capsys, *flags, *mesh)
    assert found["kind"] == "formula"
    assert found["devices"] == 4096
    assert found["fits"]
    assert found["best"]["fits"]
    assert found["best"]["step_s"] <= found["step_s"]
    assert 0.1 < found["mfu"] < found["best"]["mfu"] < assumptions.PRODUCTS
    free = run(monkeypatch, capsys, *flags, "--devices", "4096")
    assert free["mesh"] == found["best"]["mesh"]
    assert free["step_s"] == found["best"]["step_s"]


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--mesh", "data=4,fsdp=2", "--devices", "16"], "takes 8 devices, --devices is 16"),
        (["--mesh", "rows=4"], "--mesh rows=4: expected AXIS=N"),
        (["--mesh", "data=0"], "--mesh data=0: expected AXIS=N"),
        (["--devices", "8", "--device", "b9"], "--device b9: expected one of h100, h200, a100"),
        (["--devices", "8", "--remat", "some"], "--remat some: expected one of none, dots, full"),
        (["--devices", "7"], "no mesh of 7 devices divides this job"),
        ([], "--mesh or --devices is missing"),
        (["--devices", "1024", "--compile"], "1024 devices: expected at most 512"),
    ],
)
def test_bad_values_are_one_clear_line(monkeypatch, flags, line):
    monkeypatch.setattr(sys, "argv", ["vdit.plan", "--size", "XL", "--batch", "2048", *flags])
    with pytest.raises(InputError) as caught:
        plan.main()
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("mesh", "batch", "remat"),
    [("data=64", 256, "full"), ("data=4,fsdp=16", 256, "none"), ("data=64", 256, "none")],
)
def test_out_of_memory_says_what_is_missing_and_every_advice_fits(
    monkeypatch, capsys, mesh, batch, remat
):
    flags = ["--size", "7B", *CLIP, "--remat", remat]
    with pytest.raises(InputError) as caught:
        run(monkeypatch, capsys, *flags, "--mesh", mesh, "--batch", str(batch))
    said = json.loads(capsys.readouterr().out)
    line, ways = str(caught.value).split("; try ")
    assert not said["fits"]
    assert f"{-said['headroom_gib']:.1f} GiB are missing" in line
    asked = {"--mesh": mesh, "--batch": str(batch), "--remat": remat}
    assert ways
    for way in ways.split(" or "):
        flags, values = way.split()[::2], way.split()[1::2]
        words = asked | dict(zip(flags, values, strict=True))
        found = [word for pair in words.items() for word in pair]
        assert run(monkeypatch, capsys, "--size", "7B", *CLIP, *found)["fits"]


def test_a_batch_that_is_too_large_is_made_smaller():
    line = search.out_of_memory(job("fsdp=8", 8 * 400, remat="full"))
    batch = int(line.split("--batch ")[1])
    assert cost_model.headroom(job("fsdp=8", batch, remat="full")) >= 0
    assert cost_model.headroom(job("fsdp=8", batch + 8, remat="full")) < 0


def test_what_no_mesh_holds_says_so():
    huge = dataclasses.replace(XL, width=4608, depth=68, heads=48, remat="full")
    line = search.out_of_memory(Job(huge, 8, mesh_of("fsdp=8"), H100))
    assert line.endswith("no mesh of so many devices holds it: try more devices")


def test_the_table_is_what_the_command_writes(monkeypatch, capsys, tmp_path):
    folder = ROOT / "analysis" / "results" / "plan"
    monkeypatch.setattr(sys, "argv", ["vdit.plan", "--table", str(tmp_path / "table.csv")])
    assert plan.main() == 0
    kept = (folder / "table.csv").read_text()
    formulas = [line for line in kept.splitlines() if not line.startswith("compiled")]
    assert (tmp_path / "table.csv").read_text().splitlines() == formulas
    assert (
        tables.as_text(list(csv.DictReader(kept.splitlines())))
        in (folder / "README.md").read_text()
    )
    rows = table.rows()
    assert {(row["size"], row["devices"]) for row in rows} == {
        (size, n) for size in ("XL", "7B", "20B") for n in (8, 64, 512, 4096)
    }
    assert {row["kind"] for row in rows} == {"formula"}


def test_planning_imports_no_jax():
    code = (
        "import runpy, sys; sys.argv = ['plan', '--size', 'XL', '--devices', '8', '--batch', '8']"
    )
    code += "\ntry: runpy.run_module('vdit.plan', run_name='__main__')\n"
    code += "except SystemExit as end: assert not end.code and 'jax' not in sys.modules"
    assert json.loads(python("-c", code).stdout)["kind"] == "formula"


# --- against the program --------------------------------------------------------------------------

COMPILED = """
import json
from vdit.planning import compared
from vdit.config.devices import DEVICES
from vdit.planning.job import Job, mesh_of
from vdit.config.model_config import ModelConfig
model = ModelConfig((2, 8, 8, 4), (1, 2, 2), 64, 1, 2, frequencies=64, condition="none")
meshes = "data=8", "data=2,fsdp=4"
jobs = [Job(model, 8, mesh_of(mesh), DEVICES["h100"]) for mesh in meshes]
print(json.dumps([compared.compare(job) for job in jobs]))
"""
UNET = """
import json
from vdit.config.devices import DEVICES
from vdit.config.model_config import ModelConfig
from vdit.planning import collectives, cost_model, hlo, lowered, traffic
from vdit.planning.job import Job, checked, mesh_of
model = ModelConfig((2, 4, 4, 4), (1, 1, 1), 32, 1, 2, frequencies=64, condition="none",
                    attention="unet")
job = checked(Job(model, 4, mesh_of("fsdp=2"), DEVICES["h100"]))
program = lowered.compiled(job)
print(json.dumps({
    "arguments": [cost_model.argument_bytes(job), program.memory_analysis().argument_size_in_bytes],
    "formulas": [c[:5] for c in collectives.collectives(job)],
    "moves": [m[:5] for m in traffic.moves(hlo.read(program.as_text()), job.mesh)],
}))
"""


def test_the_compiled_step_takes_the_bytes_that_the_formula_says():
    found = json.loads(forked("-c", COMPILED, devices=8).stdout.splitlines()[-1])
    found = [row["argument_bytes"] for row in found]
    assert all(row["formula"] == pytest.approx(row["compiled"], rel=0.02) for row in found)
    state = [row["compiled"] - 4 * (2 * 8 * 8 * 4 + 1) for row in found]
    assert [state[0] / n for n in state] == pytest.approx([1, 4], rel=0.1)


def test_a_unet_moves_weights_and_gradients_and_no_clips():
    """A compiler for CPUs sums gradients whole, and gathers some weights once for both passes."""
    found = json.loads(forked("-c", UNET, devices=2).stdout.splitlines()[-1])
    formula, compiled = found["arguments"]
    assert formula == pytest.approx(compiled, rel=0.01)
    moved = collections.Counter()
    for kind, _, _, size, times in found["moves"]:
        moved[kind] += size * times
    said = {kind: size for kind, _, _, _, size in found["formulas"]}
    assert moved["all-reduce"] == pytest.approx(2 * said["reduce-scatter"], rel=0.01)
    assert 0.5 * said["all-gather"] < moved["all-gather"] < 1.01 * said["all-gather"]
    vectors = moved.total() - moved["all-reduce"] - moved["all-gather"]
    assert vectors < 4 * 4 * 32 * 32 / 8  # bytes of a batch's tokens, which any layer would move
