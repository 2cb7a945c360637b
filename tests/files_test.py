"""Files that appear whole, lines that begin afresh, digests: what is damaged is named."""

import errno
import json
import os
import subprocess
import sys

import pytest

from vdit.errors import InputError
from vdit.runs import digests
from vdit.runs.files import (
    DamagedFileError,
    JsonLines,
    find_json,
    read_json,
    read_json_lines,
    whole_file,
    write_json,
)


@pytest.mark.parametrize(
    "content", [b"", b'{"a": 1', b"[1]", b'{"a": NaN}', b"\xff\xfe", b"\0" * 9]
)
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"x.json: damaged .* expected a row"):
        read_json(tmp_path / "x.json", "a row")


def test_a_missing_file_is_none_or_said(tmp_path):
    assert find_json(tmp_path / "x.json", "a row") is None
    with pytest.raises(InputError, match=r"x.json: no such file, expected a row"):
        read_json(tmp_path / "x.json", "a row")


def test_a_file_and_its_folder_are_on_the_disk_before_and_after_its_name(tmp_path, monkeypatch):
    seen = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda d: (seen.append(os.fstat(d).st_ino), sync(d)))
    monkeypatch.setattr(os, "replace", lambda a, b: (seen.append("renamed"), replace(a, b)))
    write_json(tmp_path / "x.json", {"a": float("nan")})
    inodes = [(tmp_path / "x.json").stat().st_ino, "renamed", tmp_path.stat().st_ino]
    assert seen == inodes
    assert read_json(tmp_path / "x.json", "a row") == {"a": None}


def test_a_block_that_fails_leaves_the_old_file_and_no_other(tmp_path):
    write_json(tmp_path / "x.json", {"a": 1})

    def fail():
        with whole_file(tmp_path / "x.json") as part:
            part.write_text("{")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert os.listdir(tmp_path) == ["x.json"]
    assert read_json(tmp_path / "x.json", "") == {"a": 1}


def test_lines_go_on_behind_a_torn_one(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_text('{"step": 1}\n{"st')
    assert read_json_lines(path) == ([{"step": 1}], [])  # the last may be in writing
    lines = JsonLines(path)
    lines.write({"step": 2})
    lines.close()
    assert read_json_lines(path) == ([{"step": 1}, {"step": 2}], [2])


FILL = """
import resource, sys
from vdit.runs.files import JsonLines
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
lines = JsonLines(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (40, resource.RLIM_INFINITY))
for step in range(9):
    try:
        lines.write({"step": step, "much": "x" * 10})
    except OSError as error:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        print(error.errno)
"""


def test_the_same_writer_begins_afresh_behind_what_a_full_disk_tore(tmp_path):
    path = tmp_path / "m.jsonl"
    done = subprocess.run([sys.executable, "-c", FILL, path], capture_output=True, text=True)
    assert int(done.stdout) in (errno.ENOSPC, errno.EFBIG), done.stderr
    found = read_json_lines(path)
    assert (len(found.damaged), len(found.rows)) == (1, 8)


def test_every_flipped_bit_of_a_folder_is_found(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.bin").write_bytes(bytes(range(64)))
    (tmp_path / "b.json").write_text(json.dumps({"a": 1}))
    assert not digests.check(tmp_path)
    digests.write(tmp_path)
    assert digests.check(tmp_path)
    for name in ("d/a.bin", "b.json"):
        whole = (tmp_path / name).read_bytes()
        for bit in range(8 * len(whole)):
            flipped = bytearray(whole)
            flipped[bit // 8] ^= 1 << bit % 8
            (tmp_path / name).write_bytes(flipped)
            with pytest.raises(DamagedFileError, match=name):
                digests.check(tmp_path)
        (tmp_path / name).write_bytes(whole)
    (tmp_path / "b.json").unlink()
    with pytest.raises(DamagedFileError, match=r"b.json: damaged or missing"):
        digests.check(tmp_path)
