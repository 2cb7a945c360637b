"""What docs/add says is all that it takes: each example is added to a copy of the house, does what
it should there, and is removed without a trace."""

import hashlib
import shutil
import subprocess

import pytest

from tests.paths import ROOT
from tests.tiny import forked

EXAMPLES = ROOT / "docs" / "examples"
ROOMS = ("vdit", "experiments", "sweeps", "analysis")
KINDS = ("*.py", "*.txtpb")
METRIC = """
import types
import numpy as np
from vdit import evaluators
from vdit.evaluators.common import Clips

real = np.full((4, 3, 8, 8, 3), 100, np.uint8)
change = np.array([1, 2, 3, 6], np.uint8).reshape(4, 1, 1, 1, 1)
clips = Clips(None, [], real, None, None, clusters=np.array([0, 1, 2, 2]))
samples = lambda model, prompts, seed, seeds: [real + change]
data = types.SimpleNamespace(clips=lambda count: clips, samples=samples)
evaluate = evaluators.find("brightness", {"clips": 4, "seed": 0})
(found,) = evaluate(None, data, clips=4, seed=0)
assert (found.name, found.value, found.n) == ("brightness_error", 3.0, 3), found
"""
LAW = """
import numpy as np
import pandas as pd
import analysis

params = np.geomspace(1e4, 1e7, 9)
table = pd.DataFrame({"params": params, "loss": 0.4 + 30 * params**-0.35})
found = analysis.fit(table, law="size", bootstrap=0).entry.parameters
np.testing.assert_allclose([found[k] for k in ("A", "E", "alpha")], [30, 0.4, 0.35], 1e-4)
"""
OBJECTIVE = """
import jax
import jax.numpy as jnp
import numpy as np
from experiments import trig
from vdit.diffusion import objectives
from vdit.diffusion.guidance import Guidance

config = trig.get_config()
config.trig.most = 0.9
objective = objectives.create(config)
x, noise = jax.random.normal(jax.random.key(0), (2, 8, 2, 4, 4, 1))
t = objective.sample_timesteps(jnp.full(8, 0.5))
assert 0.8 < t.max() < 0.9

def oracle(x_t, t, caption):
    a = (jnp.pi / 2 * t).reshape(-1, 1, 1, 1, 1)
    return (jnp.cos(a) * x_t - x) / jnp.sin(a)

assert objective.losses(oracle, x, noise, t, None).max() < 1e-8
assert objective.losses(lambda x_t, t, caption: 0 * x_t, x, noise, t, None).min() > 0.1
how = objectives.Sampling("ddim", 4, Guidance())
made = objectives.sample(objective, oracle, noise, jnp.zeros((8, 1), int), how)
np.testing.assert_allclose(made, x, atol=1e-4)
"""
DATASET = """
import sys
import numpy as np
from experiments import base
from vdit.data import latents
from vdit.data.cache import Records
from vdit.data.sources import open_source
from vdit.training.resolve import resolve

folder = sys.argv[2]
videos = np.random.default_rng(0).integers(0, 256, (20, 3, 16, 16, 3), np.uint8)
np.save(f"{folder}/videos.npy", videos)
open(f"{folder}/captions.txt", "w").writelines(f"clip number{i}\\n" for i in range(20))
config = base.get_config("size=S,frames=3,pixels=16")
config.data.update({"name": "npy", "dir": folder, "epochs": 0})
config.cache = f"{folder}/latents"
held_out = open_source(config.data, "validation")
assert [item["caption"] for item in held_out] == ["clip number9", "clip number19"]
rows = Records(latents.prepare(resolve(config)), "train").rows(np.arange(9, 10))
coded = videos[10] / 127.5 - 1
np.testing.assert_allclose(rows["latent"][0], (coded - coded.mean()) / coded.std(), atol=0.1)
"""
MODEL = """
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from experiments import base
from vdit.config import flops
from vdit.config.sizes import model_config_of
from vdit.models import dit

config = base.get_config("frames=3,pixels=32")
config.model.update({"attention": "mixer", "patch": (1, 4, 4), "dtype": "float32"})
config.model.update({"size": "", "width": 512, "depth": 2, "heads": 8})
c = model_config_of(config, words=5)
random, shapes = np.random.default_rng(0), dit.weight_shapes(c)
weights = jax.tree.map(lambda w: 0.1 * random.standard_normal(w.shape, np.float32), shapes)
total = sum(leaf.size for leaf in jax.tree.leaves(weights))
assert total == flops.count_params(c)["params_total"], total
inputs = jnp.ones((2, *c.latent)), jnp.full(2, 0.5), jnp.ones((2, c.text_length), int)
run = jax.jit(lambda weights, *inputs: nnx.merge(dit.graph_of(c), weights)(*inputs))
counted = run.lower(weights, *inputs).cost_analysis()["flops"]
assert abs(counted / 2 / flops.forward_flops(c) - 1) < 0.01  # element-wise work is the rest
made = run(weights, *inputs)
moved = run(weights, inputs[0].at[:, 0, 0, 0].add(1), *inputs[1:])
assert made.shape == inputs[0].shape
assert jnp.abs(moved - made)[:, 2, 8].max() > 1e-4  # what is far off sees it
"""
PAGE = """
import sys
from tests import documented
assert documented.main(sys.argv[1:2]) == 0
"""
CHECKS = {"metric": METRIC, "law": LAW, "objective": OBJECTIVE, "dataset": DATASET, "model": MODEL}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A copy of what is imported, and of the pages."""
    copy = tmp_path_factory.mktemp("house")
    files = [ROOT / "tests" / name for name in ("__init__.py", "documented.py")]
    files += [path for room in ROOMS for kind in KINDS for path in (ROOT / room).rglob(kind)]
    for path in files:
        place = copy / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    return copy


def contents(house):
    files = [path for room in ROOMS for kind in KINDS for path in (house / room).rglob(kind)]
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def apply(house, edit, *flags):
    subprocess.run(["git", "apply", *flags, edit], cwd=house, check=True, capture_output=True)


def add(house, example):
    """The example's files and lines, added; a function that removes them."""
    files = [path for path in (EXAMPLES / example).rglob("*.py")]
    places = [house / path.relative_to(EXAMPLES / example) for path in files]
    edit = EXAMPLES / example / "edit.diff"
    for path, place in zip(files, places, strict=True):
        assert not place.exists()
        shutil.copy(path, place)
    if edit.exists():
        apply(house, edit)

    def remove():
        for place in places:
            place.unlink()
        if edit.exists():
            apply(house, edit, "--reverse")

    return remove


@pytest.mark.parametrize("example", CHECKS)
def test_an_example_is_added_and_removed(house, tmp_path, example):
    before = contents(house)
    remove = add(house, example)
    try:
        page = ROOT / "docs" / "add" / f"{example}.md"
        code = ("-c", CHECKS[example] + PAGE)
        done = forked(*code, page, tmp_path, cwd=house, check=False)
        assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    finally:
        remove()
    assert contents(house) == before


def test_each_takes_as_many_files_as_its_page_says():
    """How many files each takes, as the pages say."""
    most = {"metric": 1, "law": 1, "objective": 2, "dataset": 2, "model": 3}
    for example, count in most.items():
        files = [*(EXAMPLES / example).rglob("*.py"), *(EXAMPLES / example).glob("*.diff")]
        assert len(files) == count, example
