"""Weights of a run on another text encoder's embeddings are refused where they would fit."""

import dataclasses
import json
from types import SimpleNamespace

import pytest

from vdit.data.embeddings.encoder import TextEncoder
from vdit.errors import InputError
from vdit.training import init_from
from vdit.training.diffusion_task import DiffusionTask

ENCODER = TextEncoder("t5", "aaaa", 8, 2, ((1.0, 2.0),), "nowhere")


@pytest.fixture
def before(tmp_path):
    """The folder of a run on embeddings, as far as it tells of them."""
    (tmp_path / "generator").mkdir()
    about = {"vocabulary": dataclasses.asdict(ENCODER)}
    (tmp_path / "generator" / "generator.json").write_text(json.dumps(about))
    return str(tmp_path)


def test_another_encoder_of_as_many_numbers_is_refused_before_weights_are_read(before):
    other = dataclasses.replace(ENCODER, fingerprint="bbbb", encoder="umt5")
    task = SimpleNamespace(
        config=SimpleNamespace(init=before), generator=SimpleNamespace(vocabulary=other)
    )
    with pytest.raises(InputError, match=r"by aaaa \(t5\), this run's by bbbb \(umt5\); expected"):
        DiffusionTask.init_from(task, None)


@pytest.mark.parametrize("changes", [{"folder": "moved", "length": 4}, {"features": 3}, None])
def test_the_same_one_and_those_whose_weights_are_left_out_are_taken(before, changes):
    own = None if changes is None else dataclasses.replace(ENCODER, **changes)
    own = dataclasses.replace(own, fingerprint="bbbb") if changes == {"features": 3} else own
    init_from.check_encoder(before, own)
