"""What the source promises: no pickle, imports down one list, a home for each dependency, torch only where needed."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import ganctl

PACKAGE = Path(ganctl.__file__).parent
SOURCES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in SOURCES.items()}

ORDER = (
    "__main__",
    "cli",
    "engine",
    "report",
    "evaluation",
    "inference",
    "gans",
    "data",
    "runs",
    "images",
    "metrics",
    "tensorfile",
    "settings",
    "option",
    "device",
    "precision",
    "threads",
    "seeds",
    "files",
    "interrupt",
    "tasks",
    "text",
    "errors",
    "units",
    "spacing",
)
"""The folders, and the modules beside them: imports go down this list, between any two of its lines."""
WITHOUT_TENSORS = {"__main__", "cli", *ORDER[ORDER.index("settings") :]} - {"device", "precision", "seeds"}
HOMES = {
    "typer": {"cli"},
    "rich": {"cli"},
    "safetensors": {"tensorfile"},
    "filelock": {"data", "files", "runs"},
    "numpy": {"data", "evaluation", "images", "inference", "seeds"},
    "PIL": {"images"},
    "pillow_heif": {"images"},
    "imageio": {"images"},
    "imageio_ffmpeg": {"images"},
    "torchvision": {"images"},
    "platformdirs": {"data"},
    "requests": {"data"},
    "urllib3": {"data"},
    "torch_fidelity": {"evaluation"},
    "jinja2": {"report"},
    "markupsafe": {"report"},
    "tensorboard": {"engine"},
}
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "torch.load", "np.load", "numpy.load", "load_pickle"}


def room(module: str) -> str:
    """``ganctl.data.batches`` is in the folder ``data``."""
    return module.split(".")[1]


def dotted(node: ast.AST) -> str:
    """``a.b.c`` of a name or an attribute; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (owner := dotted(node.value)):
        return f"{owner}.{node.attr}"
    return ""


def statements(tree: ast.AST, *, inside_functions: bool) -> Iterator[ast.AST]:
    """Every node that runs: not what stands under ``if TYPE_CHECKING``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and dotted(node.test).endswith("TYPE_CHECKING"):
            continue
        yield node
        if inside_functions or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from statements(node, inside_functions=inside_functions)


def imports(tree: ast.AST, *, inside_functions: bool = True) -> set[str]:
    """The modules that are imported; of ganctl's own the modules and not the names in them."""
    found = set()
    for node in statements(tree, inside_functions=inside_functions):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = {f"{node.module}.{alias.name}" for alias in node.names} & set(SOURCES)
            found |= names or {str(node.module)}
    return found


def loaded_by_name(tree: ast.AST) -> set[str]:
    """The modules of ours whose names stand in a string, as in the registry of families."""
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {text.split(":")[0] for text in texts} & set(SOURCES)


def executes(tree: ast.AST) -> list[str]:
    """Whatever could run code that comes out of a file."""
    found = sorted(name for name in imports(tree) if name.split(".")[0] in FORBIDDEN_MODULES)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found += [keyword.arg for keyword in node.keywords if keyword.arg == "allow_pickle"]
            found += [name for name in [dotted(node.func)] if name in FORBIDDEN_CALLS]
    return found


@pytest.mark.parametrize("module", SOURCES)
def test_nothing_that_is_read_can_be_executed(module: str) -> None:
    assert executes(TREES[module]) == []


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "def f():\n    from pickle import loads",
        "from joblib import load",
        "import torch\ntorch.load('x')",
        "np.load('x', allow_pickle=True)",
        "archive(x, allow_pickle=True)",
        "import yaml\nyaml.load(text)",
        "eval('1')",
        "x = [exec(line) for line in lines]",
    ],
)
def test_what_could_be_executed_would_be_noticed(text: str) -> None:
    assert executes(ast.parse(text))


def test_a_net_in_evaluation_mode_is_no_eval() -> None:
    assert executes(ast.parse("net.eval()\nre.compile('x')")) == []


@pytest.mark.parametrize("module", [module for module in SOURCES if module != "ganctl"])
def test_imports_only_go_down_the_list_of_folders(module: str) -> None:
    ours = {name for name in imports(TREES[module]) | loaded_by_name(TREES[module]) if name.startswith("ganctl.")}
    upwards = {name for name in ours if ORDER.index(room(name)) < ORDER.index(room(module))}
    assert not upwards


def test_the_list_is_all_there_is() -> None:
    assert {room(name) for name in SOURCES if name != "ganctl"} == set(ORDER)


def test_the_package_itself_imports_only_its_errors() -> None:
    assert imports(TREES["ganctl"], inside_functions=False) == {"typing", "ganctl.errors"}


def test_no_module_imports_itself_by_a_detour() -> None:
    edges = {name: imports(tree, inside_functions=False) & set(SOURCES) for name, tree in TREES.items()}
    order = list(TopologicalSorter(edges).static_order())  # raises CycleError
    assert set(order) == set(SOURCES)


def test_every_dependency_has_its_home() -> None:
    own = {*sys.stdlib_module_names, "ganctl", "torch"}
    users: dict[str, set[str]] = {}
    for name in SOURCES:
        for used in {used.split(".")[0] for used in imports(TREES[name])} - own:
            users.setdefault(used, set()).add(room(name))
    assert users == HOMES


def test_what_needs_no_tensors_imports_neither_torch_nor_numpy() -> None:
    light = {name for name in SOURCES if name != "ganctl" and room(name) in WITHOUT_TENSORS}
    light |= {name for name in SOURCES if name.startswith(("ganctl.runs.", "ganctl.gans.options"))}
    light.add("ganctl.data.info")
    for name in light - {"ganctl.runs.checkpoint"}:
        heavy = {used.split(".")[0] for used in imports(TREES[name])} & {"torch", "torchvision", "numpy"}
        assert not heavy, name


LIGHT = """
import json, sys
sys.argv = ["ganctl", *sys.argv[1:]]
from ganctl.__main__ import main
try:
    main()
except SystemExit as left:
    print(json.dumps([left.code, sorted(sys.modules)]))
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["train", "--help"],
        ["train", "dcgan", "--help"],
        ["translate", "--help"],
        ["runs"],
        ["train", "nosuch"],
        ["info", "x"],
        ["report", "x"],
        ["compare", "x", "y"],
        ["translate", "x", "a.jpg"],
    ],
)
def test_what_needs_no_tensors_does_not_wait_for_torch(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT, *arguments], capture_output=True, text=True, timeout=60)
    _, loaded = json.loads(done.stdout.splitlines()[-1])
    assert "ganctl.cli" in loaded
    assert not {"torch", "torchvision", "numpy", "PIL", "tensorboard"} & set(loaded)


def test_importing_ganctl_imports_next_to_nothing() -> None:
    script = "import sys; before = set(sys.modules); import ganctl; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(done.stdout.split())
    assert {"ganctl", "ganctl.errors"} <= loaded
    assert not {"torch", "torchvision", "numpy", "typer", "rich", "ganctl.cli"} & loaded


def test_all_is_sorted_and_complete() -> None:
    own = {name for name, value in vars(ganctl).items() if getattr(value, "__module__", "").startswith("ganctl")}
    public = {name for name in own if not name.startswith("_")}
    errors = {node.name for node in TREES["ganctl.errors"].body if isinstance(node, ast.ClassDef)}
    assert ganctl.__all__ == sorted(ganctl.__all__)
    assert set(ganctl.__all__) == public | errors | {"Model", "load", "train"}
    for name in ganctl.__all__:
        assert getattr(ganctl, name).__doc__
    with pytest.raises(AttributeError, match="nosuch"):
        _ = ganctl.nosuch
