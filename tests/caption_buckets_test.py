"""`vdit.caption` over a set of buckets: each has its rows, and a run reads those of all."""

import json

import pytest

import vdit
from tests import bucket_sets
from tests.bucket_sets import made_of
from tests.captioner_test import config, noisy
from vdit import caption
from vdit.captioning import recaption
from vdit.config import mixture
from vdit.data.buckets import data_of
from vdit.data.sources import open_source
from vdit.errors import InputError
from vdit.runs.files import write_json
from vdit.training.resolve import resolve


def captioner(folder, patch):
    """A captioner of clips of 3x16x16, of random weights."""
    made = config(folder, **{"model.patch": patch})
    model = vdit.build(made)
    weights = noisy(model.params)
    model.with_weights(weights, weights).save(folder / "generator")
    write_json(folder / "config.json", resolve(made).to_dict())
    return str(folder)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A set of three buckets; wide videos but one, and pictures, have no captions."""
    return bucket_sets.make(tmp_path_factory.mktemp("set"), silent="wide[012]")


@pytest.fixture(scope="module")
def written(data, tmp_path_factory):
    """The captions of all buckets, of which the third failed once; what was there by then."""
    root, real = tmp_path_factory.mktemp("captions"), recaption.captioned
    flags = ["--workdir", captioner(root / "run", (1, 4, 4)), "--data", str(data)]

    def fails(model, *given):
        if model.video == (3, 12, 24):
            raise OSError(28, "No space left on device")
        return real(model, *given)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(recaption, "captioned", fails)
        with pytest.raises(OSError, match="No space"):
            caption.main([*flags, "--out", str(root / "out")])
    there = {path: path.stat().st_mtime_ns for path in root.glob("out/*/captions.csv")}
    caption.main([*flags, "--out", str(root / "out")])
    return root / "out", there


def test_each_bucket_has_its_rows_and_keeps_them(data, written, tmp_path):
    out, there = written
    assert {path.parent.name for path in there} == {"16x16@1", "16x16@3"}
    assert {path: path.stat().st_mtime_ns for path in there} == there
    assert {path.name for path in out.iterdir()} == set(bucket_sets.NAMES.values())
    plain = made_of(data, tmp_path).data
    made = made_of(data, tmp_path, **{"data.captions": str(out)}).data
    for name in bucket_sets.NAMES.values():
        about = json.loads((out / name / "captions.json").read_text())
        before = open_source(data_of(plain, name), "train").captions()
        after = open_source(data_of(made, name), "train").captions()
        assert about["clips"] == len(before) == len(after)
        assert about["given"] == sum(map(bool, before))
        assert all(after)
        assert all(new == old for new, old in zip(after, before, strict=True) if old)
    assert before.count("") == len(before)  # pictures


def test_a_run_is_named_by_the_captions_of_all_its_buckets(data, written, tmp_path):
    out, _ = written
    made = made_of(data, tmp_path, **{"data.captions": str(out)})
    assert made.data.fingerprint != made_of(data, tmp_path).data.fingerprint
    assert mixture.variant_of(made) == f"full-buckets3-written-{made.data.fingerprint[:6]}"
    other = tmp_path / "other"
    for path in out.glob("*/*"):
        (other / path.parent.name).mkdir(parents=True, exist_ok=True)
        (other / path.parent.name / path.name).write_bytes(path.read_bytes())
    about = other / "24x12@3" / "captions.json"
    about.write_text(about.read_text().replace(json.loads(about.read_text())["fingerprint"], "new"))
    changed = made_of(data, tmp_path, **{"data.captions": str(other)})
    assert changed.data.fingerprint != made.data.fingerprint
    about.unlink()
    with pytest.raises(InputError, match=r"24x12@3: no captions there; .*vdit.caption writes them"):
        made_of(data, tmp_path, **{"data.captions": str(other)})


def test_a_bucket_that_the_captioner_cannot_read_is_a_line(data, tmp_path):
    flags = ["--workdir", captioner(tmp_path / "run", (3, 4, 4)), "--data", str(data)]
    with pytest.raises(InputError, match=r"16x16@1: patch \(3, 4, 4\): 3 does not divide"):
        caption.main([*flags, "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()
    (tmp_path / "flat").mkdir()
    write_json(tmp_path / "flat" / "captions.json", {})
    with pytest.raises(InputError, match="holds captions of clips of one shape; name another"):
        caption.main([*flags, "--out", str(tmp_path / "flat")])
