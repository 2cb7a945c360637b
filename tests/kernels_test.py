"""Which kernel attention gets on a GPU: lowered for CUDA where there is none, and the numbers."""

import dataclasses
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax.sharding import AbstractDevice, AbstractMesh, AxisType

from vdit.config.model_config import ModelConfig
from vdit.models import attend, dit
from vdit.parallel.sharding import MESH_AXES

# Of cuDNN's kernel, in a forward pass and in one with gradients; XLA's is no call.
FORWARD, BACKWARD = "fmhaSoftmax", "fmhaSoftmaxBackward"
BF16, F16, F32 = jnp.bfloat16, jnp.float16, jnp.float32
#       what                          (N,    M,    E),   lengths, dtype  -> cuDNN's
SHAPES = {
    "tokens":                        ((64,   64,   64),  False,   BF16, True),
    "tokens, odd":                   ((65,   65,   64),  False,   BF16, True),
    "tokens, heads of 72":           ((64,   64,   72),  False,   BF16, True),
    "tokens, heads of 12":           ((64,   64,   12),  False,   BF16, True),
    "tokens, heads of 128":          ((64,   64,   128), False,   BF16, True),
    "tokens, heads of 136":          ((64,   64,   136), False,   BF16, False),
    "tokens, float16":               ((64,   64,   64),  False,   F16,  True),
    "tokens, float32":               ((64,   64,   64),  False,   F32,  False),
    "frames":                        ((16,   16,   72),  False,   BF16, True),
    "frames, odd":                   ((5,    5,    72),  False,   BF16, True),
    "frames, one":                   ((1,    1,    72),  False,   BF16, True),
    "caption":                       ((64,   78,   72),  True,    BF16, True),
    "caption, odd":                  ((64,   77,   72),  True,    BF16, True),
    "caption, odd tokens":           ((65,   78,   72),  True,    BF16, True),
    "caption, odd both":             ((65,   77,   72),  True,    BF16, True),
    "caption, float32":              ((65,   77,   72),  True,    F32,  False),
    "class":                         ((64,   1,    72),  True,    BF16, True),
    "context":                       ((142,  142,  72),  True,    BF16, True),
    "context, odd":                  ((141,  141,  72),  True,    BF16, True),
}  # fmt: skip
TINY = ModelConfig((5, 4, 4, 2), (1, 2, 2), 24, 2, 2, frequencies=16, vocabulary=9, text_length=7)
LABEL, NONE = ({"condition": name, "text_length": 1} for name in ("label", "none"))
#    variant        and what else                attentions in its program
MODELS = [
    ("full",        {},                          2),
    ("interleaved", {},                          4),
    ("late_fusion", {},                          4),
    ("factorised",  {},                          3),
    ("split_heads", {},                          3),
    ("unet",        {"depth": 1},                9),
    ("full",        LABEL,                       1),
    ("full",        NONE,                        1),
    ("full",        {"caption_by": "context"},   1),
    ("full",        {"text_features": 8},        2),
    ("interleaved", {"frame_timesteps": True},   4),
]  # fmt: skip


def gpu(**sizes):
    """A mesh over GPUs that are not there."""
    sizes = tuple(sizes.get(axis, 1) for axis in MESH_AXES)
    device = AbstractDevice(device_kind="NVIDIA H200", num_cores=132, platform="gpu")
    mesh = AbstractMesh(sizes, MESH_AXES, (AxisType.Auto,) * 4, abstract_device=device)
    return jax.sharding.use_abstract_mesh(mesh)


@pytest.fixture(autouse=True)
def cudnn(monkeypatch):
    """JAX asks the library for its version; there is none here."""
    module = pytest.importorskip("jax._src.cudnn.fused_attention_stablehlo")
    monkeypatch.setattr(module, "check_cudnn_version", lambda: 91000)


def kernels(function, *shapes):
    """Names of cuDNN's calls in the function's program for CUDA."""
    lowered = jax.jit(function).trace(*shapes).lower(lowering_platforms=("cuda",))
    return re.findall(r"custom_call @__cudnn\$(\w+)", lowered.as_text())


def loss(*arrays):
    return jnp.square(attend.attend(*arrays).astype(jnp.float32)).sum()


@pytest.mark.parametrize("what", SHAPES)
def test_kernel_of_every_shape(what):
    (n, m, e), lengths, dtype, expected = SHAPES[what]
    q, k = (jax.ShapeDtypeStruct((2, length, 3, e), dtype) for length in (n, m))
    length = [jax.ShapeDtypeStruct((2,), jnp.int32)] * lengths
    with gpu():
        assert kernels(attend.attend, q, k, k, *length) == [FORWARD] * expected
        found = kernels(jax.grad(loss, (0, 1, 2)), q, k, k, *length)
    assert found == [FORWARD, BACKWARD] * expected


def program(config, train=True):
    """cuDNN's calls in a model's gradients, or in its forward pass alone, as in sampling."""
    graph, weights = jax.eval_shape(lambda: nnx.split(dit.create(config, jax.random.key(0))))
    frames = config.latent[:1] * config.frame_timesteps
    embeddings = (2, config.text_length, config.text_features)
    shaped = jax.ShapeDtypeStruct
    caption = shaped(embeddings, F32) if embeddings[2] else shaped(embeddings[:2], jnp.int32)
    inputs = shaped((2, *config.latent), F32), shaped((2, *frames), F32), caption

    def forward(weights, *inputs):
        return nnx.merge(graph, weights)(*inputs).sum()

    return kernels(jax.grad(forward) if train else forward, weights, *inputs)


@pytest.mark.parametrize(("variant", "more", "attentions"), MODELS)
def test_kernels_of_every_model(variant, more, attentions):
    config = dataclasses.replace(TINY, attention=variant, dtype="bfloat16", **more)
    train = not more or variant == "unet"
    with gpu():
        found = program(config, train=train)
    assert sorted(found) == [FORWARD] * attentions + [BACKWARD] * attentions * train


@pytest.mark.parametrize(("remat", "forwards"), [("none", 2), ("dots", 2), ("full", 4)])
def test_attention_runs_once_where_what_products_made_is_kept(remat, forwards):
    """Of a model with two attentions: over the clip, and over the caption."""
    with gpu():
        found = program(dataclasses.replace(TINY, remat=remat, dtype="bfloat16"))
    assert (found.count(FORWARD), found.count(BACKWARD)) == (forwards, 2)


def test_kernels_of_latte_for_text():
    config = dataclasses.replace(TINY, attention="latte", dtype="bfloat16", text_features=8)
    with gpu():
        assert program(config, train=False) == [FORWARD] * 3


def test_kernels_where_tokens_are_split_over_devices():
    with gpu(context=2):
        found = program(dataclasses.replace(TINY, attention="interleaved", dtype="bfloat16"))
    assert found.count(BACKWARD) == 4


def test_no_kernel_of_a_gpu_on_a_cpu():
    q = jax.ShapeDtypeStruct((2, 64, 3, 64), BF16)
    assert kernels(attend.attend, q, q, q) == []


PADDED = [(5, 5, None, False), (4, 7, [3, 7], False), (5, 4, [1, 4], False), (5, 5, None, True)]


@pytest.mark.parametrize(("n", "m", "length", "causal"), PADDED)
def test_padding_for_the_kernel_changes_no_numbers(monkeypatch, n, m, length, causal):
    """Nor gradients. The kernel itself is XLA's here, of the same arguments."""
    attention = jax.nn.dot_product_attention

    def cudnn(q, k, v, *, implementation, **kwargs):
        assert implementation == "cudnn"
        assert {q.shape[1] % 2, k.shape[1] % 2, q.shape[-1] % 8} == {0}
        return attention(q, k, v, implementation="xla", **kwargs)

    monkeypatch.setattr(jax.nn, "dot_product_attention", cudnn)
    random = np.random.default_rng(0)
    q, k, v = (random.standard_normal((2, size, 3, 12), np.float32) for size in (n, m, m))
    length = None if length is None else jnp.array(length)

    def with_gradients(attention):
        run = lambda *qkv: jnp.sin(attention(*qkv, length, causal))  # noqa: E731
        total = jax.value_and_grad(lambda *qkv: run(*qkv).sum(), (0, 1, 2))
        return jax.jit(lambda *qkv: (run(*qkv), *total(*qkv)))(q, k, v)

    expected, found = with_gradients(attend.attend), with_gradients(attend._cudnn)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), found, expected)


def test_logits_in_memory_are_said_once(capsys):
    long, short = (jax.ShapeDtypeStruct((2, n, 3, 8), F32) for n in (2048, 64))
    jax.eval_shape(loss, long, long, long)
    with gpu():
        jax.eval_shape(loss, short, short, short)
        assert capsys.readouterr().err == ""
        for batch in (2, 4):
            q = jax.ShapeDtypeStruct((batch, *long.shape[1:]), F32)
            jax.eval_shape(loss, q, q, q)
    (line,) = capsys.readouterr().err.splitlines()
    assert "(2048, 3, 8) to 2048 keys in float32" in line
    assert line.endswith("set model.dtype=bfloat16")
