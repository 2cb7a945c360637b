"""The notebooks: pairs in step, thin, with pictures in them, and they run.

python -m tests.analysis.notebooks_test     make them anew after a change to a .py or .ipynb
"""

import ast
import os
import tempfile

import jupytext
import nbclient
import nbformat
import pytest
from jupytext import cli

from tests.paths import ROOT

PLACE = ROOT / "analysis" / "notebooks"
NAMES = ("checkpoint_evaluation", "compute_optimal", "economics", "scaling_curve")
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
    script = jupytext.read(PLACE / f"{name}.py")
    pairs = [
        [(cell.cell_type, cell.source) for cell in notebook.cells]
        for notebook in (script, read(name))
    ]
    assert pairs[0] == pairs[1]
    assert script.metadata["jupytext"]["formats"] == "ipynb,py:percent"


@pytest.mark.parametrize("name", NAMES)
def test_it_is_thin(name):
    notebook = read(name)
    for cell in code(notebook):
        for node in ast.walk(ast.parse(cell.source)):
            assert not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda), cell.source
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


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_in_a_fresh_kernel(name, tmp_path):
    kept, fresh = read(name), run(name, tmp_path)
    assert pictures(fresh) == pictures(kept)
    assert printed(fresh) == printed(kept)  # else it was not made anew after a change


def run(name, scratch):
    """The notebook, executed in its own folder; Jupyter keeps its own files in `scratch`."""
    notebook = read(name)
    for cell in code(notebook):
        cell.outputs = []
    own = {"PYTHONPATH": ROOT, "IPYTHONDIR": scratch, "JUPYTER_RUNTIME_DIR": scratch}
    client = nbclient.NotebookClient(
        notebook, timeout=60, kernel_name="python3", record_timing=False,
        resources={"metadata": {"path": os.fspath(PLACE)}},
    )  # fmt: skip
    return client.execute(env=os.environ | {key: os.fspath(value) for key, value in own.items()})


def make_anew():
    """Bring each pair in step, run it, and keep its pictures."""
    for name in NAMES:
        cli.jupytext(["--quiet", "--sync", os.fspath(PLACE / f"{name}.py")])
        with tempfile.TemporaryDirectory() as scratch:
            nbformat.write(run(name, scratch), PLACE / f"{name}.ipynb")


if __name__ == "__main__":
    make_anew()
