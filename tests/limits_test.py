"""The house's limits: files and functions that fit on a screen or few, public arguments annotated,
no logic of six lines twice."""

import ast
from collections import defaultdict

from tests.paths import ROOT

ROOMS = ("vdit", "experiments", "sweeps", "analysis", "tests")
PATHS = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
FILES = {path: ast.parse(path.read_text()) for path in PATHS}
CALLED = ("__init__", "__call__")
FUNCTIONS = [
    (path.relative_to(ROOT), node)
    for path, tree in FILES.items()
    for node in ast.walk(tree)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
]


def lines(node):
    return node.end_lineno - node.lineno + 1


def test_no_file_is_above_250_lines_and_no_function_above_45():
    assert [path for path in FILES if len(path.read_text().splitlines()) > 250] == []
    assert [(path, node.name) for path, node in FUNCTIONS if lines(node) > 45] == []


def test_packing_is_within_250_lines_beside_the_loop():
    """Without a measurement on an accelerator it pays for no more."""
    files = (ROOT / "vdit" / "training" / f"{name}.py" for name in ("packing", "stack"))
    assert sum(len(path.read_text().splitlines()) for path in files) <= 250


def public(tree):
    """Functions of a module and methods of its classes that others may call."""
    for node in tree.body:
        hidden = getattr(node, "name", "_").startswith("_")
        if isinstance(node, ast.ClassDef) and not hidden:
            yield from public(node)
        if isinstance(node, ast.FunctionDef) and (not hidden or node.name in CALLED):
            yield node


def test_public_arguments_and_results_are_annotated():
    for path, tree in FILES.items():
        for node in public(tree) if path.relative_to(ROOT).parts[0] != "tests" else ():
            args = node.args
            named = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
            bare = [arg.arg for arg in named if arg and not arg.annotation]
            assert set(bare) <= {"self", "cls"}, f"{path}: {node.name}({', '.join(bare)})"
            assert node.returns or node.name == "__init__", f"{path}: {node.name} -> ?"


class Anonymous(ast.NodeTransformer):
    """Code without its names of variables and its constants."""

    def visit_Name(self, node):
        return ast.Name("_", ast.Load())

    def visit_arg(self, node):
        return ast.arg("_")

    def visit_Constant(self, node):
        return ast.Constant(None)


def test_no_logic_of_six_lines_is_in_two_files():
    """Neighbouring statements that differ in names and constants alone."""
    found = defaultdict(set)
    for path, node in FUNCTIONS:
        body = node.body[ast.get_docstring(node) is not None :]
        shapes = [ast.dump(Anonymous().visit(ast.parse(ast.unparse(s)))) for s in body]
        for begin in range(len(body)):
            for end in range(begin + 1, len(body) + 1):
                if sum(map(lines, body[begin:end])) >= 6:
                    found["\n".join(shapes[begin:end])].add(f"{path}:{body[begin].lineno}")
                    break
    assert [places for places in found.values() if len({p.split(":")[0] for p in places}) > 1] == []
