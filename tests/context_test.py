"""Tokens of a clip split over devices: the numbers of one device, and no traffic but what is meant.

Of the real training step, unrolled, on simulated devices.
"""

import csv
import json

import numpy as np
import pytest

from tests.tiny import ROOT, forked
from vdit.config.devices import device_of
from vdit.config.model_config import LAYOUTS, ModelConfig
from vdit.planning import collectives, hlo, traffic
from vdit.planning.job import Job, mesh_of

SCRIPT = """
import functools, json, sys, jax, numpy as np
from vdit.planning import hlo, lowered, traffic
from vdit.planning.job import Job, mesh_of
from vdit.config.model_config import ModelConfig
from vdit.training.diffusion_loss import Init
from vdit.training.optimizer import OptimizerConfig
from vdit.training.step import TrainState

def model(attention, frames=4, depth=2, **more):
    return ModelConfig((frames, 16, 16, 2), (1, 2, 2), 24, depth, 4, frequencies=16,
                       attention=attention, vocabulary=9, text_length=4, unroll=True, **more)

@functools.cache
def state_of(model):
    params = jax.jit(Init(model))(jax.random.key(1))
    leaves, tree = jax.tree.flatten(params)
    rng = np.random.default_rng(1)  # gates start as zero: then half of the model has no effect
    leaves = [x + 0.05 * rng.standard_normal(x.shape, np.float32) for x in leaves]
    params = jax.tree.unflatten(tree, leaves)
    key = jax.random.key_data(jax.random.key(2))
    memory = OptimizerConfig().transform().init(params)
    return TrainState(np.int32(0), params, params, memory, key, np.int32(-1))

def curve(job, program):
    rng = np.random.default_rng(0)
    batch = {"latent": rng.standard_normal((job.batch, *job.model.latent), np.float32),
             "caption": rng.integers(0, 9, (job.batch, 4), np.int32)}
    arrays = jax.tree.map(np.asarray, (state_of(job.model), batch))
    shardings = program.input_shardings[0]
    state, batch = (jax.tree.map(jax.device_put, a, p) for a, p in zip(arrays, shardings))
    for _ in range(4):
        state, metrics = program(state, batch, np.float32(1e-2), np.float32(0.9))
        yield float(metrics["loss"])

for case in json.loads(sys.argv[1]):
    job = Job(model(case["attention"], **case.get("more", {})), 4, mesh_of(case["mesh"]), None)
    program = lowered.compiled(job)
    case["losses"] = list(curve(job, program))
    case["moves"] = traffic.moves(hlo.read(program.as_text()), job.mesh)
    print(json.dumps(case))
"""
ONE, MIXED = "data=1", "fsdp=2,tensor=2,context=2"
UNEVEN = {"frames": 3}  # which two devices cannot share
WORDS = {"depth": 1, "caption_by": "context"}  # 4 tokens more, some of which are masked
CASES = [
    ("full", ONE, WORDS),
    ("full", "context=4", WORDS),
    ("interleaved", ONE, {}),
    ("interleaved", "context=4", {}),
    ("interleaved", MIXED, {}),
    ("interleaved", ONE, UNEVEN),
    ("interleaved", "context=2", UNEVEN),
    ("split_heads", ONE, {"depth": 1}),
    ("split_heads", "context=2", {"depth": 1}),
]
TOKENS = 4 * 4 * 64 * 24  # of a batch: clips, frames, positions, width


@pytest.fixture(scope="module")
def cases():
    asked = [{"attention": a, "mesh": mesh, "more": more} for a, mesh, more in CASES]
    lines = forked("-c", SCRIPT, json.dumps(asked), devices=8).stdout.splitlines()
    return [json.loads(line) for line in lines]


def found(cases, attention, mesh):
    case = next(c for c in cases if (c["attention"], c["mesh"]) == (attention, mesh))
    return [traffic.Move(*move) for move in case["moves"]]


def test_every_mesh_gives_the_losses_of_one_device(cases):
    ones = {(c["attention"], str(c["more"])): c["losses"] for c in cases if c["mesh"] == ONE}
    split = [c for c in cases if c["mesh"] != ONE]
    assert len(split) == len(CASES) - len(ones)
    for case in split:
        one = ones[case["attention"], str(case["more"])]
        assert np.ptp(one) > 0.01
        np.testing.assert_allclose(case["losses"], one, rtol=1e-5, err_msg=str(case["mesh"]))


def test_tokens_switch_between_frames_and_positions_by_all_to_alls_alone(cases):
    moves = found(cases, "interleaved", "context=4")
    switches = [m for m in moves if m.kind == "all-to-all"]
    assert len(switches) == 2 * 2  # to the attention over time and back, forward and backward
    assert {m.bytes for m in switches} == {4 * TOKENS / 4 * 3 / 4}
    assert not [m for m in moves if m.kind in ("all-gather", "reduce-scatter")]
    # What else there is are sums: of gradients of weights, and of what modulates a clip.
    rest = [shape for m in moves if m not in switches for shape in m.shapes]
    assert rest
    assert all(np.prod(shape) < TOKENS / 4 for shape in rest)


def test_full_attention_gathers_keys_and_values_and_no_other_tokens(cases):
    moves, tokens = found(cases, "full", "context=4"), 4 * (4 * 64 + 4) * 24
    gathers = [m for m in moves if np.prod(m.shapes[0]) >= TOKENS / 4 and m.kind != "all-reduce"]
    assert [(m.kind, m.bytes) for m in gathers] == 2 * [("all-gather", 4 * tokens * 3 / 4)]
    sums = [s for m in moves if m.kind == "all-reduce" for s in m.shapes if np.prod(s) == tokens]
    assert len(sums) == 2  # the gradients of keys and of values


def test_no_tokens_are_gathered_on_a_mesh_of_many_axes(cases):
    own = TOKENS / 2 / 2  # of a device; heads and hidden units are split once more
    moves = found(cases, "interleaved", MIXED)
    assert all(np.prod(s) < own for m in moves if m.kind == "all-gather" for s in m.shapes)
    switches = [m for m in moves if (m.kind, m.axes) == ("all-to-all", "context")]
    assert [m.bytes for m in switches] == [4 * own / 2] * 4
    # Behind attention, cross-attention and MLP of both blocks; in front of them, backward.
    sums = [s for m in moves if m.axes == "tensor" for s in m.shapes if np.prod(s) == own]
    assert len(sums) == 2 * 3 * 2


@pytest.mark.parametrize(
    ("attention", "kind", "more"),
    [("full", "all-gather", WORDS), ("interleaved", "all-to-all", {"depth": 2})],
)
def test_the_formula_has_the_bytes_that_the_program_moves(cases, attention, kind, more):
    more = more | {"attention": attention, "text_length": 4}
    model = ModelConfig((4, 16, 16, 2), (1, 2, 2), 24, heads=4, **more)
    job = Job(model, 4, mesh_of("context=4"), device_of("h100"))
    said = [c.bytes for c in collectives.collectives(job) if c.kind == kind]
    moves = [m for m in found(cases, attention, "context=4") if m.kind == kind]
    assert sum(said) == sum(m.times * m.bytes for m in moves if m.bytes >= 4096)


def test_the_table_of_meshes_has_every_variant():
    with open(ROOT / "analysis" / "results" / "meshes" / "table.csv") as file:
        table = list(csv.DictReader(file))
    assert {row["kind"] for row in table} == {"simulated"}
    assert {row["variant"] for row in table} == set(LAYOUTS)


@pytest.mark.parametrize(
    ("groups", "axes"),
    [
        ("{{0,1},{2,3},{4,5},{6,7}}", "context"),
        ("[4,2]<=[2,2,2]T(0,2,1)", "tensor"),
        ("[2,4]<=[8]", "tensor+context"),
        ("mesh['a'=2,'b'=4] {'a'}", "data"),
        ("mesh['a'=2,'b'=1,'c'=4], device_ids=([2,2,2]T(1,0,2)) {'a'}", "tensor"),
    ],
)
def test_groups_of_devices_are_read_however_they_are_written(groups, axes):
    line = f"  %a = (f32[4,2]{{1,0}}, bf16[3]) all-reduce(%b, %c), replica_groups={groups}, to=%add"
    mesh = {"data": 2, "fsdp": 1, "tensor": 2, "context": 2}
    text = f"ENTRY %main (x: f32[]) -> f32[] {{\n{line}\n}}"
    (move,) = traffic.moves(hlo.read(text), mesh)
    n = 4 if "+" in axes else 2
    expected = ("all-reduce", axes, ((4, 2), (3,)), 2 * (32 + 6) * (n - 1) / n)
    assert move[:4] == expected
