"""Training steps compiled for H200s that are not there: what each holds, moves and waits for.

    python -m vdit.planning.gpu_table --out analysis/results/gpu_compiled/table.csv

Cases that the table has are left as they are, so an interrupted call can be gone on with; its rows
`before` are of cfb1f35. Needs `pip install 'vdit[gpu]'` on Python 3.12 or newer.
"""

import pathlib
from typing import NamedTuple

from vdit import errors
from vdit.config.devices import GIB, device_of
from vdit.config.model_config import ModelConfig
from vdit.config.sizes import size_of
from vdit.errors import InputError
from vdit.planning import compared, hlo, lowered, topology, traffic
from vdit.planning.job import Job, mesh_of
from vdit.planning.kernels import COPIES, FILLS, kernels, moved
from vdit.runs.files import write_text
from vdit.runs.tables import as_csv, as_text, read_csv

BUILD, DEVICE, LATENT = "after", "h200", (16, 32, 32, 4)


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


def job(case: Case) -> Job:
    """The step of a case."""
    captions = {"vocabulary": 1001, "text_length": 77 if case.condition == "text" else 1}
    more = {k: getattr(case, k) for k in ("attention", "condition", "remat")} | captions
    more["unroll"] = case.layers == "unrolled"
    model = ModelConfig(LATENT, (1, 2, 2), *size_of(case.size), dtype="bfloat16", **more)
    return Job(model, case.batch, mesh_of(case.mesh), device_of(DEVICE))


def row(case: Case) -> dict:
    """What the program of a case moves and holds."""
    program = lowered.compiled(job(case))
    return _read(case, hlo.read(program.as_text()), compared.peak_bytes(program))


def _read(case: Case, program: hlo.Program, peak: int) -> dict:
    by_kind = moved(kernels(program))
    moves = traffic.moves(program, mesh_of(case.mesh))
    moves = [m for m in moves if m.in_loop or case.layers == "unrolled"]
    bytes_of = {kind: size for kind, (_, size) in by_kind.items()}
    of_layers = sum(bytes_of.get(kind, 0) for kind in (COPIES, FILLS))
    return {
        "kind": "compiled",
        "build": BUILD,
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
    parser.add_argument("--out", type=pathlib.Path, required=True, help="the CSV")
    out = parser.parse_args().out
    if not topology.has_plugin():
        raise InputError(topology.WANTED)
    found = read_csv(out) if out.exists() else []
    for case in CASES:
        name = {"build": BUILD, **case._asdict()}
        if not any(name.items() <= one.items() for one in found):
            found.append(row(case))
            write_text(out, as_csv(found))
    print(as_text(found))
    return 0


if __name__ == "__main__":
    errors.run(main)
