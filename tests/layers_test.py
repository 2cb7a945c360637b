"""The house keeps its walls: imports flow one way, and `import vdit` stays light."""

import ast

import pytest

from tests.tiny import ROOT, python

ROOMS = ("vdit", "experiments", "sweeps", "analysis")
# What a room may import of ours. `vdit.errors` is the one word everybody may say.
ALLOWED = {
    "vdit": ("vdit",),
    "experiments": ("experiments", "vdit.config.sizes", "vdit.config.flops", "vdit.errors"),
    "sweeps": (
        "sweeps",
        "experiments",
        "vdit.main",
        "vdit.config.flops",
        "vdit.config.fingerprint",
        "vdit.errors",
        "vdit.training.packing",
        "vdit.benchmark.step_benchmark",
        "vdit.training.slots",
        "vdit.runs.goodput",
        "vdit.errors",
    ),
    "analysis": ("analysis",),
}
# The peer in `vdit.bench` is PyTorch's; it runs in a process of its own and nobody imports it.
PEER = ROOT / "vdit/benchmark/torch_peer.py"
FORBIDDEN = {"analysis": ("jax", "flax", "optax", "orbax", "grain"), "vdit": ("torch",)}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name, roots):
    return any(name == root or name.startswith(root + ".") for root in roots)


@pytest.mark.parametrize("room", ROOMS)
def test_imports_flow_one_way(room):
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    for path in files:
        for name in imports(path):
            if within(name, ROOMS) and name not in ROOMS:
                assert within(name, ALLOWED[room]), f"{path.relative_to(ROOT)} imports {name}"
            assert path == PEER or not within(name, FORBIDDEN.get(room, ())), f"{path}: {name}"
            assert name != "vdit.benchmark.torch_peer", f"{path} imports the peer"


@pytest.mark.parametrize(
    "name", ["vdit.config.sizes", "vdit.config.flops", "vdit.config.fingerprint", "vdit.plan"]
)
def test_planning_needs_no_jax(name):
    python("-c", f"import sys, {name}; assert 'jax' not in sys.modules")


def test_training_needs_neither_tensorflow_nor_torch():
    code = "import sys, vdit.training.loop, vdit.training.tasks, vdit.generator, vdit.evaluate\n"
    code += "assert not {'tensorflow', 'torch', 'tensorboard'} & set(sys.modules)"
    python("-c", code)
