"""`vdit.bench`: the peer is the same model, pairs are paired, the goals' table is drawn."""

import csv
import dataclasses
import sys
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from tests.clips import noise, write_video
from tests.paths import ROOT
from vdit import bench
from vdit.benchmark import cases, data, measure, table
from vdit.benchmark.peer import Peer
from vdit.config.devices import DEVICES
from vdit.errors import InputError
from vdit.models import dit
from vdit.parallel.compiler import jitted
from vdit.runs.weights import name_of

TINY = dataclasses.replace(cases.DEMO, width=24, depth=2, heads=2, latent=(2, 4, 4, 4))


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(measure, "ROUNDS", 2)
    monkeypatch.setattr(measure, "ROUND_S", 0.02)


def load(peer, arrays):
    """Copies our weights, path to array, into the peer; every one of its parameters is set."""
    renamed = {"words": "caption.words", "positions": "caption.places"}
    for name, parameter in peer.named_parameters():
        path, layer = name.replace(".weight", ".kernel"), None
        if name.startswith("blocks."):
            _, layer, rest = path.split(".", 2)
            path = f"stages.0.blocks.0.{rest}"
        if "_norm" in path:
            path = path.replace("kernel", "scale")
        path = path.replace("pool.", "caption.pool.")
        path = path.replace("timestep_embedding.", "noise_level.")
        value = arrays[renamed.get(path, path).replace(".", "/")]
        value = value if layer is None else value[int(layer)]
        value = value.T if path.endswith("kernel") else value
        parameter.data.copy_(parameter.new_tensor(value))


def said(monkeypatch, capsys, *flags) -> str:
    monkeypatch.setattr(sys, "argv", ["vdit.bench", *map(str, flags)])
    bench.main()
    return capsys.readouterr().out


def test_the_peer_is_the_same_model(monkeypatch):
    """Outputs and gradients of both on the same weights, none of them zero, to 1e-5.

    Ours compiled as users have it: a compiler's option that makes wrong numbers is seen here.
    """
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    torch = pytest.importorskip("torch")
    from vdit.benchmark import torch_peer

    graph, weights = nnx.split(dit.create(TINY, jax.random.key(0)))
    leaves, tree = jax.tree.flatten(weights)
    keys = jax.random.split(jax.random.key(1), len(leaves))
    leaves = [w + 0.2 * jax.random.normal(k, w.shape) for w, k in zip(leaves, keys, strict=True)]
    weights = jax.tree.unflatten(tree, leaves)
    random = np.random.default_rng(0)
    x, like = random.standard_normal((2, 3, *TINY.latent), np.float32)
    t = np.float32([0.1, 0.5, 0.9])
    size = 3, TINY.text_length
    caption = jnp.asarray(random.integers(0, TINY.vocabulary, size), jnp.int32)

    def ours(weights):
        y = nnx.merge(graph, weights)(x, t, caption)
        return (y * like).sum(), y

    both = jitted("step")(jax.value_and_grad(ours, has_aux=True))
    (_, expected), gradient = both(weights)
    named = jax.tree_util.tree_leaves_with_path(weights)
    peer = torch_peer.VideoDiT(TINY)
    load(peer, {name_of(p): np.asarray(w) for p, w in named})
    found = peer(*(torch.tensor(a) for a in (x, t, np.asarray(caption))))
    np.testing.assert_allclose(found.detach().numpy(), expected, atol=1e-5 * np.abs(expected).max())
    (found * torch.tensor(like)).sum().backward()
    theirs = sum(float((w.grad**2).sum()) for w in peer.parameters())
    own = sum(float((g**2).sum()) for g in jax.tree.leaves(gradient))
    assert theirs == pytest.approx(own, rel=1e-5)


def test_cases_are_sizes_by_variants_by_recomputation(capsys):
    found = cases.grid(["w20d2", "w24d2"], ["full", "interleaved"], ["none", "full"])
    asked = [(c.name, c.model.attention, c.model.remat, c.model.width) for c in found]
    assert len(set(asked)) == 8
    assert {(name, width) for name, *_, width in asked} == {("w20d2", 20), ("w24d2", 24)}
    # Half of the heads look over time, which takes an even number of them.
    assert [c.name for c in cases.grid(["w80d2", "w64d2"], ["split_heads"], ["none"])] == ["w64d2"]
    assert "left out: w80d2 split_heads: 5 heads" in capsys.readouterr().out


def test_a_table_of_sizes(monkeypatch, capsys, tmp_path, quick):
    out = tmp_path / "new" / "bench.csv"
    flags = ["--sizes", "w20d2", "--latent", "2,4,4,4", "--out", out]
    text = said(monkeypatch, capsys, *flags)
    (row,) = csv.DictReader(out.read_text().splitlines())
    assert (row["case"], row["remat"], row["tokens"], row["batch"]) == ("w20d2", "none", "8", "8")
    assert float(row["peak_mib"]) > 0
    assert 0 < float(row["mfu"]) < 1
    assert "w20d2" in text
    assert "ratio" not in text


class Planted:
    """A `Step` and a `Peer` in one whose steps take `seconds`, thrice as long from some call on."""

    clock, flops, compile_s = types.SimpleNamespace(waited=0.0), 1.0, 5.0

    def __init__(self, name, seconds, calls, slow_from):
        self.name, self.seconds, self.calls, self.slow_from = name, seconds, calls, slow_from

    def run(self, steps):
        self.calls.append(self.name)
        return steps * self.seconds * (3 if len(self.calls) > self.slow_from else 1)

    def peak_bytes(self):
        return 2**20

    def close(self):
        self.calls.append("closed")


def test_rounds_take_turns_with_the_peer(monkeypatch):
    """A machine that slows down in the second round slows both."""
    calls = []
    monkeypatch.setattr(measure, "ROUNDS", 2)
    monkeypatch.setattr(measure, "Step", lambda case: Planted("ours", 0.1, calls, 3))
    monkeypatch.setattr(measure, "Peer", lambda case, of: Planted("peer", 0.25, calls, 3))
    monkeypatch.setattr(measure, "peak_flops", lambda: 100.0)
    row = measure.measure(cases.demo("w20d2"), peer_of="torch")
    assert calls == ["ours", "ours", "peer", "ours", "peer", "closed"]
    assert [row[k] for k in ("ratio", "ratio_least", "ratio_most")] == pytest.approx([2.5] * 3)
    assert (row["step_ms"], row["peer_step_ms"]) == pytest.approx((200, 500))
    assert row["clips_per_s"] == pytest.approx(8 / 0.2)
    assert row["mfu"] == pytest.approx(0.05)


def test_the_peer_answers_from_a_process_of_its_own(monkeypatch):
    """Real PyTorch, uncompiled to be quick."""
    pytest.importorskip("torch")
    monkeypatch.setenv("TORCHDYNAMO_DISABLE", "1")
    peer = Peer(cases.demo("w20d2", latent=(2, 4, 4, 4)))
    try:
        assert min(peer.compile_s, peer.run(1), peer.run(2)) > 0
    finally:
        peer.close()
    assert peer.process.returncode == 0


def test_another_checkout_is_a_peer_too():
    """Here it is this one."""
    peer = Peer(cases.demo("w20d2", latent=(2, 4, 4, 4)), str(ROOT))
    assert min(peer.compile_s, peer.run(1), peer.run(2)) > 0
    peer.close()
    assert peer.process.returncode == 0


def test_the_peer_says_what_it_has_not(tmp_path):
    with pytest.raises(InputError, match="expected torch, or the folder of a checkout of vdit"):
        Peer(cases.demo("w20d2"), str(tmp_path))
    with pytest.raises(InputError, match="full attention"):
        measure.measure(cases.demo("w20d2", "factorised", latent=(2, 4, 4, 4)), peer_of="torch")


def test_the_best_of_each_goal_is_set_beside_it():
    """On two devices: a goal reached by the second batch, one half reached, one without memory."""
    dit, latte, full, _ = (
        [c for c in cases.goals(DEVICES["h200"]) if c.name == name] for name in cases.GOALS
    )
    same = {"num_devices": 2, "mfu": 0.5, "remat": "none"}
    rows = [
        {"case": dit[0].name, "clips_per_s": 900.0, "batch": 64, **same},
        {"case": dit[1].name, "clips_per_s": 1400.0, "batch": 128, **same},
        {"case": latte[0].name, "clips_per_s": 43.0, "batch": 4, **same},
        {"case": full[0].name, "error": "out of memory"},
    ]
    lines = table.goals([dit[0], dit[1], latte[0], full[0]], rows).splitlines()
    found = {line.split()[0]: line.split() for line in lines[1:]}
    assert found["DiT-XL/2"][1:7] == ["700.0", "50.0%", "128", "none", "690", "yes"]
    assert found["Latte-XL/2"][1:8] == ["21.5", "50.0%", "4", "none", "43", "50%", "7.2"]
    assert found["full-XL/2"][1:] == ["-", "-", "-", "-", "28", "-", "-"]
    assert "285 LightningDiT" in lines[1]
    assert table.line(rows[0] | rows[3], first=False).endswith("out of memory")


def test_the_pipeline_alone(monkeypatch, capsys, tmp_path):
    """All rows, on videos made here."""
    for index in range(2):
        write_video(tmp_path / f"v{index}.mkv", noise(20, (32, 32), seed=index))
    monkeypatch.setattr(cases, "DEMO", TINY)
    monkeypatch.setattr(data, "ROUNDS", 1)
    monkeypatch.setattr(data, "ROUND_S", 0.02)
    monkeypatch.setattr(data, "CLIPS", 64)
    out = tmp_path / "data.csv"
    text = said(monkeypatch, capsys, "--data", "--videos", tmp_path, "--out", out)
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [row["unit"] for row in rows] == ["clips"] * 4 + ["frames"]
    assert len({row["what"] for row in rows}) == 5
    assert {row["against"] for row in rows} == {"step of w20d2", "bare decode"}
    for row in rows:
        assert float(row["per_s"]) > 0
        assert row["what"] in text


def test_videos_that_are_not_there(monkeypatch, capsys):
    with pytest.raises(InputError, match="--videos nowhere: no such folder"):
        said(monkeypatch, capsys, "--data", "--videos", "nowhere")


def test_no_memory_is_a_row(monkeypatch):
    def fails(*_):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")

    monkeypatch.setattr(measure, "measure", fails)
    assert measure.measured(cases.demo("w20d2"))["error"] == "out of memory"
