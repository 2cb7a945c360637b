"""`vdit.embed`: captions as a text encoder embeds them, stored once, whoever is killed."""

import importlib
import json
import shutil
import signal
import sys

import numpy as np
import pytest
from ml_collections import ConfigDict

from tests import text_encoders
from tests.faults.processes import start, wait_until
from tests.text_encoders import KINDS, LENGTH, TEXTS, WIDTH, Counting, asked
from tests.tiny import config, flags
from vdit.data.embeddings import encoder, writing
from vdit.data.embeddings.captions import captions_of
from vdit.data.embeddings.encoder import Network, TextEncoder
from vdit.data.embeddings.folder import Embeddings
from vdit.data.sources import open_source
from vdit.errors import InputError
from vdit.runs.files import DamagedFileError
from vdit.training.resolve import resolve

SLOWLY = """
import pathlib, time
from tests import text_encoders, tiny
from vdit.data.embeddings import encoder, writing

class Slow(text_encoders.Counting):
    def embed(self, *given):
        time.sleep(0.3)
        return super().embed(*given)

encoder.load = lambda *_: Slow()
writing.SHARD = writing.BATCH = 8
print(writing.embed(tiny.config(pathlib.Path({place!r})), "nowhere", pathlib.Path({out!r})))
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return text_encoders.make_all(tmp_path_factory.mktemp("encoders"))


@pytest.mark.parametrize("kind", KINDS)
def test_embeddings_are_those_of_transformers(folders, kind):
    """Each text alone, without padding, by transformers' own hands."""
    import transformers

    found, cut = encoder.load(str(folders[kind])).embed(TEXTS, LENGTH)
    assert [len(x) for x in found] == [1, 7, LENGTH]
    assert cut == 1
    network = getattr(transformers, text_encoders.CLASSES[kind][1]).from_pretrained(folders[kind])
    tokenizer = transformers.AutoTokenizer.from_pretrained(folders[kind])
    for text, embedding in zip(TEXTS, found, strict=True):
        inputs = tokenizer(text, truncation=True, max_length=LENGTH, return_tensors="pt")
        expected = network(**inputs).last_hidden_state.detach().numpy()[0]
        np.testing.assert_allclose(embedding, expected, atol=2e-3)
        assert np.abs(expected).max() > 0.1


def test_every_caption_of_a_run_is_stored_with_its_length(folders, tmp_path):
    made = asked(tmp_path, **{"data.embeddings": str(folders["stored"])})
    stored, network = Embeddings(made.data), encoder.load(str(folders["t5"]))
    texts = sorted(captions_of(made))
    assert len(texts) > 30
    assert stored.about["captions"] == len(texts)
    for text in texts[:: len(texts) // 5]:
        (expected,), _ = network.embed([text], LENGTH)
        np.testing.assert_allclose(stored.encode(text)[: len(expected)], expected, atol=2e-3)
        assert not stored.encode(text)[len(expected) :].any()
        assert stored.encode(text)[: len(expected)].any(-1).all()
    with pytest.raises(InputError, match=r"none of 'a purple cow'; python -m vdit.embed writes"):
        stored.encode("a purple cow")


def test_a_longer_run_of_an_endless_set_has_more_captions(tmp_path):
    short, long = asked(tmp_path, **{"data.train_clips": 16}), asked(tmp_path)
    long.data.train_clips, long.steps = 16, 20  # of 8 clips, 4 epochs of a part
    assert captions_of(short) < captions_of(long)
    assert "" in captions_of(short)


def test_first_frames_of_more_clips_than_are_trained_on_have_captions(tmp_path):
    mixed = asked(tmp_path, **{"data.image_share": 0.75, "data.epochs": 1, "steps": 8})
    mixed.data.train_clips, seen = 8, 6 * 8 * 3  # pictures, of 16 clips
    longer = ConfigDict(mixed.data.to_dict() | {"train_clips": seen})
    source = open_source(longer, "train")
    assert {source[i]["caption"] for i in range(seen)} <= captions_of(mixed)


def test_the_empty_prompt_takes_no_encoder():
    made = TextEncoder("t5", "", 3, 2, ((1.0, 2.0),), "nowhere")
    assert made.embed([""]).tolist() == [[[1, 2], [0, 0], [0, 0]]]
    assert made.embed([""]).dtype == np.float16
    with pytest.raises(InputError, match=r"text encoder nowhere: no config\.json"):
        made.embed(["", "a ball"])


@pytest.mark.parametrize("kind", KINDS)
def test_prompts_are_embedded_in_batches_as_each_is_alone(folders, tmp_path, monkeypatch, kind):
    network, batches = encoder.load(str(folders[kind])), []
    (empty,), _ = network.embed([""], LENGTH)
    made = TextEncoder(kind, network.fingerprint, LENGTH, WIDTH, empty.tolist(), str(folders[kind]))
    texts = [*TEXTS, *sorted(captions_of(asked(tmp_path)))[:50], *TEXTS]
    alone = np.concatenate([made.embed([text]) for text in texts])

    def embed(self, texts, length):
        batches.append(len(texts))
        return real(self, texts, length)

    real = Network.embed
    monkeypatch.setattr(Network, "embed", embed)
    np.testing.assert_allclose(made.embed(texts), alone, rtol=2**-10)
    assert batches == [32, len({*texts, ""}) - 33]


def test_killed_and_shared_it_ends_in_the_same_bytes(tmp_path, monkeypatch):
    def begin(name):
        code = SLOWLY.format(place=str(tmp_path), out=str(tmp_path / "out"))
        return start(["-c", code], tmp_path / name)

    monkeypatch.setattr(writing, "SHARD", 8)
    monkeypatch.setattr(encoder, "load", lambda *_: Counting())
    writing.embed(config(tmp_path), "nowhere", tmp_path / "alone")
    killed, done = begin("killed"), tmp_path / ".out.partial" / "write"
    assert wait_until(lambda: len(list(done.glob("*/done.json"))) >= 2, killed)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    others = [begin(name) for name in ("one", "two")]
    assert [other.wait() for other in others] == [0, 0]
    names = sorted(path.name for path in (tmp_path / "alone").iterdir())
    assert len(names) > 6
    for name in names:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()
    with pytest.raises(InputError, match=r"holds something else \(fingerprint, length\)"):
        writing.embed(asked(tmp_path), "nowhere", tmp_path / "out")


def test_the_command_writes_what_a_run_reads(folders, tmp_path, monkeypatch, capsys):
    called = flags(tmp_path, "unused", **{"data.text_length": LENGTH, "data.train_clips": 8})
    called = [flag for flag in called if flag not in ("--workdir", "unused")]
    called += ["--encoder", str(folders["clip"]), "--out", str(tmp_path / "made")]
    monkeypatch.setattr(sys, "argv", ["vdit.embed", *called])
    command = importlib.import_module("vdit.embed")
    for _ in range(2):  # the second finds it there
        assert command.main() == 0
        assert "captions by clip" in capsys.readouterr().out


LACKING = {
    "config.json": "no config.json",
    "model.safetensors": "no weights",
    "tokenizer.json": "no tokenizer",
}


@pytest.mark.parametrize("name", LACKING)
def test_a_folder_that_lacks_a_file_is_named(folders, tmp_path, name):
    folder = shutil.copytree(folders["t5"], tmp_path / "lacking")
    (folder / name).unlink()
    with pytest.raises(InputError, match=f"text encoder .*lacking: {LACKING[name]}"):
        encoder.load(str(folder))


def test_weights_that_would_be_made_up_are_named(folders, tmp_path):
    """transformers warns, and goes on with random ones."""
    from safetensors import numpy as tensors

    folder = shutil.copytree(folders["t5"], tmp_path / "lacking")
    weights = tensors.load_file(folder / "model.safetensors")
    name = next(name for name in weights if name.endswith("SelfAttention.q.weight"))
    del weights[name]
    tensors.save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=f"its weights lack {name}$"):
        encoder.load(str(folder))
    (folder / "model.safetensors").write_bytes(b"no tensors at all")
    with pytest.raises(InputError, match="cannot be read on cpu"):
        encoder.load(str(folder))
    index = {"weight_map": {name: "model-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match=r"no model-00002.safetensors, which model.saf"):
        encoder.load(str(folder))


def test_what_does_not_go_together_is_one_line(folders, tmp_path, monkeypatch):
    clip, stored = str(folders["clip"]), str(folders["stored"])
    longer = asked(tmp_path, **{"data.text_length": 40})
    with pytest.raises(InputError, match=r"data.text_length=40: .*clip takes up to 32 tokens"):
        writing.embed(longer, clip, tmp_path / "out")
    with pytest.raises(InputError, match=r"data.text_length=0: expected a whole number from 1"):
        writing.embed(asked(tmp_path, **{"data.text_length": 0}), clip, tmp_path / "out")
    longer.data.embeddings = stored
    with pytest.raises(InputError, match=r"data.text_length=40: the embeddings of .* 8 tokens"):
        resolve(longer)
    with pytest.raises(InputError, match=r"no embeddings there; python -m vdit.embed"):
        resolve(asked(tmp_path, **{"data.embeddings": "nowhere"}))
    labels = {"data.embeddings": stored, "model.condition": "label"}
    with pytest.raises(InputError, match=r"model.condition='label': expected 'text'"):
        resolve(asked(tmp_path, **labels))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    encoder.load.cache_clear()
    with pytest.raises(InputError, match=r"a text encoder needs transformers: pip install"):
        encoder.load(clip)


def test_damaged_embeddings_are_named(folders, tmp_path):
    folder = shutil.copytree(folders["stored"], tmp_path / "damaged")
    made = asked(tmp_path, **{"data.embeddings": str(folder)})
    (folder / "keys.npy").write_bytes(b"")
    with pytest.raises(DamagedFileError, match=r"keys\.npy: damaged or missing"):
        Embeddings(made.data)
    (folder / "embeddings.json").write_text(json.dumps({"length": LENGTH}))
    with pytest.raises(InputError, match=r"embeddings\.json: damaged, expected"):
        resolve(made)


def test_states_that_half_precision_or_the_mask_cannot_hold_are_refused():
    network = Network("t5", "", 2, None, None, "DIR")
    for states, mask in (([[1e6, 0]], [1]), ([[1, 1], [1, 1]], [0, 1]), ([[1, 1]], [0])):
        with pytest.raises(InputError, match="text encoder DIR"):
            network._checked(np.array(states, np.float32), np.array(mask))
