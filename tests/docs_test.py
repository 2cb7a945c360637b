"""The pages are true: their commands exist, their code runs, the README is short."""

import re

import pytest

from tests.paths import ROOT
from tests.tiny import config, forked, trained

PAGES = sorted((ROOT / "docs").glob("*.md"))
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def code(page):
    return "".join(PYTHON.findall((ROOT / "docs" / page).read_text()))


def test_every_command_is_one():
    done = forked("-m", "tests.documented", "README.md", *PAGES, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert int(done.stdout.split()[0]) > 80


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("python -m vdit.main --config experiments/base.py --workdir x --config.stepz=1", "stepz"),
        ("python -m vdit.sample --workdir x --out x.mp4 --guide 2", "--guide"),
        ("python -m analysis.fit x.csv --law chinchila", "chinchila"),
        ("make dome", "dome"),
    ],
)
def test_a_command_that_is_none_is_named(tmp_path, command, why):
    page = tmp_path / "page.md"
    page.write_text(f"```python\nimport vdit\n```\n\n```sh\n{command}\n```\n")
    done = forked("-m", "tests.documented", page, check=False)
    assert done.returncode == 1
    assert why in done.stdout
    assert "1 commands, 1 wrong" in done.stdout


def test_the_tutorial_runs(tmp_path, monkeypatch, capsys):
    trained(config(tmp_path), tmp_path / "runs" / "first")
    monkeypatch.chdir(tmp_path)
    found = {}
    exec(code("tutorial.md"), found)
    assert found["videos"].shape == found["sharper"].shape == (2, 3, 16, 16, 3)
    assert (found["videos"] != found["sharper"]).any()
    assert found["losses"].shape == (2,)
    assert (tmp_path / "red_circle.mp4").stat().st_size > 0
    assert "[True, True]" in capsys.readouterr().out


def test_laws_in_python_are_as_shown(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    exec(code("laws.md"), {})
    assert "'alpha':" in capsys.readouterr().out


def test_every_example_is_shown():
    """The strict build names a snippet whose file is gone, not a mark that is none."""
    text = "".join(path.read_text() for path in (ROOT / "docs").rglob("*.md"))
    shown = set(re.findall(r'^--8<-- "([^"]+)"$', text, re.MULTILINE))
    files = [p for kind in ("*.py", "*.diff") for p in (ROOT / "docs" / "examples").rglob(kind)]
    assert {path.relative_to(ROOT).as_posix() for path in files} <= shown


def test_the_readme_is_short_and_its_links_are_there():
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 130
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) > 20
    assert [link for link in links if not (ROOT / link).exists()] == []
