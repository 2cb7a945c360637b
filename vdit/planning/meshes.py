"""What each axis of a mesh costs each variant: collectives of the step, on simulated devices.

    python -m vdit.planning.meshes --out analysis/results/meshes/table.csv

For every variant and axis the real training step is compiled for 8 devices along that axis, layers
unrolled, and its collectives are counted and set beside the formulas of `collectives`. No device of
the kind that trains has been asked; what holds there too is which arrays move along which axis.
"""

import argparse
import dataclasses
import pathlib

from vdit import errors
from vdit.config.devices import MESH_AXES, device_of
from vdit.config.model_config import LAYOUTS, ModelConfig
from vdit.planning import collectives, hlo, lowered, topology, traffic
from vdit.planning.job import Job, mesh_of
from vdit.runs.files import write_text
from vdit.runs.tables import as_csv, as_text

DEVICES = 8
# Small, and every axis divides it: 8 frames of 64 places, 8 heads, two blocks of each kind or one.
LATENT, PATCH, WIDTH, HEADS, DEPTH, BATCH = (8, 16, 16, 4), (1, 2, 2), 64, 8, 2, 8
LEAST = 4096  # bytes: what is moved of vectors of a clip and of single numbers is left out


def rows() -> list[dict]:
    """One row for each variant, axis and kind of collective."""
    return [row for name in LAYOUTS for axis in MESH_AXES for row in rows_of(name, axis)]


def rows_of(attention: str, axis: str) -> list[dict]:
    """Those of one variant on devices along one axis."""
    model = ModelConfig(
        LATENT, PATCH, WIDTH, DEPTH, HEADS, attention=attention, condition="none", unroll=True
    )
    job = Job(model, BATCH, mesh_of(f"{axis}={DEVICES}"), device_of("h100"))
    program = lowered.compiled(dataclasses.replace(job, device=None))
    moves = traffic.moves(hlo.read(program.as_text()), job.mesh)
    found = traffic.totals([move for move in moves if move.bytes >= LEAST])
    return [_row(job, axis, kind, *found[kind, axis]) for kind, _ in found]


def _row(job: Job, axis: str, kind: str, count: int, sent: float) -> dict:
    formula = [c for c in collectives.collectives(job) if c.axis == axis and kind in _made_of(c)]
    return {
        "kind": "simulated",
        "variant": job.model.attention,
        "mesh": f"{axis}={DEVICES}",
        "collective": kind,
        "count": count,
        "bytes_a_device": round(sent),
        "formula_bytes": round(sum(c.bytes * _made_of(c)[kind] for c in formula)),
    }


def _made_of(c: collectives.Collective) -> dict[str, int]:
    """What a compiler for CPUs makes of it: of a reduce-scatter an all-reduce, twice the bytes."""
    return {"all-reduce": 2} if c.kind == "reduce-scatter" else {c.kind: 1}


def main() -> int:
    """Writes the table and prints it."""
    parser = argparse.ArgumentParser(
        prog="python -m vdit.planning.meshes",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--out", type=pathlib.Path, required=True, help="the CSV to write")
    args = parser.parse_args()
    topology.simulate(DEVICES)
    table = rows()
    write_text(args.out, as_csv(table))
    print(as_text(table))
    return 0


if __name__ == "__main__":
    errors.run(main)
