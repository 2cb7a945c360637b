"""A folder prepared by many: the same bytes, whoever did what and whoever was killed on the way."""

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import shlex
import sys

import pytest

from tests.clips import grey_videos, run, siblings
from tests.prepare_test import contents
from tests.tiny import python
from vdit import prepare
from vdit.data.video_folder import decisions, ingest, plan, record, units
from vdit.data.video_folder import flags as flags_of
from vdit.data.video_folder.partial import partial_folder, place_of
from vdit.data.video_folder.request import Request
from vdit.errors import InputError
from vdit.runs import attempt


@pytest.fixture
def alone(tmp_path):
    """Six videos, and what one process makes of them."""
    videos = grey_videos(tmp_path / "videos")
    (videos / "v2.mkv").write_bytes(b"not a video")
    run(videos, tmp_path / "alone", "--max_bad", "0.2")
    return contents(tmp_path / "alone")


def prepared(tmp_path, how):
    """What processes make together; what those that ended well have printed, but of seconds."""
    logs, out = tmp_path / "logs", tmp_path / "out"
    logs.mkdir()
    flags = ["--videos", tmp_path / "videos", "--out", out, "--max_bad", "0.2"]
    python("-m", "tests.preparers", logs, how, *flags, "--frames", 3, "--size", 8)
    said = [path.read_text() for path in logs.iterdir()]
    ended = [text.rpartition(",")[0] for text in said if "each 3x8x8" in text]
    return contents(out), ended


@pytest.mark.parametrize("how", ["4", "cut,cut,split,decide,shard,record"])
def test_killed_processes_leave_no_trace(tmp_path, alone, how):
    made, said = prepared(tmp_path, how)
    assert made == alone
    assert siblings(tmp_path / "out") == ["alone", "logs", "videos"]
    assert "v2.mkv  unreadable" in said[0]
    assert len(set(said)) == 1


def test_what_a_process_had_no_time_to_clear_is_cleared(tmp_path, alone):
    left = place_of(tmp_path / "alone")
    (left / "close").mkdir(parents=True)
    run(tmp_path / "videos", tmp_path / "alone", "--max_bad", "0.2")
    assert contents(tmp_path / "alone") == alone
    assert not left.exists()


def test_shards_are_the_same_however_the_list_is_cut(tmp_path, alone, monkeypatch):
    monkeypatch.setattr(plan, "SLICE_FILES", 1)
    run(tmp_path / "videos", tmp_path / "out", "--max_bad", "0.2")
    assert contents(tmp_path / "out") == alone
    monkeypatch.setattr(decisions, "SHARD_BYTES", 3 * 8 * 8 * 3 * 5)  # of five windows
    run(tmp_path / "videos", tmp_path / "small", "--max_bad", "0.2")
    names = [name for name in contents(tmp_path / "small") if "-train." in name]
    assert sorted(names)[-1].endswith("-00001-of-00002")


def test_a_unit_that_kills_whoever_does_it_is_named(tmp_path):
    for _ in range(units.MAXIMUM_DEATHS + 1):
        held = attempt.acquire(tmp_path / "u")
        held.heartbeat.stop()
        os.close(held.descriptor)  # as the kernel does when a process is killed
    with pytest.raises(InputError, match=r"u: 3 processes were killed in this unit"):
        units.share(tmp_path, ["u"], lambda *_: pytest.fail("done"))
    assert siblings(tmp_path / "u") == []
    units.share(tmp_path, ["u"], lambda *_: {"tried": "again"})
    assert units.result(tmp_path, "u") == {"tried": "again"}


def test_a_unit_that_is_done_keeps_its_name_whoever_has_not_seen_it(tmp_path, monkeypatch):
    """Others read in it: claimed once more, it would be gone for a moment."""

    def do(name, folder):
        (folder / "it").write_text(name)
        return {}

    units.share(tmp_path, ["a"], do)
    monkeypatch.setattr(units, "_do", lambda *_: pytest.fail("it was claimed"))
    assert not units._do_some(tmp_path, ["a"], {}, do)
    assert (tmp_path / "a" / "it").exists()


def test_short_units_share_a_look(tmp_path, monkeypatch):
    """One before and one after: a look takes as long as there are units."""
    looks, find_all = [], units.find_all
    monkeypatch.setattr(units, "find_all", lambda place: looks.append(place) or find_all(place))
    monkeypatch.setattr(units, "LOOK_S", float("inf"))
    names = [f"{index:06d}" for index in range(5)]
    units.share(tmp_path, names, lambda *_: {})
    assert siblings(tmp_path / "x") == names
    assert len(looks) == 2


def test_a_unit_that_is_done_while_another_looks_keeps_its_name(tmp_path, monkeypatch):
    other = attempt.acquire(tmp_path / "u")
    (other.folder / units.DONE).write_text("{}")
    with monkeypatch.context() as looking:

        def attempts(path, look=attempt.attempts):
            looking.undo()
            other.release()
            return look(path)

        looking.setattr(attempt, "attempts", attempts)
        assert attempt.acquire(tmp_path / "u", unless=units.DONE) is None


def test_what_was_left_of_another_command_goes_and_what_is_live_does_not(tmp_path):
    out, place = tmp_path / "out", place_of(tmp_path / "out")
    with partial_folder(out, "one", "cut/*"):
        (place / "left").touch()
        with partial_folder(out, "one", "cut/*"):
            assert (place / "left").exists()
        assert (place / "left").exists()  # somebody is in it
        with pytest.raises(InputError, match="another vdit"), partial_folder(out, "two", "cut/*"):
            pass
    assert not place.exists()
    for again in ("one", "two"):
        with contextlib.suppress(SystemExit), partial_folder(out, "one", "cut/*"):
            (place / "cut" / "0").mkdir(parents=True, exist_ok=True)
            raise SystemExit  # of a signal
        with contextlib.suppress(SystemExit), partial_folder(out, again, "cut/*"):
            assert (place / "cut" / "0").exists() == (again == "one")
            raise SystemExit


def test_a_file_that_has_changed_is_another_command(tmp_path, alone):
    asked = [tmp_path / "videos", tmp_path / "out", 3, (8, 8)]
    first = plan.identity(Request(*asked))
    assert first == plan.identity(Request(*asked))
    assert first != plan.identity(Request(*asked, max_bad=0.3))
    (tmp_path / "videos" / "v2.mkv").write_bytes(b"not a video!")
    assert first != plan.identity(Request(*asked))


def test_a_fingerprint_is_that_of_one_json_object():
    """That is how folders were named before it was made piece by piece: they are found again."""
    settings = ingest.Settings(3, 8, 8, 1, 3, False, 0.1, 0, 29.97)
    rows = [("a.mp4", "x", "", ""), ("ß\n.mp4", "y", 'a "b"', "train")]
    videos = [ingest.Video(n, c, pathlib.Path(), sha, side=side) for n, sha, c, side in rows]
    made_of = {"version": record.VERSION, "settings": dataclasses.asdict(settings)}
    made_of["files"] = {name: [sha, caption] for name, sha, caption, _ in rows}
    made_of["sides"] = {"ß\n.mp4": "train"}
    digest = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
    assert record.fingerprint(settings, videos) == digest[:12]


SQUEUE = """#!/bin/sh
case "$*" in *--jobs=5_2*) echo RUNNING;; *--all*) echo "5 $SLURM_RESTART_COUNT";; esac
"""


def test_jobs_that_slurm_starts_again_go_on(tmp_path, alone, monkeypatch):
    """One is told to end at its time limit, the machine of the next fails; of what that had Slurm
    alone says that it is nobody's."""
    executable(tmp_path / "bin" / "squeue", SQUEUE)
    executable(tmp_path / "bin" / "scontrol", '#!/bin/sh\necho "$@" >> "${0%/*}/asked"')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    for key, value in {"JOB_ID": "5", "ARRAY_JOB_ID": "5", "ARRAY_TASK_ID": "2"}.items():
        monkeypatch.setenv(f"SLURM_{key}", value)
    made, _ = prepared(tmp_path, "cut-TERM,cut-LOST")
    assert made == alone
    assert siblings(tmp_path / "out") == ["alone", "bin", "logs", "videos"]
    assert (tmp_path / "bin" / "asked").read_text() == "requeue 5_2\n"
    told = (tmp_path / "logs" / "0").read_text()
    assert "the same command goes on from there" not in told  # nothing was done yet
    assert "Slurm starts this job again" in told


def executable(path, text):
    """A command of Slurm's, in its place."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def test_slurm_gets_an_array_of_the_same_command(tmp_path, monkeypatch, capsys):
    script = '#!/bin/sh\ncd "${0%/*}"; echo "$@" > asked; cat > script; echo 42'
    executable(tmp_path / "sbatch", script)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    flags = ["--videos", "a b", "--out", "out", "--frames", "3", "--size", "8"]
    prepare.main([*flags, "--executor", "slurm", "--workers", "3"])
    assert "3 jobs share the work as job 42" in capsys.readouterr().out
    assert (tmp_path / "asked").read_text() == "--parsable --array 0-2\n"
    *_, last = (tmp_path / "script").read_text().splitlines()
    command = shlex.split(last)
    assert command[:2] == ["exec", sys.executable]
    asked = flags_of.parser().parse_args(command[4:])
    assert (str(asked.videos), asked.executor) == ("a b", "local")
