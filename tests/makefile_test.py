"""`make demo VIDEOS=DIR`, with real make and a stand-in for Python: any name is a name."""

import shutil
import subprocess
import sys

import pytest

from tests.paths import ROOT

NAMES = {
    "plain": "plain",
    "two words": "two_words",
    "it's": "it_s",
    'say "x"': "say__x_",
    "a;touch hit": "a_touch_hit",
    "$(touch hit)": "__touch_hit_",
    "$(shell touch hit)": "__shell_touch_hit_",
    "$$(touch hit)": "___touch_hit_",
    "`touch hit`": "_touch_hit_",
    "a$HOME": "a_HOME",
    "-rf": "-rf",
    "#1 & 2%": "_1___2_",
    "ü": "__",
}
STAND_IN = """#!/bin/sh
printf '%s\\t' "$@" >> calls
echo >> calls
"""


def calls(folder, *variables):
    """What `make demo` calls Python with, in a copy of what it needs; or why it failed."""
    for path in (ROOT / "Makefile", ROOT / "setup.py", *ROOT.glob("constraints*.txt")):
        shutil.copy(path, folder)
    python = folder / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(STAND_IN)
    python.chmod(0o755)
    (folder / "venv" / "installed").touch()
    make = ["make", "demo", f"PYTHON={sys.executable}", "VENV=venv", *variables]
    subprocess.run(make, cwd=folder, check=True, capture_output=True)
    return [line.split("\t")[:-1] for line in (folder / "calls").read_text().splitlines()]


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_of_any_name_is_taken_as_it_is(tmp_path, name):
    videos = tmp_path / "here" / name
    videos.mkdir(parents=True)
    prepare, coder, launch, *_ = calls(tmp_path, f"VIDEOS={videos}")
    root = f"runs/{NAMES[name]}"
    assert prepare[:4] == ["-m", "vdit.prepare", "--videos", str(videos)]
    assert prepare[4:6] == ["--out", f"{root}/data"]
    assert coder[2:4] == ["--config", f"experiments/autoencoder.py:videos={root}/data"]
    assert launch[2:6] == ["--sweep", f"sweeps/demo.py:videos={root}/data", "--root", root]
    assert not [*tmp_path.rglob("hit")]


def test_without_videos_the_demo_is_the_embedded_world(tmp_path):
    coder, launch, *_ = calls(tmp_path)
    assert coder[3:] == ["experiments/autoencoder.py", "--workdir", "runs/demo/autoencoder"]
    assert launch[3:6] == ["sweeps/demo.py", "--root", "runs/demo"]


def dry(python):
    """What `make test` would do with this Python, and its exit status."""
    made = ["make", "--dry-run", "--always-make", "test", f"PYTHON={python}"]
    done = subprocess.run(made, cwd=ROOT, check=False, capture_output=True, text=True)
    return done.stdout + done.stderr, done.returncode


@pytest.mark.parametrize(
    ("version", "environment", "pins"),
    [
        ("3.11", ".venv", "constraints.txt"),
        ("3.12", ".venv-3.12", "constraints-newest.txt"),
        ("3.13", ".venv-3.13", "constraints-newest.txt"),
    ],
)
def test_each_python_has_an_environment_and_pins(tmp_path, version, environment, pins):
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho {version}\n")
    python.chmod(0o755)
    said, status = dry(python)
    assert status == 0, said
    assert f"{python} -m venv {environment}\n" in said
    assert f"{environment}/bin/pip install --quiet --constraint {pins} --editable" in said
    assert f"{environment}/bin/python -m pytest" in said


def test_a_python_that_does_not_run_is_named():
    said, status = dry("false")
    assert status == 2
    assert "PYTHON=false does not run: expected a Python of 3.11 to 3.13" in said
