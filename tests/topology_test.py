"""Descriptions of GPUs that are not there, and a step compiled for one where JAX's plugin is."""

import json
import re

import pytest

from tests.paths import ROOT
from tests.tiny import forked
from vdit.config.devices import DEVICES, LINKED
from vdit.planning import topology

DESCRIBED = [device for device in LINKED.values() if topology.description(device).exists()]


def test_the_goals_devices_are_described():
    assert [device.name for device in DESCRIBED] == ["h100", "h200"]
    assert not topology.is_described(DEVICES["a100"])
    assert not topology.is_described(None)


@pytest.mark.parametrize("device", DESCRIBED, ids=lambda device: device.name)
def test_a_description_says_what_the_table_of_devices_says(device):
    text = re.sub(r"#.*", "", topology.description(device).read_text())
    said = dict(re.findall(r"(\w+): \"?([^\s\"][^\n\"]*?)\"?\s*(?=\n|\})", text))
    assert said["name"] == said["device_description_str"] == device.kind
    assert int(said["memory_bandwidth"]) == pytest.approx(device.bandwidth, rel=1e-3)
    assert int(said["device_memory_size"]) == pytest.approx(device.memory, rel=1e-3)
    assert int(said["active_links"]) * 25e9 == device.nvlink  # each 25 GB/s in one direction
    assert text.count("{") == text.count("}")


def test_descriptions_are_installed_and_cite_their_sources():
    assert '"vdit.config": ["gpus/*.txtpb"]' in (ROOT / "setup.py").read_text()
    for device in DESCRIBED:
        text = topology.description(device).read_text()
        cited = set(re.findall(r"^# (\[\w\])", text, re.MULTILINE))
        assert cited == set(re.findall(r"  # (\[\w\])", text)) == {"[C]", "[D]", "[W]", "[X]"}


def test_without_the_plugin_it_says_what_is_wanted(monkeypatch):
    monkeypatch.setattr(topology, "PLUGIN", "a_plugin_that_nobody_has")
    assert not topology.is_described(DEVICES["h200"])
    assert "pip install 'vdit[gpu]'" in topology.WANTED


TINY = """
import json
from vdit.config.devices import DEVICES
from vdit.config.model_config import ModelConfig
from vdit.planning import compared
from vdit.planning.job import Job, mesh_of
model = ModelConfig((2, 8, 8, 4), (1, 2, 2), 64, 2, 2, condition="none", dtype="bfloat16",
                    remat="full")
print(json.dumps(compared.compare(Job(model, 4, mesh_of("fsdp=2"), DEVICES["h100"]))))
"""


@pytest.mark.skipif(not topology.has_plugin(), reason="needs jax[cuda13]")
def test_a_step_is_compiled_for_gpus_that_are_not_there():
    found = json.loads(forked("-c", TINY).stdout.splitlines()[-1])
    assert found["devices"] == "h100, described"
    size = found["argument_bytes"]
    assert size["formula"] == pytest.approx(size["compiled"], rel=0.02)
    assert found["kernels_of"]["attention"]["count"] == 2 * 3  # forward twice, and backward
    moves = {(m["kind"], m["in_loop"]) for m in found["collectives"]}
    assert {("all-gather", True), ("reduce-scatter", True)} <= moves
    assert found["peak_gib"]["compiled"] > 0 < found["traffic_gib"]["compiled"]
