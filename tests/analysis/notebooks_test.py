"""The notebooks: pairs in step, thin, with pictures in them, and they run.

python -m tests.analysis.notebooks_test [NAME ...]   makes them anew, after a change to either file
"""

import ast
import base64
import io
import os
import sys
import tempfile

import jupytext
import nbclient
import nbformat
import pytest
from jupytext import cli
from jupytext.config import load_jupytext_config
from PIL import Image

import vdit
from tests.paths import ROOT
from tests.tiny import config

PLACE = ROOT / "analysis" / "notebooks"
TABLES = ("checkpoint_evaluation", "compute_optimal", "economics", "scaling_curve")
PLAYS = "load_and_sample"  # what runs/first makes, whatever model that is
NAMES = (*TABLES[:3], PLAYS, TABLES[3])
LOGIC = ast.FunctionDef | ast.ClassDef | ast.Lambda | ast.For | ast.While | ast.If | ast.Try
HEAVIEST = 300_000  # bytes of a notebook with videos in it
LONGEST = 30  # lines of a cell


def read(name):
    return nbformat.read(PLACE / f"{name}.ipynb", as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook):
    return [output for cell in code(notebook) for output in cell.outputs]


def pictures(notebook):
    return sum("image/png" in output.get("data", {}) for output in outputs(notebook))


def printed(notebook):
    return "".join(o.text for o in outputs(notebook) if o.output_type == "stream")


def test_no_notebook_is_forgotten():
    assert sorted(path.name for path in PLACE.glob("*.py")) == [f"{name}.py" for name in NAMES]
    assert sorted(path.name for path in PLACE.glob("*.ipynb")) == [f"{n}.ipynb" for n in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_the_pair_is_in_step(name):
    path = os.fspath(PLACE / f"{name}.py")
    script = jupytext.read(path)
    pairs = [
        [(cell.cell_type, cell.source) for cell in notebook.cells]
        for notebook in (script, read(name))
    ]
    assert pairs[0] == pairs[1]
    assert load_jupytext_config(path).default_formats(path) == "ipynb,py:percent"


@pytest.mark.parametrize("name", NAMES)
def test_it_is_thin(name):
    notebook = read(name)
    for cell in code(notebook):
        for node in ast.walk(ast.parse(cell.source)):
            assert not isinstance(node, LOGIC), cell.source
        assert len(cell.source.splitlines()) <= LONGEST
    assert all(cell.cell_type == "markdown" for cell in notebook.cells[:1])


@pytest.mark.parametrize("name", NAMES)
def test_its_pictures_are_in_it(name):
    notebook = read(name)
    assert pictures(notebook) >= 1
    counts = [cell.execution_count for cell in code(notebook)]
    assert counts == list(range(1, len(counts) + 1))  # run once, from top to bottom
    kinds = {(output.output_type, output.get("name")) for output in outputs(notebook)}
    assert kinds <= {("display_data", None), ("execute_result", None), ("stream", "stdout")}
    assert str(ROOT) not in nbformat.writes(notebook)


@pytest.mark.parametrize("name", TABLES)
def test_it_runs_in_a_fresh_kernel(name, tmp_path):
    kept, fresh = read(name), run(name, tmp_path)
    assert pictures(fresh) == pictures(kept)
    assert printed(fresh) == printed(kept)  # else it was not made anew after a change


def test_it_plays_what_a_model_makes(tmp_path):
    """Of a tiny model, untrained: the pictures kept are of a larger one, and move as these do."""
    vdit.build(config(tmp_path)).save(tmp_path / "runs" / "first")
    place = tmp_path / "analysis" / "notebooks"
    place.mkdir(parents=True)
    fresh, kept = run(PLAYS, tmp_path, place), read(PLAYS)
    assert pictures(fresh) == pictures(kept) == 2
    assert (PLACE / f"{PLAYS}.ipynb").stat().st_size < HEAVIEST
    for notebook, frames in ((fresh, 3), (kept, 9)):
        shown = [output.get("data", {}).get("image/png") for output in outputs(notebook)]
        found = [Image.open(io.BytesIO(base64.b64decode(png))) for png in shown if png]
        assert [picture.n_frames for picture in found] == [frames, frames]


def run(name, scratch, place=PLACE):
    """The notebook, executed in a folder; Jupyter keeps its own files in `scratch`."""
    notebook = read(name)
    for cell in code(notebook):
        cell.outputs = []
    own = {"PYTHONPATH": ROOT, "IPYTHONDIR": scratch, "JUPYTER_RUNTIME_DIR": scratch}
    own["TF_CPP_MIN_LOG_LEVEL"] = "3"  # XLA's word on a slow compiler is no output
    client = nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="python3", record_timing=False,
        resources={"metadata": {"path": os.fspath(place)}},
    )  # fmt: skip
    return client.execute(env=os.environ | {key: os.fspath(value) for key, value in own.items()})


def make_anew(names):
    """Bring each pair in step, run it, and keep its pictures."""
    for name in names:
        cli.jupytext(["--quiet", "--sync", os.fspath(PLACE / f"{name}.py")])
        with tempfile.TemporaryDirectory() as scratch:
            nbformat.write(run(name, scratch), PLACE / f"{name}.ipynb")


if __name__ == "__main__":
    there = (PLACE.parents[1] / "runs" / "first").is_dir()  # else its pictures stay as they are
    make_anew(sys.argv[1:] or (NAMES if there else TABLES))
