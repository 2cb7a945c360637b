"""A CPU's cores as devices, and batches in parts that stay in a core's cache."""

import functools
import json

import jax
import numpy as np
import pytest

from tests.tiny import forked, python
from vdit.config.model_config import ModelConfig
from vdit.diffusion.flow import RectifiedFlow
from vdit.models import dit
from vdit.parallel import cores
from vdit.training import step
from vdit.training.diffusion_loss import DiffusionLoss

MODEL = ModelConfig((3, 4, 4, 3), (1, 2, 2), 16, 1, 2, frequencies=8, vocabulary=9, text_length=5)


def test_a_part_holds_as_many_clips_as_the_cache():
    assert [cores.parts(clips, 48) for clips in (1, 4, 8, 12, 30)] == [1, 1, 2, 3, 10]
    assert cores.parts(4, 4096) == 4  # not even one clip: one by one
    assert cores.parts(32, None) == 1


def test_the_gradient_of_parts_is_that_of_the_batch(monkeypatch):
    """Whatever is random, captions and frames given too, is drawn before a batch is cut."""
    loss = DiffusionLoss(MODEL, RectifiedFlow(), 0.5, conditioned=0.5)
    random = np.random.default_rng(0)
    leaves, structure = jax.tree.flatten(dit.weight_shapes(MODEL))
    drawn = [0.3 * random.standard_normal(leaf.shape, np.float32) for leaf in leaves]
    weights = jax.tree.unflatten(structure, drawn)
    batch = {
        "latent": random.standard_normal((8, *MODEL.latent), np.float32),
        "caption": random.integers(0, 9, (8, 5)),
    }

    def gradient():
        of = functools.partial(step._gradient, loss, key=jax.random.key(1), accumulate=1)
        return jax.jit(lambda w, b: of(params=w, batch=b))(weights, batch)

    assert cores.parts(8, MODEL.tokens) == 1
    whole = gradient()
    monkeypatch.setattr(cores, "TOKENS", 2 * MODEL.tokens)
    assert cores.parts(8, MODEL.tokens) == 4
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(gradient()), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * np.abs(a).max())


SCRIPT = """
import json, sys, jax
from vdit.parallel import cores
cores.become_devices()
work = [(8, 9), (6, 9), (8, 2.5), (8, 0), (7, 9)]  # clips, cores' worth of work
for text in sys.argv[1:]:
    mesh = dict(zip(("data", "fsdp", "tensor", "context"), map(int, text.split(","))))
    print([len(cores.devices(mesh, n, many * cores.WORK)) for n, many in work])
"""


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        # cores; for each mesh, how many a step takes
        (4, {"-1,1,1,1": [4, 3, 2, 1, 1], "-1,2,1,1": [4, 2, 2, 2, 2], "2,1,1,1": [2] * 5}),
        (0, {"-1,1,1,1": [3] * 5}),  # simulated devices are taken as they are
    ],
)
def test_a_step_takes_the_cores_that_it_keeps_busy(tmp_path, monkeypatch, count, expected):
    if count:  # which JAX reads on import
        monkeypatch.setenv("JAX_NUM_CPU_DEVICES", str(count))
    script = tmp_path / "cores.py"
    script.write_text(SCRIPT)
    run = python if count else forked
    lines = run(script, *expected, devices=3).stdout.splitlines()
    assert [json.loads(line) for line in lines] == list(expected.values())


CODED = """
import pathlib, sys
from experiments import autoencoder
from tests.tiny import config, trained
root = pathlib.Path(sys.argv[1])
coded = autoencoder.get_config()
few = {"steps": 1, "batch": 2, "data.train_clips": 8, "data.validation_clips": 8}
coded.update_from_flattened_dict(few | {"autoencoder.width": 8, "autoencoder.depth": 1})
trained(coded, root / "coder")
often = {"steps": 4, "sample_every": 2, "evaluate_every": 2, "validation.triples": 10}
size = {"data.num_frames": 9, "data.height": 32, "data.width": 32, "model.patch": (1, 1, 1)}
made = config(root, **often, **size)
made.autoencoder = coded.autoencoder.to_dict() | {"dir": str(root / "coder")}
trained(made, root / "run")
"""


def test_a_coded_run_on_several_devices_is_shown_and_measured_on_the_way(tmp_path):
    """Clips in parts on each device, and the autoencoder's programs while the mesh is set."""
    assert cores.parts(8 // 2, 3 * 8 * 8) == 4  # of a batch of 8, 192 tokens a clip
    script = tmp_path / "coded.py"
    script.write_text(CODED)
    forked(script, tmp_path, devices=2)
    made = {path.relative_to(tmp_path / "run").as_posix() for path in tmp_path.glob("run/*/*")}
    assert {"evaluations/2.json", "samples/step_000002_00.webp", "evaluations/4.json"} <= made


BESIDE = """
import jax, numpy as np
from vdit.parallel import sharding
from vdit.runs.weights import load_weights, save_weights
mesh = sharding.make_mesh({"data": 2})
save_weights("w.npz", {"w": np.ones(4, np.float32)})
read = load_weights("w.npz", {"w": jax.ShapeDtypeStruct((4,), np.float32)})
with jax.set_mesh(mesh):
    rows = jax.device_put(np.ones(4, np.float32), sharding.batch_sharding(mesh))
    print(jax.jit(lambda w, x: (w * x).sum())(read["w"], rows))
"""


def test_weights_that_are_read_go_beside_arrays_on_a_mesh(tmp_path):
    """An autoencoder's, in a step that is shown on the way."""
    script = tmp_path / "beside.py"
    script.write_text(BESIDE)
    assert forked(script, devices=2, cwd=tmp_path).stdout.split() == ["4.0"]
