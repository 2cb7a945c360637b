"""Checkpoints that prove themselves: what is damaged is named, the newest whole one is taken."""

import errno
import json
import pathlib
import random
import re
import shutil

import grain
import jax
import numpy as np
import pytest

import vdit
from tests.tiny import config, forked, trained
from vdit.errors import InputError
from vdit.runs import digests
from vdit.runs.checkpointer import Checkpointer
from vdit.runs.files import DamagedFileError, read_json_lines
from vdit.runs.folder import COMMITTED, steps_saved
from vdit.training.evaluation import evaluate_run

CHANGES = {"keep": 3}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A finished run of 12 steps with checkpoints at 4, 8 and 12."""
    tmp = tmp_path_factory.mktemp("checkpoints")
    trained(config(tmp, **CHANGES), tmp / "run")
    return tmp


@pytest.fixture
def unfinished(root, tmp_path):
    """The same without its end: it goes on from its newest checkpoint."""
    shutil.copytree(root / "run", tmp_path / "run")
    (tmp_path / "run" / "result.json").unlink()
    (tmp_path / "run" / "generator" / "weights.npz").unlink()
    return tmp_path / "run"


def newest(run, step=12):
    return run / "checkpoints" / str(step)


def files_of(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)


def flip(path, bit):
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def flip_any(run, random):
    path = random.choice(files_of(newest(run)))
    flip(path, random.randrange(8 * path.stat().st_size))


def truncate(run, random):
    path = random.choice(files_of(newest(run)))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(run, random):
    random.choice(files_of(newest(run))).write_bytes(b"")


def delete(run, random):
    random.choice([p for p in files_of(newest(run)) if p.name != COMMITTED]).unlink()


DAMAGES = {"flipped": flip_any, "truncated": truncate, "emptied": empty, "deleted": delete}


def weights(run, step):
    return [np.asarray(x) for x in jax.tree.leaves(vdit.load(run, step).ema)]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_sampled(
    root, unfinished, damage, capfd
):
    DAMAGES[damage](unfinished, random.Random(damage))
    model = vdit.load(unfinished)
    assert model.step == 8
    assert re.search(r"checkpoints/12\S*: damaged.*; passed over", capfd.readouterr().err)
    found = [np.asarray(x) for x in jax.tree.leaves(model.ema)]
    assert all((a == b).all() for a, b in zip(found, weights(root / "run", 8), strict=True))
    assert newest(unfinished).exists()  # readers change nothing
    with pytest.raises(DamagedFileError, match="checkpoints/12"):
        vdit.load(unfinished, 12)


def test_every_file_of_a_checkpoint_is_covered(root, unfinished):
    for path in files_of(newest(unfinished)):
        whole = path.read_bytes()
        flip(path, random.Random(path.name).randrange(8 * len(whole)))
        with pytest.raises(DamagedFileError):
            vdit.load(unfinished, 12)
        path.write_bytes(whole)
    assert vdit.load(unfinished, 12).step == 12


def test_a_run_goes_on_from_the_newest_whole_one_and_sets_the_damaged_aside(
    root, unfinished, capfd
):
    DAMAGES["flipped"](unfinished, random.Random(0))
    row = trained(config(root, **CHANGES), unfinished)
    assert "set aside as damaged.12" in capfd.readouterr().err
    expected = json.loads((root / "run" / "result.json").read_text())
    assert row["loss"] == expected["loss"]
    assert (unfinished / "checkpoints" / "damaged.12").is_dir()
    assert steps_saved(unfinished) == [4, 8, 12]
    lines = read_json_lines(unfinished / "metrics.jsonl").rows
    assert [line["step"] for line in lines if line.get("resumed")] == [8]


def test_evaluation_takes_the_newest_whole_one_or_leaves_out_the_damaged(root, unfinished, capfd):
    DAMAGES["flipped"](unfinished, random.Random(0))
    (found,) = evaluate_run(unfinished)
    assert found["step"] == 8
    assert [made["step"] for made in evaluate_run(unfinished, [4, 8, 12])] == [4, 8]
    assert re.search("checkpoints/12.*; left out", capfd.readouterr().err)
    with pytest.raises(DamagedFileError):
        evaluate_run(unfinished, [12])


def test_none_left_is_one_line_and_begins_nothing_anew(root, unfinished):
    for step in (4, 8, 12):
        flip(files_of(newest(unfinished, step))[0], 9)
    for _ in range(2):
        with pytest.raises(InputError, match="no checkpoint is whole; delete the folder"):
            trained(config(root, **CHANGES), unfinished)
    done = forked("-m", "vdit.sample", "--workdir", unfinished, "--out", "x.mp4", check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in done.stderr


def test_checking_can_be_left_out(unfinished):
    name = "_sharding"  # a reader on one device does not need it
    flip(newest(unfinished) / "weights" / name, 9)
    assert vdit.load(unfinished).step == 8
    assert vdit.load(unfinished, verify=False).step == 12


def test_one_that_is_half_deleted_is_none(unfinished):
    (newest(unfinished) / COMMITTED).unlink()
    assert steps_saved(unfinished) == [4, 8]


def test_one_of_older_code_is_read_and_if_it_cannot_be_stepped_around(unfinished, capfd):
    (newest(unfinished) / "digests.json").unlink()
    assert vdit.load(unfinished).step == 12
    for path in (newest(unfinished) / "weights").rglob("*"):
        path.write_bytes(b"") if path.is_file() else None
    assert vdit.load(unfinished).step == 8
    assert re.search(r"checkpoints/12: cannot be read \(.*\); passed over", capfd.readouterr().err)


def test_damaged_weights_of_a_finished_run_are_read_from_its_checkpoint(root, tmp_path, capfd):
    shutil.copytree(root / "run", tmp_path / "run")
    path = tmp_path / "run" / "generator" / "weights.npz"
    flip(path, 4 * path.stat().st_size)
    model = vdit.load(tmp_path / "run")
    assert model.step == 12
    assert (
        "weights.npz: damaged or missing; the newest checkpoint is read" in capfd.readouterr().err
    )
    whole = vdit.load(root / "run")
    jax.tree.map(np.testing.assert_array_equal, model.ema, whole.ema)
    about = tmp_path / "run" / "generator" / "generator.json"
    about.write_text(about.read_text().replace("0.", "1.", 1))  # other statistics, still JSON
    with pytest.raises(DamagedFileError, match=r"generator.json: damaged"):
        vdit.load(tmp_path / "run")


def test_what_a_killed_process_left_is_swept_and_no_half_has_a_step_for_a_name(tmp_path, root):
    made = config(root, **CHANGES | {"keep": 1})
    left = tmp_path / "run" / "checkpoints"
    for name in (".4", ".4.orbax-checkpoint-tmp-0", ".deleted.2"):
        (left / name).mkdir(parents=True)
    seen = []
    remove = shutil.rmtree

    def removed(path, *args, **kwargs):
        if pathlib.Path(path).parent == left:
            seen.append(pathlib.Path(path).name)
        remove(path, *args, **kwargs)

    shutil.rmtree = removed
    try:
        trained(made, tmp_path / "run")
    finally:
        shutil.rmtree = remove
    assert sorted(p.name for p in left.iterdir()) == ["12"]
    assert {".4", ".deleted.4", ".deleted.8"} < set(seen)
    assert all(name.startswith(".") for name in seen)


def test_a_full_disk_is_said_and_what_was_saved_stays(tmp_path, monkeypatch):
    state = {"params": {"w": np.ones(3)}, "step": np.ones(1, np.int32)}
    data = iter(grain.MapDataset.range(9).to_iter_dataset())
    with Checkpointer(tmp_path) as checkpoints:
        checkpoints.save(1, state, data)
        with monkeypatch.context() as patch:
            patch.setattr(digests, "write", full_disk)
            with pytest.raises(OSError, match="No space left"):
                checkpoints.save(2, state, data)
        assert steps_saved(tmp_path) == [1]
        checkpoints.save(2, state, data)
    assert steps_saved(tmp_path) == [2]


def full_disk(folder):
    raise OSError(errno.ENOSPC, "No space left on device")
