"""Latent caches: damage is told in a line that names the file, and what killed makers left goes."""

import os
import pathlib
import random
import shutil
import signal
import time

import jax
import numpy as np
import pytest

from tests import forks
from tests.paths import ROOT
from tests.tiny import config, environment, flags, forked
from vdit.data import cache, latents, pipeline, unfinished
from vdit.parallel import sharding
from vdit.runs.files import DamagedFileError

PARTS = {"data.train_clips": 8, "data.epochs": 1, "steps": 2, "batch": 8}
FILES = ("meta.json", "train.array_record", "train_1.array_record", "validation.array_record")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return latents.prepare(config(tmp_path_factory.mktemp("made"), **PARTS))


@pytest.fixture
def folder(made, tmp_path):
    return pathlib.Path(shutil.copytree(made, tmp_path / "latents" / made.name))


def read(folder, in_memory=None):
    """All there is, as a run reads it: bytes, so that two readings can be compared."""
    train, held = (cache.Records(folder, split, in_memory) for split in ("train", "validation"))
    rows = [train.rows(np.arange(16)), held.rows(np.arange(32))]
    return b"".join(leaf.tobytes() for leaf in jax.tree.leaves(rows)) + repr(train.meta).encode()


def damaged(folder, name):
    """That file's damage, told with what to do."""
    return pytest.raises(
        DamagedFileError, match=rf"{folder / name}: .*delete the folder {folder} and it is made"
    )


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["emptied", "truncated", "deleted", "foreign"])
def test_a_damaged_file_is_named_with_what_to_do(folder, name, damage):
    path = folder / name
    data = path.read_bytes()
    path.unlink()
    if damage != "deleted":
        kept = {"emptied": b"", "truncated": data[: len(data) // 2], "foreign": b"{}" * 40_000}
        path.write_bytes(kept[damage])
    with damaged(folder, name):
        read(folder)


def test_records_of_another_cache_are_damage(folder):
    shutil.copy(folder / "train.array_record", folder / "validation.array_record")
    with pytest.raises(DamagedFileError, match=r"validation.* \(8 records, expected 32\)"):
        read(folder)


def told(folder, in_memory):
    """The line of a cache's damage, or all that there is to read."""
    try:
        return read(folder, in_memory)
    except DamagedFileError as error:
        return str(error)


@pytest.mark.parametrize("in_memory", [None, 0])
def test_no_flipped_bit_changes_what_is_read(folder, in_memory):
    """Some lie in padding and change nothing; all others are told."""
    truth, choose, found = read(folder), random.Random(0), 0
    for path in (folder / name for name in FILES):
        data = path.read_bytes()
        for _ in range(40):
            flipped = bytearray(data)
            flipped[choose.randrange(len(data))] ^= 1 << choose.randrange(8)
            path.write_bytes(flipped)
            if (seen := told(folder, in_memory)) != truth:
                assert seen.startswith(f"{path}: ")
                found += 1
        path.write_bytes(data)
    assert found > 80


def test_damage_met_by_the_reading_thread_is_the_same_line(folder):
    records = cache.Records(folder, "train", in_memory=0)
    place = sharding.batch_sharding(sharding.make_mesh({}))
    rows = iter(pipeline.batches(records, 8, 0, place, epochs=1))
    next(rows)
    (folder / "train_1.array_record").unlink()
    with damaged(folder, "train_1.array_record"):
        for _ in range(20):
            next(rows)


def test_a_run_on_a_damaged_cache_ends_with_one_line(tmp_path):
    arguments = ["-m", "vdit.main", *flags(tmp_path, tmp_path / "run", **PARTS)]
    folder = latents.prepare(config(tmp_path, **PARTS))
    (folder / "train_1.array_record").write_bytes(b"")
    done = forked(*arguments, check=False)
    line = done.stderr.splitlines()[-1]
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert line.startswith(f"error: {folder}/train_1.array_record: damaged (")
    assert line.endswith(f"delete the folder {folder} and it is made again")
    shutil.rmtree(folder)
    assert read(latents.prepare(config(tmp_path, **PARTS)))


def test_a_cache_of_older_code_has_no_digests_and_is_read(folder):
    truth = read(folder)
    (folder / "digests.json").unlink()
    assert read(folder) == truth


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path):
    """A limit on files stands in for it: ArrayRecord is told so by the same error."""
    code = "import pathlib, resource, signal\nfrom tests import cache_test, tiny\n"
    code += "from vdit import errors\nfrom vdit.data import latents\n"
    code += "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    code += "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))\n"
    code += f"made = tiny.config(pathlib.Path({str(tmp_path)!r}), **cache_test.PARTS)\n"
    code += "errors.run(lambda: latents.prepare(made))\n"
    done = forked("-c", code, check=False)
    assert done.returncode == 2
    assert "train.array_record: cannot be written: write() failed" in done.stderr.splitlines()[-1]
    assert not list((tmp_path / "latents").iterdir())


# --- what makers leave behind --------------------------------------------------------------------


def hidden(tmp_path):
    return [path for path in (tmp_path / "latents").glob(".*") if path.is_dir()]


def maker(tmp_path):
    """A process that is making a cache, seen at work."""
    code = "import time\nfrom vdit.autoencoders.autoencoder import IdentityAutoencoder as I\n"
    code += "I.encode = lambda *_: time.sleep(60)\n"
    code += "import pathlib, signal, sys\nfrom tests import tiny, cache_test\n"
    code += "from vdit.data import latents\n"
    code += "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n"
    code += f"made = tiny.config(pathlib.Path({str(tmp_path)!r}), **cache_test.PARTS)\n"
    code += "latents.prepare(made)\n"
    log = tmp_path / "log"
    process = forks.start(["-c", code], ROOT, environment(1), log)
    while not any(path.suffix == f".{process.pid}" for path in hidden(tmp_path)):
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    return process


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_latents_are_made_leaves_nothing(tmp_path, sent):
    process = maker(tmp_path)
    process.send_signal(sent)
    assert process.wait(60) != 0
    assert not list((tmp_path / "latents").iterdir())


def test_what_a_killed_maker_left_is_swept_and_the_living_are_spared(tmp_path):
    dead, living = maker(tmp_path), maker(tmp_path)
    dead.send_signal(signal.SIGKILL)
    dead.wait()
    (left,) = (path for path in hidden(tmp_path) if path.suffix == f".{dead.pid}")
    folder = latents.prepare(config(tmp_path, **PARTS))
    assert not left.exists()
    assert [path.suffix for path in hidden(tmp_path)] == [f".{living.pid}"]
    living.send_signal(signal.SIGKILL)
    living.wait()
    assert read(folder)


@pytest.mark.parametrize(
    ("name", "hours", "swept"),
    [
        (".0123456789ab.other.77", 30, False),  # no name of ours
        (".0123456789ab.deadbeef-f0.77", 2, False),  # of another machine, where 77 may live
        (".0123456789ab.deadbeef-f0.77", 30, True),
        (".0123456789ab.77", 2, False),  # of older code
        (".0123456789ab.77", 30, True),
        (".dit.deadbeef-f0.77", 30, True),
        (".dit.2", 30, False),  # a user's
        (".dit.ab.2", 30, False),
        (".snapshot", 30, False),
    ],
)
def test_folders_of_other_machines_are_swept_when_long_silent(tmp_path, name, hours, swept):
    other = tmp_path / name
    other.mkdir()
    (other / "train.array_record").write_bytes(b"half")
    then = time.time() - hours * 3600
    for path in (other / "train.array_record", other):
        os.utime(path, (then, then))
    (tmp_path / ".dit.deadbeef-f0.3").touch()  # a file, which holds nothing
    with unfinished.unfinished(tmp_path / "dit"):
        assert other.exists() is not swept


def test_a_maker_still_writing_is_not_silent(tmp_path):
    other = tmp_path / ".0123456789ab.deadbeef-f0.77"
    other.mkdir()
    (other / "train.array_record").write_bytes(b"more and more")
    os.utime(other, (0, 0))
    with unfinished.unfinished(tmp_path / "ba9876543210"):
        assert other.exists()
