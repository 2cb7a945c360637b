"""`vdit.bench`: the peer is the same model, pairs are paired, the goals' table is drawn."""

import csv
import dataclasses
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from tests.clips import levels, write_video
from vdit import bench
from vdit.benchmark import cases, data, measure, table
from vdit.errors import InputError
from vdit.models import attention, dit
from vdit.parallel.compiler import jitted
from vdit.runs import checkpoint

TINY = dataclasses.replace(cases.DEMO, width=24, depth=2, heads=2, latent=(2, 4, 4, 4))


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(measure, "ROUNDS", 2)
    monkeypatch.setattr(measure, "ROUND_S", 0.02)


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
    torch_peer.load(peer, {checkpoint.name_of(p): np.asarray(w) for p, w in named})
    found = peer(*(torch.tensor(a) for a in (x, t, np.asarray(caption))))
    np.testing.assert_allclose(found.detach().numpy(), expected, atol=1e-5 * np.abs(expected).max())
    (found * torch.tensor(like)).sum().backward()
    theirs = sum(float((w.grad**2).sum()) for w in peer.parameters())
    own = sum(float((g**2).sum()) for g in jax.tree.leaves(gradient))
    assert theirs == pytest.approx(own, rel=1e-5)


def test_a_table_of_sizes_and_recomputation(monkeypatch, capsys, tmp_path, quick):
    out = tmp_path / "bench.csv"
    flags = ["--sizes", "w20d2", "--remat", "full", "--latent", "2,4,4,4", "--out", out]
    text = said(monkeypatch, capsys, *flags)
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [row["remat"] for row in rows] == ["full"]
    for row in rows:
        assert 0 < float(row["mfu"]) < 1
        assert 0 <= float(row["data_wait"]) < 1
        per_clip = float(row["step_ms"]) / int(row["batch"])
        assert float(row["clips_per_s"]) == pytest.approx(1e3 / per_clip)
    assert all(float(row["peak_mib"]) > 0 for row in rows)
    assert "w20d2" in text
    assert "ratio" not in text


def test_rounds_take_turns_with_the_peer(monkeypatch, capsys, tmp_path, quick):
    """A real process of PyTorch, uncompiled to be quick."""
    pytest.importorskip("torch")
    monkeypatch.setenv("TORCHDYNAMO_DISABLE", "1")
    out = tmp_path / "bench.csv"
    flags = ["--sizes", "w20d2", "--latent", "2,4,4,4", "--peer", "torch", "--out", out]
    assert "ratio" in said(monkeypatch, capsys, *flags)
    (row,) = csv.DictReader(out.read_text().splitlines())
    least, ratio, most = (float(row[k]) for k in ("ratio_least", "ratio", "ratio_most"))
    assert 0 < least <= ratio <= most


def test_the_peer_says_what_it_has_not():
    with pytest.raises(InputError, match="full attention"):
        measure.measure(cases.demo("w20d2", "factorised", latent=(2, 4, 4, 4)), with_peer=True)


def test_goals_on_small_models(quick):
    """As on a GPU: three models, the best batch of each, one that does not fit."""
    chosen = [
        case._replace(shape=dataclasses.replace(TINY, attention=case.shape.attention), batch=4)
        for case in cases.goals()[::9]
    ]
    row = measure.measured(chosen[0])
    rows = [row | {"case": case.name} for case in chosen]
    rows[1] = {k: v for k, v in rows[1].items() if k == "case"} | {"error": "out of memory"}
    text = table.goals(chosen, rows)
    assert text.count("\n") == len(cases.GOALS)
    assert "285 LightningDiT" in text
    assert "690" in text
    assert "out of memory" in table.line(rows[1] | rows[0] | rows[1], first=False)


def test_the_pipeline_alone(monkeypatch, capsys, tmp_path):
    """All rows, on videos made here; what a row says follows from its own numbers."""
    for index in range(2):
        write_video(tmp_path / f"v{index}.mkv", levels(range(40 * index, 40 * index + 20), 32))
    monkeypatch.setattr(data, "ROUNDS", 1)
    monkeypatch.setattr(data, "ROUND_S", 0.02)
    monkeypatch.setattr(data, "CLIPS", 64)
    out = tmp_path / "data.csv"
    text = said(monkeypatch, capsys, "--data", "--videos", tmp_path, "--out", out)
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [row["unit"] for row in rows] == ["clips"] * 4 + ["frames"]
    for row in rows:
        kind = "per_core_s" if row["unit"] == "clips" else "per_s"
        ratio = float(row[kind]) / float(row["against_per_s"])
        assert float(row["ratio"]) == pytest.approx(ratio)
        assert row["what"] in text


def test_videos_that_are_not_there(monkeypatch, capsys):
    with pytest.raises(InputError, match="--videos nowhere: no such folder"):
        said(monkeypatch, capsys, "--data", "--videos", "nowhere")


def test_no_memory_is_a_row(monkeypatch):
    def fails(*_):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")

    monkeypatch.setattr(measure, "measure", fails)
    assert measure.measured(cases.demo("w20d2"))["error"] == "out of memory"


def test_goals_without_a_gpu(monkeypatch, capsys):
    with pytest.raises(InputError, match="there is none here"):
        said(monkeypatch, capsys, "--goals")


@pytest.mark.parametrize("masked", [False, True])
def test_heads_are_padded_for_the_kernel(monkeypatch, masked):
    """Heads of 12 numbers as cuDNN takes them, 16; the kernel itself is XLA's here."""
    q, k, v = jax.random.normal(jax.random.key(0), (3, 2, 6, 3, 12))
    mask = jnp.arange(6) < jnp.array([[4], [6]]) if masked else None
    expected = attention.attend(q, k, v, mask)
    kernel = jax.nn.dot_product_attention

    def cudnn(q, k, v, *, implementation, **kwargs):
        assert implementation == "cudnn"
        assert q.shape[-1] == k.shape[-1] == v.shape[-1] == 16
        return kernel(q, k, v, implementation="xla", **kwargs)

    monkeypatch.setattr(jax.nn, "dot_product_attention", cudnn)
    mask = None if mask is None else mask[:, None, None]
    found = attention._fused(q, k, v, mask, kernel="cudnn")
    np.testing.assert_allclose(found, expected, atol=1e-6)
