"""Captions of any language: tokens that captions share, nothing lost, and what is lost is said."""

import csv
import dataclasses

import numpy as np
import pytest

from tests.paths import awkward
from tests.tiny import config
from vdit.data import cache, captions, encode, latents, tfds_source
from vdit.data.byte_pairs import BytePairs
from vdit.data.text import NULL, UNKNOWN, Vocabulary
from vdit.errors import InputError
from vdit.generator import reading

HINDI, HINDI_TOO = "एक लाल गेंद गिरती है", "एक नीली गेंद गिरती है"
THAI, THAI_TOO = "ลูกบอลสีแดงตกลงมา", "ลูกบอลสีน้ำเงินตกลงมา"


@pytest.fixture(scope="module")
def chinese():
    with awkward("captions_zh.csv").open(newline="", encoding="utf-8") as lines:
        return [row["prompt"] for row in csv.DictReader(lines)]


def test_sentences_without_blanks_share_tokens(chinese):
    made = BytePairs.of(chinese[:3] * 3, limit=300, length=24)
    for one, other in ((0, 1), (2, 3)):  # the last one was not trained on
        assert set(made.tokens(chinese[one])) & set(made.tokens(chinese[other]))
    assert len(made.tokens(chinese[0])) > 1
    assert UNKNOWN not in made.tokens(chinese[0])
    words = Vocabulary.of(chinese[:3], limit=300, length=24)
    assert words.tokens(chinese[3]) == [UNKNOWN]  # the table knows whole sentences alone


@pytest.mark.parametrize(("text", "other"), [(HINDI, HINDI_TOO), (THAI, THAI_TOO)])
def test_no_mark_is_lost(text, other):
    """Each caption comes back from its tokens, whole."""
    from tokenizers import decoders

    made = BytePairs.of([text, other] * 4, limit=400, length=24)
    back = made._tokenizer
    back.decoder = decoders.ByteLevel()
    assert back.decode(made.tokens(text)).strip() == text
    assert made.tokens(text) != made.tokens(other)
    assert max(map(len, (back.id_to_token(i) for i in made.tokens(text)))) > 3  # over marks, too


def test_the_same_captions_make_the_same_tokens():
    texts = ["A red ball falls", "a BLUE ball  jumps", "a red square"] * 3
    made = BytePairs.of(texts, limit=60, length=4)
    assert made == BytePairs.of(texts, limit=60, length=4)
    assert made.size == len(made.words) + 2
    assert made.tokens("red ball") == made.tokens("RED ball ")
    assert made.tokens("a red ball")[-1] == made.tokens("ball red ball")[0]
    assert made.encode("").tolist() == [NULL] * 4
    assert UNKNOWN in made.tokens("a red ball é")
    assert made.encode("zzz").dtype == np.int32


def test_a_generator_keeps_its_byte_pairs():
    made = BytePairs.of(["a red ball"], limit=40, length=6)
    assert reading.vocabulary_of(dataclasses.asdict(made)) == made
    meta = {"tokenizer": made.tokenizer, "text_length": 6, "text_features": 0}
    assert cache.vocabulary(meta) == made


class Set(tfds_source.TfdsSource):
    """A set of captions; the videos of a clip are black."""

    name, fingerprint, available = "set", "set", 10_000

    def __init__(self, texts):
        self.texts, self._length = texts, len(texts)

    def __getitem__(self, index):
        return {"video": np.zeros((3, 16, 16, 3), np.uint8), "caption": self.texts[index]}

    def captions(self):
        return self.texts


def test_labels_are_those_of_all_clips(tmp_path):
    """One class in each 4,097: an even sample of 4,096 clips sees a part of them."""
    made = config(tmp_path, **{"model.condition": "label", "data.words": 9000})
    labels = [f"class {i}" for i in range(6000)]
    about = captions.describe(made, Set(labels))
    assert set(about["words"]) == set(labels)
    made = config(tmp_path, **{"data.tokenizer": "letters"})
    with pytest.raises(InputError, match=r"data\.tokenizer='letters': expected words or"):
        captions.describe(made, Set(labels[:3]))


def test_what_is_cut_and_unknown_is_said(capsys):
    words = Vocabulary.of(["a b c"], limit=2, length=2)
    counted = encode._counted([{"caption": "a b c"}, {"caption": "a"}], words)
    said = encode._losses("train", counted, words)
    assert said.startswith("train: 50.0% of captions are longer than data.text_length=2 tokens")
    assert "25.0% of tokens are unknown (data.words=2)" in said
    for said in (
        "train: 3 of 10000 clips, evenly spread, are used (data.train_clips=3; 0: all)\n",
        "",
    ):
        latents._say_left_out({"train": Set(["a"] * 3)})
        assert capsys.readouterr().out == said
