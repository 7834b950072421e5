"""Files of strangers are data: nothing in the package unpickles them, or runs what is in them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .test_rooms import FILES, PACKAGE

UNPICKLES = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib", "yaml"}
RUNS = {"eval", "exec", "compile", "__import__"}
UNSAFE = {"torch.load", "keras.config.enable_unsafe_deserialization"}


def faults(code: str) -> Iterator[str]:
    """Yield what would unpickle a file or run code of it."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
            yield from (f"imports {module}" for module in modules if module.split(".")[0] in UNPICKLES)
        elif isinstance(node, ast.Call):
            called, given = ast.unparse(node.func), {each.arg: ast.unparse(each.value) for each in node.keywords}
            if called in RUNS | UNSAFE or called.endswith("enable_unsafe_deserialization"):
                yield f"calls {called}"
            if called == "np.load" and given.get("allow_pickle") != "False":
                yield "np.load without allow_pickle=False"
            if called == "keras.models.load_model" and given.get("safe_mode") != "True":
                yield "load_model without safe_mode=True"


def test_nothing_unpickles_a_file_or_runs_code_of_it() -> None:
    found = [f"{file.relative_to(PACKAGE)} {fault}" for file in FILES for fault in faults(file.read_text("utf-8"))]
    assert found == []


def test_what_is_looked_for_would_be_found() -> None:
    code = (
        "import pickle, os\nfrom joblib import load\nnp.load(f)\nnp.load(f, allow_pickle=True)\neval('1')\n"
        "keras.models.load_model(f, safe_mode=False)\nkeras.config.enable_unsafe_deserialization()\ntorch.load(f)\n"
    )
    assert len(list(faults(code))) == 8
