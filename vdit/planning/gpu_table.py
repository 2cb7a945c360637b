"""Training steps of two builds beside each other, compiled for H200s that are not there.

    python -m vdit.planning.gpu_table --out analysis/results/gpu_compiled/table.csv \\
        --before DIR --after .

`--before` is a worktree of cfb1f35, the build that the issue of these numbers is about. Each case
is compiled in a process of its own in its tree and read by this one; what an interrupted call has
written is kept. Needs `pip install 'vdit[gpu]'` on Python 3.12 or newer.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
from typing import NamedTuple

from vdit import errors
from vdit.config.devices import GIB, device_of
from vdit.config.model_config import ModelConfig
from vdit.config.sizes import size_of
from vdit.errors import InputError
from vdit.planning import hlo, topology, traffic
from vdit.planning.job import Job, mesh_of
from vdit.planning.kernels import COPIES, FILLS, kernels, moved
from vdit.runs.files import write_text
from vdit.runs.tables import as_csv, as_text, read_csv

DEVICE, LATENT = "h200", (16, 32, 32, 4)


class Case(NamedTuple):
    """A step on 16x32x32x4 latents (4,096 tokens) in bfloat16."""

    size: str
    attention: str
    condition: str
    batch: int
    mesh: str
    remat: str
    layers: str = "scanned"


CASES = (
    *(Case("XL", "full", "label", 4, "data=1", r) for r in ("none", "dots", "full")),
    Case("XL", "interleaved", "label", 4, "data=1", "dots"),
    Case("S", "full", "text", 4, "data=1", "none"),
    Case("XL", "full", "label", 32, "fsdp=8", "dots"),
    Case("XL", "full", "label", 4, "data=1", "dots", "unrolled"),
    Case("XL", "full", "label", 32, "fsdp=8", "dots", "unrolled"),
)
# What a process does with a case in either tree.
AFTER = """
import json, sys
from vdit.planning import gpu_table, lowered
text = sys.argv[2]
made = lowered.compiled(gpu_table.job(gpu_table.Case(**json.loads(sys.argv[1]))))
"""
# The layout of cfb1f35, which asked JAX for its default backend instead of the mesh.
BEFORE = """
import json, sys, jax
from jax.experimental import topologies
case, text, told = json.loads(sys.argv[1]), sys.argv[2], open(sys.argv[3]).read()
from vdit import sharding, train
from vdit.diffusion.objectives import RectifiedFlow
from vdit.optimizer import Recipe
from vdit.planning.job import Job, mesh_of
from vdit.planning.lowered import _batch
from vdit.sizes import Shape, size_of
from vdit.tasks.programs import DiffusionLoss, Init
more = {k: case[k] for k in ("attention", "condition", "remat")}
more["unroll"] = case["layers"] == "unrolled"
more |= dict(vocabulary=1001, text_length=77 if case["condition"] == "text" else 1)
shape = Shape((16, 32, 32, 4), (1, 2, 2), *size_of(case["size"]), dtype="bfloat16", **more)
job = Job(shape, case["batch"], mesh_of(case["mesh"]), None)
asked = {"topology": f"1x1x{job.devices}", "target_config": told}
devices = list(topologies.get_topology_desc(platform="cuda", **asked).devices)
jax.default_backend = lambda: "gpu"
mesh = sharding.make_mesh(job.mesh, job.batch, devices)
loss, init = DiffusionLoss(shape, RectifiedFlow(), 0.1), Init(shape)
create, step = train.compiled(loss, init, Recipe(), mesh)
state = jax.eval_shape(lambda: create(jax.random.key(0)))
with jax.set_mesh(mesh):
    made = step.lower(state, _batch(job), 1e-3, 0.99).compile()
"""
WRITE = """
m = made.memory_analysis()
print(json.dumps([m.argument_size_in_bytes, m.output_size_in_bytes - m.alias_size_in_bytes,
                  m.temp_size_in_bytes]))
open(text, "w").write(made.as_text())
"""


def job(case: Case) -> Job:
    """The step of a case."""
    captions = {"vocabulary": 1001, "text_length": 77 if case.condition == "text" else 1}
    more = {k: getattr(case, k) for k in ("attention", "condition", "remat")} | captions
    more["unroll"] = case.layers == "unrolled"
    model = ModelConfig(LATENT, (1, 2, 2), *size_of(case.size), dtype="bfloat16", **more)
    return Job(model, case.batch, mesh_of(case.mesh), device_of(DEVICE))


def row(build: str, tree: pathlib.Path, case: Case) -> dict:
    """What the program of one case moves and holds."""
    code = {"before": BEFORE, "after": AFTER}[build] + WRITE
    with tempfile.NamedTemporaryFile("r", suffix=".txt") as text:
        told = str(topology.description(device_of(DEVICE)))
        asked = [sys.executable, "-c", code, json.dumps(case._asdict()), text.name, told]
        env = os.environ | {"JAX_PLATFORMS": "cpu", "PYTHONPATH": str(tree)}
        done = subprocess.run(asked, cwd=tree, env=env, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            raise InputError(f"{build} {case}: its process ended with status {done.returncode}")
        program = hlo.read(text.read())
    return _read(build, case, program, sum(json.loads(done.stdout.splitlines()[-1])))


def _read(build: str, case: Case, program: hlo.Program, peak: int) -> dict:
    by_kind = moved(kernels(program))
    moves = traffic.moves(program, mesh_of(case.mesh))
    moves = [m for m in moves if m.in_loop or case.layers == "unrolled"]
    bytes_of = {kind: size for kind, (_, size) in by_kind.items()}
    of_layers = sum(bytes_of.get(kind, 0) for kind in (COPIES, FILLS))
    return {
        "kind": "compiled",
        "build": build,
        **case._asdict(),
        "peak_gib": f"{peak / GIB:.1f}",
        "traffic_gib": f"{sum(bytes_of.values()) / GIB:.1f}",
        "copies_and_fills_gib": f"{of_layers / GIB:.1f}",
        "memory_ms": f"{1e3 * sum(bytes_of.values()) / device_of(DEVICE).bandwidth:.1f}",
        "kernels": sum(n for n, _ in by_kind.values()),
        "collectives_in_loops": sum(m.times for m in moves),
        "of_them_waiting": sum(m.times for m in moves if not m.asynchronous),
    }


def main() -> int:
    """Adds the rows that the table lacks, one by one."""
    parser = errors.parser("vdit.planning.gpu_table", __doc__)
    for name, what in (("out", "the CSV"), ("before", "a tree of cfb1f35"), ("after", "this one")):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=name == "out", help=what)
    args = parser.parse_args()
    if not topology.has_plugin():
        raise InputError(topology.WANTED)
    found = read_csv(args.out) if args.out.exists() else []
    for build in filter(vars(args).get, ("before", "after")):
        for case in CASES:
            name = {"build": build, **case._asdict()}
            if not any(name.items() <= one.items() for one in found):
                found.append(row(build, getattr(args, build), case))
                write_text(args.out, as_csv(found))
    print(as_text(found))
    return 0


if __name__ == "__main__":
    errors.run(main)
