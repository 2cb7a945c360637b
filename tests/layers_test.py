"""The house keeps its walls: imports flow one way, between rooms and between the wings of vdit/."""

import ast
import importlib

import pytest

from tests.tiny import ROOT, python

ROOMS = ("vdit", "experiments", "sweeps", "analysis")
# What a room may import of ours.
ALLOWED = {
    "vdit": ("vdit",),
    "experiments": ("experiments", "vdit.config", "vdit.errors"),
    "sweeps": (
        "sweeps",
        "experiments",
        "vdit.config",
        "vdit.errors",
        "vdit.evaluators",
        "vdit.runs",
        "vdit.data.latents",
        "vdit.parallel.cores",
        "vdit.training",
    ),
    # The standard library alone is behind these: an edge, files, run folders, a table of devices.
    "analysis": (
        "analysis",
        "vdit.errors",
        "vdit.runs.files",
        "vdit.runs.folder",
        "vdit.config.devices",
    ),
}
# The wings of vdit/, each above those that it may import from. A longer name stands apart.
WINGS = (
    "vdit.runs.signals",
    "vdit.errors",
    "vdit.config",
    "vdit.runs.files",
    "vdit.parallel",
    "vdit.runs",
    "vdit.planning",
    "vdit.models",
    "vdit.pretrained",
    "vdit.autoencoders",
    "vdit.diffusion",
    "vdit.data",
    "vdit.generator",
    "vdit.captioning",
    "vdit.exporters",
    "vdit.evaluators",
    "vdit.training",
    "vdit.planning.lowered",
    "vdit.planning.compared",
    "vdit.benchmark",
)
# The peer in `vdit.bench` is PyTorch's; it runs in a process of its own and nobody imports it.
PEER = ROOT / "vdit/benchmark/torch_peer.py"
FORBIDDEN = {"analysis": ("jax", "flax", "optax", "orbax", "grain"), "vdit": ("torch",)}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (_module(node.module, alias.name) for alias in node.names)


def _module(package, name):
    """The module that `from package import name` names: a module in the package, or itself."""
    inside = ROOT / package.replace(".", "/") / name
    there = inside.is_dir() or inside.with_suffix(".py").exists()
    return f"{package}.{name}" if there else package


def within(name, roots):
    return any(name == root or name.startswith(root + ".") for root in roots)


def module_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def wing_of(name):
    """The place of a module among the wings; None for commands and the front door, above all."""
    found = [wing for wing in WINGS if within(name, [wing])]
    return WINGS.index(max(found, key=len)) if found else None


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


def test_wings_import_from_lower_wings():
    for path in sorted((ROOT / "vdit").rglob("*.py")):
        own = wing_of(module_of(path))
        for name in imports(path) if own is not None else ():
            other = wing_of(name)
            assert name != "vdit", f"{path.relative_to(ROOT)} comes in by the front door"
            assert other is None or other <= own, f"{path.relative_to(ROOT)} imports {name}"


def test_nothing_imports_a_command():
    files = (ROOT / "vdit").glob("*.py")
    commands = [f"vdit.{path.stem}" for path in files if "__main__" in path.read_text()]
    assert "vdit.main" in commands
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for name in imports(path):
                assert not within(name, commands), f"{path.relative_to(ROOT)} imports {name}"


def test_a_sweep_is_a_file_of_overrides():
    """Machinery lies in sweeps/launcher; what lies beside it is a sweep, or a thin command."""
    for path in (ROOT / "sweeps").glob("*.py"):
        text = path.read_text()
        assert "EXPERIMENT" in text or len(text.splitlines()) < 12, path.name


def test_vdit_is_no_heap():
    assert len(list((ROOT / "vdit").glob("*.py"))) <= 12


LIGHT = ["config.sizes", "config.flops", "config.fingerprint", "plan", "runs.folder", "evaluators"]


@pytest.mark.parametrize("name", [*LIGHT, "runs.evaluations", "runs.mode", "training.resolve"])
def test_planning_needs_no_jax(name):
    python("-c", f"import sys, vdit.{name}; assert 'jax' not in sys.modules")


def test_using_and_training_need_neither_tensorflow_nor_torch():
    code = "import sys, vdit.training.run, vdit.training.evaluation, vdit.evaluate\n"
    code += "assert not {'tensorflow', 'torch', 'tensorboard'} & set(sys.modules)"
    python("-c", code)


def test_every_package_says_what_it_holds():
    for path in ROOT.glob("vdit/**/__init__.py"):
        assert importlib.import_module(module_of(path)).__doc__, path
