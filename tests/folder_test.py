"""Where a run's folder is while it is at rest, at work, or was taken over."""

import pytest

from vdit.runs import folder


@pytest.mark.parametrize(
    ("there", "found"),
    [
        ((), "abc"),
        (("abc",), "abc"),
        (("abc.1",), "abc.1"),
        (("abc.9", "abc.10"), "abc.10"),  # numbers, not text
        (("abc", "abc.1"), "abc"),  # abc.1 was made again by an owner that had lost it
        (("abcd", "abc.x", "zabc.2"), "abc"),
    ],
)
def test_a_run_is_found_at_rest_or_at_its_last_attempt(tmp_path, there, found):
    for name in there:
        (tmp_path / name).mkdir()
    assert folder.find(tmp_path / "abc") == tmp_path / found
    every = folder.find_all(tmp_path)
    assert every.get("abc", tmp_path / "abc") == tmp_path / found
    claimed = folder.find_claimed(tmp_path).get("abc")
    assert claimed == (tmp_path / found if found != "abc" else None)
    numbers = [folder.attempt_of(name) for name in there]
    assert list(folder.attempts(tmp_path / "abc")) == sorted(n for x, n in numbers if x == "abc")


def test_names_say_their_attempt():
    assert folder.attempt_of("abc.12") == ("abc", 12)
    assert folder.attempt_of("abc") == ("abc", 0)
    assert folder.attempt_of("a.b") == ("a.b", 0)
