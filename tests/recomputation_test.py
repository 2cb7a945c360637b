"""`model.remat=auto`: nothing on a CPU, on a GPU the fastest policy that fits by the plan."""

import dataclasses
from types import SimpleNamespace

import jax
import pytest

from experiments import base
from tests.cost_model_test import XL
from vdit.config.activations import REMATS
from vdit.config.devices import DEVICES, MESH_AXES, by_kind
from vdit.config.fingerprint import fingerprint
from vdit.config.sizes import model_config_of
from vdit.planning import cost_model, search
from vdit.planning.job import Job
from vdit.training import recomputation

ONE = dict.fromkeys(MESH_AXES, 1)


@pytest.fixture
def config():
    made = base.get_config()
    made.batch = 4
    return made


def on_a_gpu(monkeypatch, kind):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(jax, "devices", lambda: [SimpleNamespace(device_kind=kind)])
    mesh = SimpleNamespace(shape=ONE)
    monkeypatch.setattr(recomputation.sharding, "make_mesh", lambda *_, **__: mesh)


def test_a_cpu_recomputes_nothing_and_what_is_set_stands(config):
    assert config.model.remat == "auto"
    assert model_config_of(config).remat == "none"
    assert recomputation.decided(XL, config).remat == "none"
    name = fingerprint(config)
    config.model.remat = "full"
    assert recomputation.decided(model_config_of(config), config).remat == "full"
    assert fingerprint(config) == name


@pytest.mark.parametrize(("kind", "batch"), [("NVIDIA H200", 4), ("NVIDIA H100 80GB HBM3", 64)])
def test_a_gpu_takes_the_fastest_that_fits(monkeypatch, config, kind, batch):
    config.batch = batch
    on_a_gpu(monkeypatch, kind)
    chosen = recomputation.decided(XL, config)
    jobs = search.with_remats(Job(XL, batch, ONE, by_kind(kind)), REMATS)
    fitting = [job for job in jobs if cost_model.headroom(job) >= 0]
    assert len(fitting) > 0
    seconds = {j.model.remat: sum(cost_model.step_seconds(j).values()) for j in fitting}
    assert seconds[chosen.remat] == min(seconds.values())


def test_a_larger_batch_keeps_less():
    order = [recomputation.fastest(XL, batch, ONE, DEVICES["h100"]).remat for batch in (1, 64)]
    assert REMATS.index(order[0]) < REMATS.index(order[1])


def test_accumulation_counts_the_clips_at_a_time(monkeypatch, config):
    on_a_gpu(monkeypatch, "NVIDIA H100 80GB HBM3")
    config.batch = 64
    config.accumulate = 64
    assert recomputation.decided(XL, config) == recomputation.fastest(XL, 1, ONE, DEVICES["h100"])


def test_a_device_that_no_plan_knows_is_said(monkeypatch, config, capsys):
    on_a_gpu(monkeypatch, "NVIDIA B9")
    assert recomputation.decided(XL, config).remat == recomputation.LEAST_TRAFFIC
    assert "no plan knows the memory of NVIDIA B9; dots is taken" in capsys.readouterr().err
    other = dataclasses.replace(XL, attention="captioner")
    chosen = recomputation.fastest(other, 4, ONE, DEVICES["h100"])
    assert chosen.remat == recomputation.LEAST_TRAFFIC


def test_a_unet_is_chosen_for_too_where_its_step_is_planned():
    unet = dataclasses.replace(XL, attention="unet", width=512, depth=2)
    chosen = [recomputation.fastest(unet, n, ONE, DEVICES["h100"]).remat for n in (1, 64)]
    assert chosen == ["dots", "full"]
