"""The fingerprint must move with every key that changes numbers and with no other."""

import functools
import json
import subprocess
import sys

import ml_collections
import numpy as np
import pytest

from vdit.config.fingerprint import LATER, NOT_IDENTITY, differences, fingerprint
from vdit.errors import InputError


def example(**changes):
    config = ml_collections.ConfigDict(
        {
            "seed": 0,
            "steps": 200,
            "cache": "a",
            "keep": 1,
            "init": "v",
            "init_fingerprint": "ef",
            "wandb": False,
            "log_every": 10,
            "sample_every": 50,
            "checkpoint_every": 100,
            "checkpoint_every_s": 600.0,
            "verify": True,
            "format": 1,
            "compute_dtype": "float32",
            "checkpoint_at": (50,),
            "evaluate_every": 0,
            "evaluators": {"losses": {}},
            "evaluation": {"clips": 64, "seed": 0},
            "validation": {"triples": 512, "seed": 0},
            "experiment": "demo",
            "sweep": {"name": "", "branch": False},
            "data": {"name": "worlds", "dir": "x", "fingerprint": "ab", "train_clips": 64},
            "autoencoder": {"name": "causal", "dir": "y", "fingerprint": "cd"},
            "model": {
                "size": "S",
                "width": 64,
                "patch": (1, 2, 2),
                "remat": "none",
                "unroll": False,
            },
            "optimizer": {"lr": 1e-3},
            "mesh": {"data": 1, "fsdp": 1},
        }
    )
    for key, value in changes.items():
        *parts, name = key.split(".")
        functools.reduce(getattr, parts, config)[name] = value
    return config


def test_has_twelve_hex_digits_and_is_pinned():
    assert fingerprint({"a": 1, "b": {"c": (1, 2)}}) == "b7b78ed0e48d"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", 1),
        ("steps", 201),
        ("checkpoint_at", (100,)),
        ("validation.triples", 1024),
        ("data.fingerprint", "ac"),
        ("autoencoder.fingerprint", "ce"),
        ("init_fingerprint", "eg"),
        ("model.patch", (1, 1, 2)),
        ("optimizer.lr", 1.0000001e-3),
    ],
)
def test_moves_with_what_changes_numbers(key, value):
    assert fingerprint(example(**{key: value})) != fingerprint(example())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("cache", "b"),
        ("wandb", True),
        ("log_every", 1),
        ("sample_every", 1),
        ("checkpoint_every", 1),
        ("checkpoint_every_s", 1.0),
        ("verify", False),
        ("compute_dtype", "bfloat16"),
        ("evaluate_every", 100),
        ("evaluation.clips", 128),
        ("evaluation.seed", 1),
        ("evaluators", {"losses": {"triples": 4096}, "worlds": {}}),
        ("experiment", "base"),
        ("sweep.name", "demo"),
        ("sweep.branch", True),
        ("data.dir", "z"),
        ("data.captions", "z"),
        ("data.embeddings", "z"),
        ("data.images", "z"),
        ("autoencoder.dir", "z"),
        ("model.remat", "full"),
        ("model.unroll", True),
        ("keep", 3),
        ("format", 2),
        ("init", "w"),
        ("mesh.fsdp", 4),
    ],
)
def test_stays_with_what_does_not(key, value):
    assert fingerprint(example(**{key: value})) == fingerprint(example())


def test_every_left_out_key_is_tested_above():
    tested = {"cache", "wandb", "log_every", "sample_every", "checkpoint_every", "mesh"}
    tested |= {"experiment", "sweep", "data.dir", "autoencoder.dir", "model.remat"}
    tested |= {"data.images", "data.captions", "data.embeddings"}
    tested |= {"model.unroll", "keep", "init", "evaluate_every", "evaluation", "evaluators"}
    tested |= {"checkpoint_every_s", "verify", "format", "compute_dtype"}
    assert set(NOT_IDENTITY) == tested


def test_a_key_that_came_later_counts_only_where_it_changes_what_was_done_before():
    before = example()
    worlds = {"data.epochs": 0, "data.image_share": 0.0, "data.tokenizer": "words"}
    others = {"ddpm.spacing": "even", "flow.shift_tokens": 0, "model.max_period": 10_000.0}
    others |= {"model.shape_condition": False}
    assert worlds | others == LATER
    others = {"data.epochs": 4, "data.image_share": 0.5, "model.max_period": 20_000.0}
    others |= {"model.shape_condition": True}
    for key, value in others.items():
        for given, said in ((LATER[key], []), (value, [f"{key}: 'absent' -> {value}"])):
            after = example(**{key: given})
            assert (fingerprint(after) == fingerprint(before)) == (not said)
            assert differences(before, after) == said


def test_a_key_that_only_begins_like_a_left_out_one_counts():
    assert fingerprint({"cache": 1, "cached": 1}) != fingerprint({"cache": 1, "cached": 2})


def test_survives_config_json_and_key_order():
    config = example(**{"optimizer.lr": 0.1 + 0.2})
    read_back = json.loads(json.dumps(config.to_dict()))
    backwards = dict(reversed(read_back.items()))
    assert fingerprint(config) == fingerprint(read_back) == fingerprint(backwards)


def test_is_the_same_in_another_process_with_another_hash_seed():
    code = (
        "from vdit.config.fingerprint import fingerprint; print(fingerprint({'a': [1], 'b': 'x'}))"
    )
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert found == fingerprint({"b": "x", "a": (1,)})


def test_takes_numpy_scalars_as_numbers():
    assert fingerprint({"steps": np.int64(5)}) == fingerprint({"steps": 5})


def test_refuses_what_json_cannot_hold_naming_the_key():
    with pytest.raises(InputError, match=r"optimizer\.lr: nan"):
        fingerprint({"optimizer": {"lr": float("nan")}})
    with pytest.raises(InputError, match="dtype"):
        fingerprint({"dtype": np.float32})


def test_differences_name_the_keys_and_both_values():
    new = example(**{"model.width": 96, "cache": "elsewhere"})
    new.optimizer.beta = 0.9
    assert differences(example(), new) == [
        "model.width: 64 -> 96",
        "optimizer.beta: 'absent' -> 0.9",
    ]
    assert differences(example(), json.loads(json.dumps(example().to_dict()))) == []
