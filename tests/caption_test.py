"""`vdit.caption`: every clip has a caption, given ones stay, whoever writes or is killed."""

import collections
import dataclasses
import json
import re
import signal

import numpy as np
import pytest
from ml_collections import ConfigDict

import vdit
from sweeps.launcher import plan
from tests import tiny
from tests.captioner_test import WORLD, config, noisy
from tests.clips import grey_videos
from tests.clips import run as prepare
from tests.faults.processes import start, wait_until
from tests.paths import ROOT
from tests.tiny import trained
from vdit import caption
from vdit.captioning import recaption, words
from vdit.config import mixture
from vdit.config.fingerprint import differences
from vdit.data import cache, latents, recaptioned
from vdit.data.cache import Records
from vdit.data.sources import open_source
from vdit.errors import InputError
from vdit.models.captioner import ANY, LONG, SHORT
from vdit.runs.files import DamagedFileError, write_json
from vdit.runs.folder import read_config
from vdit.training.resolve import resolve

SLOWLY = """
import time
from vdit import caption
from vdit.captioning import recaption

recaption.SLICE, real = 32, recaption.captioned
recaption.captioned = lambda *given: (time.sleep(0.2), real(*given))[1]
caption.main({flags})
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a captioner of random weights, which says other things of other clips."""
    folder = tmp_path_factory.mktemp("captioner") / "run"
    made = config(folder)
    model = vdit.build(made)
    weights = noisy(model.params)
    model.with_weights(weights, weights).save(folder / "generator")
    write_json(folder / "config.json", resolve(made).to_dict())
    return folder


@pytest.fixture(scope="module")
def written(run):
    """The folder of captions of the captioner's own clips."""
    caption.main(["--workdir", str(run), "--out", str(run.parent / "captions")])
    return run.parent / "captions"


def rows(folder):
    import pandas as pd

    return pd.read_csv(folder / "captions.csv", keep_default_na=False)


def test_given_captions_stay_and_the_others_are_written(run, written):
    table, source = rows(written), open_source(read_config(run).data, "train")
    own = [item["caption"] for item in map(source.__getitem__, range(len(source)))]
    given = np.array([bool(caption) for caption in own])
    assert table["clip"].tolist() == list(range(len(source)))
    assert (table.provenance == np.where(given, "given", "written")).all()
    assert 0.3 < given.mean() < 0.7
    assert (table.caption[given] == np.array(own)[given]).all()
    assert table.caption[~given].nunique() > 10
    assert (table.confidence[given] == "").all()
    sure = table.confidence[~given].astype(float)
    assert ((sure > 0) & (sure <= 1)).all()
    about = json.loads((written / "captions.json").read_text())
    assert (about["given"], about["written"]) == (given.sum(), (~given).sum())


def test_killed_and_shared_it_ends_in_the_same_bytes(tmp_path, run, monkeypatch):
    def begin(name, folder):
        flags = ["--workdir", str(run), "--out", str(folder)]
        return start(["-c", SLOWLY.format(flags=flags)], tmp_path / name)

    monkeypatch.setattr(recaption, "SLICE", 32)
    caption.main(["--workdir", str(run), "--out", str(tmp_path / "alone")])
    killed = begin("killed", tmp_path / "out")
    done = tmp_path / ".out.partial" / "write"
    assert wait_until(lambda: len(list(done.glob("*/done.json"))) >= 2, killed)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    others = [begin(name, tmp_path / "out") for name in ("one", "two")]
    assert [other.wait() for other in others] == [0, 0]
    for name in ("captions.csv", "captions.json"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()
    assert not done.exists()


def test_an_error_keeps_what_is_done(tmp_path, run, monkeypatch, capsys):
    out, real, room = tmp_path / "out", recaption.captioned, [0]

    def fails(*given):
        if given[2][0] >= room[0]:
            raise OSError(28, "No space left on device")
        return real(*given)

    monkeypatch.setattr(recaption, "SLICE", 128)
    monkeypatch.setattr(recaption, "captioned", fails)
    flags = ["--workdir", str(run), "--out", str(out), "--no_verify"]
    for room[0], kept in ((0, 0), (128, 1)):
        with pytest.raises(OSError, match="No space"):
            caption.main(flags)
        assert len(list(tmp_path.glob(".out.partial/write/*/done.json"))) == kept
    assert "what is done is kept in" in capsys.readouterr().out
    room[0] = 999
    out.mkdir()  # an empty folder is no other one
    caption.main(flags)
    assert len(rows(out)) == 256
    assert not list(tmp_path.glob(".out.partial"))


def test_training_reads_them_and_its_name_says_so(tmp_path, written):
    made, plain = config(tmp_path, **{"data.captions": str(written)}), config(tmp_path)
    source = open_source(made.data, "train")
    assert [source[i]["caption"] for i in range(9)] == source.captions()[:9]
    assert source.captions() == rows(written).caption.tolist()
    (changed,) = differences(resolve(plain), resolve(made))
    assert changed.startswith("data.fingerprint: ")
    own = {"data.world": WORLD, "data.captions": str(written), "data.epochs": 0}
    video = resolve(tiny.config(tmp_path, **own | {"data.train_clips": len(source)}))
    records = Records(latents.prepare(video), "train")
    tokens = records.rows(np.arange(len(source)))["caption"]
    known = cache.vocabulary(records.meta)
    assert [known.text(row) for row in tokens] == source.captions()
    assert mixture.variant_of(video) == f"full-labelled0.5-written-{video.data.fingerprint[:6]}"
    with pytest.raises(
        InputError, match=r"data\.captions=.*expected '', it learns from given ones"
    ):
        trained(made, tmp_path / "run")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"data.seed": 1}, r"of the clips of \w+, expected \w+, those of this data set"),
        ({"data.epochs": 2}, r"data\.epochs=2 with data\.captions=.*: expected 0"),
        ({"data.captions": "nowhere"}, "data.captions nowhere: no captions there; .* writes them"),
    ],
)
def test_captions_of_other_clips_are_a_line(tmp_path, written, more, message):
    made = config(tmp_path, **{"data.captions": str(written)} | more)
    with pytest.raises(InputError, match=message):
        open_source(made.data, "train")
    assert len(open_source(made.data, "validation")) == 32


def test_a_damaged_table_is_named(tmp_path, written):
    folder = tmp_path / "captions"
    folder.mkdir()
    for path in written.iterdir():
        (folder / path.name).write_bytes(path.read_bytes().replace(b"red", b"rad"))
    with pytest.raises(DamagedFileError, match=r"captions\.csv: damaged"):
        open_source(config(tmp_path, **{"data.captions": str(folder)}).data, "train")


def test_a_prepared_folder_is_captioned_and_trained_on(tmp_path, run):
    """Windows of 3x16x16 as the captioner's; the first video alone has a caption."""
    videos = grey_videos(tmp_path / "videos")
    (videos / "captions.csv").write_text("video_file_name,prompt\nv0.mkv,a grey field\n")
    prepare(videos, tmp_path / "data", "--validation", "0.2", size=16)
    flags = ["--workdir", str(run), "--data", str(tmp_path / "data")]
    caption.main([*flags, "--out", str(tmp_path / "out")])
    table = rows(tmp_path / "out")
    of_first = table.video_file_name == "v0.mkv"
    assert (table.caption[of_first] == "a grey field").all()
    assert set(table.provenance[~of_first]) == {"written"}
    few = {"data.name": "video_folder", "data.dir": str(tmp_path / "data"), "data.world": {}}
    few |= {"data.train_clips": 5, "data.captions": str(tmp_path / "out")}
    source = open_source(config(tmp_path, **few).data, "train")
    number = [i * len(table) // 5 for i in range(5)]
    assert [source[i]["caption"] for i in range(5)] == table.caption[number].tolist()


def test_what_does_not_fit_is_a_line(tmp_path, run, written):
    videos = grey_videos(tmp_path / "videos")
    prepare(videos, tmp_path / "data", size=8)
    flags = ["--workdir", str(run), "--out", str(tmp_path / "out")]
    with pytest.raises(InputError, match=r"windows of 3x8x8 .*, the config asks 3x16x16"):
        caption.main([*flags, "--data", str(tmp_path / "data")])
    with pytest.raises(InputError, match=r"holds something else \(long\); name another"):
        caption.main(["--workdir", str(run), "--out", str(written), "--long", "0.5"])
    with pytest.raises(InputError, match=r"--long 2: expected a share from 0 to 1"):
        caption.main([*flags, "--long", "2"])
    assert not (tmp_path / "out").exists()


def test_a_model_of_videos_writes_no_captions(tmp_path, run):
    model = vdit.load(run)
    other = dataclasses.replace(model.config, attention="full"), {"objective": "flow"}
    model = dataclasses.replace(model, config=other[0], settings=other[1])
    with pytest.raises(InputError, match="a model of objective=flow: expected a captioner"):
        recaption.recaption(model, config(tmp_path).data, tmp_path / "out", words.Lengths())


def test_lengths_are_asked_for_by_share_and_clip():
    starts = words.Lengths(0.25, seed=1).starts(range(400))
    assert set(starts) == {SHORT, LONG}
    assert 0.15 < (starts == LONG).mean() < 0.35
    assert (words.Lengths(0.25, seed=1).starts(range(200, 400)) == starts[200:]).all()
    assert (words.Lengths().starts(range(9)) == ANY).all()


def test_the_sweep_asks_for_three_kinds_of_captions_at_the_same_flops(tmp_path, monkeypatch):
    monkeypatch.setattr(recaptioned, "read", lambda folder, clips_of: ([folder], clips_of))
    runs = plan.make_plan(str(ROOT / "sweeps" / "captions.py"), tmp_path, [])["runs"]
    kinds = collections.Counter(mixture.variant_of(ConfigDict(run["config"])) for run in runs)
    assert set(kinds.values()) == {2 * 3}
    written = next(kind for kind in kinds if "-written-" in kind)
    assert kinds.keys() == {"full", "full-labelled0.1", written}
    assert re.fullmatch("full-labelled0.1-written-[0-9a-f]{6}", written)
    assert list(collections.Counter(run["flops"] for run in runs).values()) == [9, 9]
    assert len({run["run_id"] for run in runs}) == 18
    assert len({run["config"]["data"]["fingerprint"] for run in runs}) == 3


def test_the_captioners_sweep_spends_its_budgets(tmp_path):
    runs = plan.make_plan(str(ROOT / "sweeps" / "captioner.py"), tmp_path, [])["runs"]
    assert len({run["run_id"] for run in runs}) == 6
    for run in runs:
        assert run["flops"] == pytest.approx(run["flops_budget"], rel=5e-3)
