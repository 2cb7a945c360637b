"""The formulas beside the steps that were compiled for GPUs: the kept table."""

import pytest

from tests.paths import ROOT
from vdit.config.devices import GIB, device_of
from vdit.config.model_config import ModelConfig
from vdit.config.sizes import size_of
from vdit.planning import cost_model
from vdit.planning.job import Job, mesh_of
from vdit.runs import tables

PEAK, TRAFFIC = 0.13, 0.08  # relative


def compiled_cases():
    path = ROOT / "analysis" / "results" / "gpu_compiled" / "table.csv"
    rows = [row for row in tables.read_csv(path) if row["build"] == "after"]
    return [row for row in rows if row["layers"] == "scanned"]  # as the formulas take them to be


def job_of(row):
    more = {k: row[k] for k in ("attention", "condition", "remat")}
    more |= {"vocabulary": 1001, "text_length": 77 if row["condition"] == "text" else 1}
    shape = (16, 32, 32, 4), (1, 2, 2), *size_of(row["size"])
    model = ModelConfig(*shape, dtype="bfloat16", **more)
    return Job(model, row["batch"], mesh_of(row["mesh"]), device_of("h200"))


@pytest.mark.parametrize(
    "row", compiled_cases(), ids=lambda r: f"{r['size']}-{r['attention']}-{r['remat']}"
)
def test_formulas_say_what_compiled_programs_do(row):
    """Of the kept table: peak memory within PEAK, bytes through memory within TRAFFIC."""
    job = job_of(row)
    peak, moved = sum(cost_model.memory(job).values()), sum(cost_model.traffic(job).values())
    assert peak / GIB == pytest.approx(row["peak_gib"], rel=PEAK)
    assert moved / GIB == pytest.approx(row["traffic_gib"], rel=TRAFFIC)
