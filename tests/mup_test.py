"""muP: nothing changes at the base width, each weight has its rule, activations stay flat."""

import functools
import types

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from experiments import autoencoder, base
from tests import coordinate_check
from tests.tiny import config
from vdit.config.model_config import ModelConfig
from vdit.errors import InputError
from vdit.models import dit
from vdit.training import mup, startup
from vdit.training.diffusion_loss import Init
from vdit.training.diffusion_task import DiffusionTask
from vdit.training.optimizer import OptimizerConfig

CONFIG = ModelConfig((2, 4, 4, 4), (1, 2, 2), 64, 2, 4, 4.0, 8, vocabulary=40, text_length=40)
INPUTS = {"patches.kernel", "noise_level.up.kernel", "caption.words", "caption.places"}


def kind(name):
    if name in INPUTS:
        return "input"
    return "hidden" if name.endswith("kernel") else "vector"


def named(tree):
    """{name: array} of a tree of weights."""
    leaves = nnx.to_flat_state(tree)
    return {".".join(map(str, path)): leaf.get_value() for path, leaf in leaves}


def spread(rows, columns):
    """The root of 2 / (rows + columns), sp's deviation of a kernel."""
    return (2 / (rows + columns)) ** 0.5


@functools.lru_cache
def created():
    """Fresh weights: sp's, and those of a model four times as wide as its base."""
    both = jax.jit(lambda key: (nnx.split(dit.create(CONFIG, key))[1], Init(CONFIG, 4.0)(key)))
    return both(jax.random.key(0))


def few(tree):
    """A part of the weights that has every kind, for steps that are quickly compiled."""
    block = tree["stages"][0]["blocks"][0]
    some = {name: tree[name] for name in ("output", "patches")}
    some |= {"up": block["mlp"]["up"], "scale": block["attentions"][0]["q_norm"]["scale"]}
    return nnx.State(some | {"words": tree["caption"]["words"]})


def second_step(transform):
    """Adam's first step is but the gradient's sign, so the second is looked at."""

    @jax.jit
    def run(weights):
        state = transform.init(weights)
        for factor in (1.0, 0.1):
            gradient = jax.tree.map(lambda w, f=factor: f * jnp.sin(9 * w + 1), weights)
            steps, state = transform.update(gradient, state, weights)
        return steps

    return named(run(few(created()[0])))


def test_every_weight_has_its_kind():
    weights = named(created()[0])
    assert set(weights) >= INPUTS
    ones = jax.tree.map(jnp.ones_like, created()[0])
    scaled = named(mup.scale_rates(4.0).update(ones, optax.EmptyState(), None)[0])
    for name, factor in scaled.items():
        np.testing.assert_array_equal(factor, 0.25 if kind(name) == "hidden" else 1.0, name)


@pytest.mark.parametrize("flatten", [False, True])
def test_only_weights_whose_rows_grow_take_smaller_steps(flatten):
    before = second_step(OptimizerConfig(flatten=flatten).transform())
    after = second_step(OptimizerConfig(flatten=flatten, relative_width=4.0).transform())
    hidden = {"output.kernel", "up.kernel"}
    assert set(before) > hidden
    for name, step in before.items():
        factor = 0.25 if name in hidden else 1.0
        np.testing.assert_allclose(after[name], factor * step, rtol=1e-6, err_msg=name)


def test_standard_steps_are_those_of_adamw():
    mask = lambda tree: jax.tree.map(lambda x: x.ndim > 1, tree)  # noqa: E731
    adamw = optax.adamw(1.0, b1=0.9, b2=0.99, weight_decay=0.1, mask=mask)
    expected = second_step(optax.chain(optax.clip_by_global_norm(1.0), adamw))
    for name, step in second_step(OptimizerConfig(weight_decay=0.1).transform()).items():
        np.testing.assert_allclose(step, expected[name], rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("flatten", [False, True])
def test_decay_is_the_same_at_every_width(flatten):
    weights = few(created()[0])
    transform = OptimizerConfig(weight_decay=0.1, relative_width=4.0, flatten=flatten).transform()

    @jax.jit
    def run(weights):
        zero = jax.tree.map(jnp.zeros_like, weights)
        return transform.update(zero, transform.init(weights), weights)[0]

    steps = named(run(weights))
    for name, weight in named(weights).items():
        expected = -0.1 * weight if weight.ndim > 1 else 0 * weight
        np.testing.assert_allclose(steps[name], expected, rtol=1e-6, err_msg=name)


def test_inputs_start_as_at_the_base_width_and_all_else_as_it_was():
    standard, wide = map(named, created())
    for name, weight in standard.items():
        if kind(name) != "input":
            np.testing.assert_array_equal(wide[name], weight, err_msg=name)
    for name, expected in {  # of a width of 16, four times less
        "patches.kernel": spread(16, 16),
        "noise_level.up.kernel": spread(8, 16),
        "caption.words": 16**-0.5,
        "caption.places": 16**-0.5,
    }.items():
        assert wide[name].std() == pytest.approx(expected, rel=0.08), name
        assert standard[name].std() < 0.8 * expected, name
    same = named(mup.at_start(created()[0], 1.0))
    assert all((same[name] == weight).all() for name, weight in standard.items())


def test_training_and_start_take_the_width_from_the_config(tmp_path, monkeypatch):
    made = config(tmp_path, **{"optimizer.parameterization": "mup", "optimizer.base_width": 12})
    assert DiffusionTask(made).init.relative_width == 2.0
    optimizers = []

    def compiled(loss, init, optimizer, mesh):
        optimizers.append(optimizer)
        return lambda key: None, None

    monkeypatch.setattr(startup, "compiled", compiled)
    startup.create(types.SimpleNamespace(loss=None, init=None), made, None)
    assert optimizers[0].relative_width == 2.0


def test_the_base_is_sp():
    assert mup.relative_width(base.get_config()) == 1.0


@pytest.mark.parametrize(
    ("made", "key", "value", "message"),
    [
        (base, "parameterization", "ntk", "'ntk': expected sp or mup"),
        (base, "name", "muon", "'muon': muP's rates here are those of adamw"),
        (base, "base_width", 0, "base_width=0: expected 1 or more"),
        (autoencoder, "name", "adamw", "the autoencoder has sp alone"),
    ],
)
def test_what_mup_cannot_do_is_said(made, key, value, message):
    made = made.get_config()
    made.optimizer.parameterization = "mup"
    made.optimizer[key] = value
    with pytest.raises(InputError, match=message):
        mup.relative_width(made)


def test_activations_are_flat_in_width_under_mup_and_not_under_sp():
    grown = {}
    for name in mup.PARAMETERIZATIONS:
        narrow, wide = (
            coordinate_check.measure(name, width, 2.0**-7, 5, 1) for width in (64, 1024)
        )
        grown[name] = {a: rms / then for (a, then), (_, rms) in zip(narrow, wide, strict=True)}
    assert len(grown["mup"]) == 14
    assert all(1 / 1.5 < factor < 1.5 for factor in grown["mup"].values()), grown["mup"]
    assert max(grown["sp"].values()) > 10
    assert min(grown["sp"].values()) < 0.5  # what comes in shrinks, as its start does
