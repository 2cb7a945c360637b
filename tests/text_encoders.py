"""Tiny text encoders of random weights, as folders that transformers reads."""

import pathlib

import numpy as np

from tests.tiny import config
from vdit.data.embeddings import writing
from vdit.data.wording import MOTIONS

KINDS = ("t5", "umt5", "clip")
LENGTH = 8  # tokens: a caption of one object has six words or more, and an end mark
TEXTS = ("", "a small red circle moves left", "a large blue square falls behind a grey bar")

WORDS = "a small large red green blue yellow circle square triangle and behind beside grey bar"
SPECIAL = ["<pad>", "</s>", "<unk>"]
WIDTH, POSITIONS = 16, 32
VOCABULARY = [*SPECIAL, *sorted({*WORDS.split(), *" ".join(MOTIONS.values()).split()})]
SIZES = {
    "t5": {"d_model": WIDTH, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2},
    "clip": {
        "hidden_size": WIDTH,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "max_position_embeddings": POSITIONS,
        "eos_token_id": 1,
        "pad_token_id": 0,
    },
}
CLASSES = {
    "t5": ("T5Config", "T5EncoderModel"),
    "umt5": ("UMT5Config", "UMT5EncoderModel"),
    "clip": ("CLIPTextConfig", "CLIPTextModel"),
}


def make(kind: str, folder: pathlib.Path, seed: int = 0) -> pathlib.Path:
    """An encoder of the embedded world's words, with its tokenizer; the seed fixes its weights."""
    import torch
    import transformers

    config, model = (getattr(transformers, name) for name in CLASSES[kind])
    sizes = SIZES["clip" if kind == "clip" else "t5"]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model(config(vocab_size=len(VOCABULARY), **sizes)).save_pretrained(folder)
    _tokenizer().save_pretrained(folder)
    return folder


def _tokenizer():
    import tokenizers
    import transformers
    from tokenizers import models, pre_tokenizers, processors

    table = {word: i for i, word in enumerate(VOCABULARY)}
    words = tokenizers.Tokenizer(models.WordLevel(table, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    names = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=words, **names)


def asked(tmp_path, **more):
    """A tiny run's config, of captions of so many tokens."""
    return config(tmp_path, **{"data.text_length": LENGTH} | more)


def make_all(root: pathlib.Path) -> dict[str, pathlib.Path]:
    """The folder of an encoder of each kind, and as "stored" one of a tiny run's captions by T5."""
    made = {kind: make(kind, root / kind) for kind in KINDS}
    writing.embed(asked(root), str(made["t5"]), root / "stored")
    return made | {"stored": root / "stored"}


class Counting:
    """What `encoder.load` gives, without transformers: a text's letters, counted."""

    features, fingerprint, folder = 4, "counting", "nowhere"

    def __init__(self, kind="t5"):
        self.kind = kind
        self.network = type("Network", (), {"config": None})

    def embed(self, texts, length):
        rows = [np.full((len(t.split()) + 1, 4), len(t) + 1, np.float16) for t in texts]
        return [row[:length] for row in rows], sum(len(row) > length for row in rows)
