"""Bits flipped in any file of the newest checkpoint: all are found, by resume and by readers."""

import random
import shutil

import jax
import numpy as np

import vdit
from tests.tiny import config, trained
from vdit.runs.folder import steps_saved
from vdit.training.evaluation import evaluate_run

CHANGES = {"keep": 2}


def test_flipped_bits_are_found_and_stepped_around(tmp_path, times, fault, capfd):
    made = config(tmp_path, **CHANGES)
    trained(made, tmp_path / "run")
    for name in ("result.json", "generator/weights.npz"):
        (tmp_path / "run" / name).unlink()
    before = vdit.load(tmp_path / "run", 8)
    chance, count, readers = random.Random(0), times(3, 100), {}
    for i in range(count):
        run = tmp_path / "damaged"
        shutil.copytree(tmp_path / "run", run)
        files = [p for p in (run / "checkpoints" / "12").rglob("*") if p.is_file()]
        path = chance.choices(files, [p.stat().st_size for p in files])[0]
        data = bytearray(path.read_bytes())
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        reader = ("load", "evaluate", "resume")[i % 3]
        if reader == "load":
            assert all(
                jax.tree.leaves(jax.tree.map(np.array_equal, vdit.load(run).ema, before.ema))
            )
        elif reader == "evaluate":
            assert [found["step"] for found in evaluate_run(run)] == [8]
        else:
            trained(made, run)
            assert (run / "checkpoints" / "damaged.12").is_dir()
            assert steps_saved(run) == [8, 12]
        assert "checkpoints/12" in capfd.readouterr().err
        readers[reader] = readers.get(reader, 0) + 1
        shutil.rmtree(run)
    happened = ", ".join(f"{n} by {name}" for name, n in readers.items())
    fault(
        "bits",
        "a bit flipped in the newest checkpoint",
        count,
        f"found and stepped around: {happened}",
    )
