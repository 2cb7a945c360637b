"""Compiled programs are kept with a sweep's, or with the user's, and nowhere else."""

import os

import pytest

from vdit.runs import compile_cache
from vdit.runs.compile_cache import FOLDER, VARIABLE


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A user's cache folder, in an environment that says nothing of programs."""
    for name in (VARIABLE, *(n for n in os.environ if n.startswith("JAX_PERSISTENT_CACHE"))):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_a_run_of_a_sweep_shares_its_programs(tmp_path, home):
    (tmp_path / "sweep" / FOLDER).mkdir(parents=True)
    compile_cache.use_for(tmp_path / "sweep" / "runs" / "0123456789ab")
    assert os.environ[VARIABLE] == str(tmp_path / "sweep" / FOLDER)
    assert not home.exists()


def test_another_uses_the_users_folder(tmp_path, home):
    compile_cache.use_for(tmp_path / "run")
    assert os.environ[VARIABLE] == str(home / "vdit" / FOLDER)
    assert (home / "vdit" / FOLDER).is_dir()


def test_what_the_user_says_stays(tmp_path, home, monkeypatch):
    monkeypatch.setenv(VARIABLE, "elsewhere")
    compile_cache.use_for(tmp_path / "run")
    assert os.environ[VARIABLE] == "elsewhere"
    assert not home.exists()


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path, home):
    home.write_text("no folder")
    compile_cache.use_for(tmp_path / "run")
    assert VARIABLE not in os.environ
