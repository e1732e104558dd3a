"""Writes reference.md: every public name with the first line of its docstring. Run by `make docs`."""

import ast
import importlib
import inspect
import itertools
from pathlib import Path

PAGE = Path(__file__).with_name("reference.md")
SECTIONS = {
    "hitl_graph": "What most programs need.",
    "hitl_graph.gates": "Also in the package of gates.",
    "hitl_graph.nodes": "Also in the package of nodes.",
    "hitl_graph.agents": "Gates for agents and their tools.",
    "hitl_graph.functional": "Gates in the functional API.",
    "hitl_graph.notebook": "Gates in notebooks.",
    "hitl_graph.checkpointers": "The savers by name.",
    "hitl_graph.desk": "What the desk hands out.",
    "hitl_graph.decisions": "Also about decisions.",
    "hitl_graph.reviews": "Also about reviews.",
    "hitl_graph.risk": "Also about action classes.",
    "hitl_graph.errors": "The tree of errors stands at the top of the module.",
    "hitl_graph.workers": "Letting threads go on by themselves.",
    "hitl_graph.notices": "Telling people and programs.",
    "hitl_graph.web": "Links and webhooks that decide.",
    "hitl_graph.channels": "Reaching a customer from an effect.",
    "hitl_graph.wire": "Shapes that other clients speak.",
    "hitl_graph.testing": "For tests of your own graphs.",
    "hitl_graph.testing.gate_contract": "A suite that your own gates should pass.",
    "hitl_graph.testing.saver_contract": "A suite that your own savers should pass.",
}
"""Modules whose `__all__` is for users, in the order of the page; a name is listed where it comes first."""


def docstring(module: str, name: str) -> str:
    """What is written under a public name, "" for nothing; constants and aliases have a string below them."""
    value = getattr(importlib.import_module(module), name)
    if inspect.isclass(value) or inspect.isfunction(value):
        text = inspect.cleandoc(value.__doc__ or "")
        return "" if text.startswith(f"{name}(") else text  # a dataclass makes one up
    for home in (module, "hitl_graph.decisions", "hitl_graph.reviews", "hitl_graph.risk"):
        body = ast.parse(inspect.getsource(importlib.import_module(home))).body
        for statement, below in itertools.pairwise(body):
            if isinstance(statement, ast.Assign | ast.AnnAssign) and _assigns(statement, name):
                said = below.value if isinstance(below, ast.Expr) else None
                return inspect.cleandoc(str(said.value)) if isinstance(said, ast.Constant) else ""
    return ""


def names() -> dict[str, list[str]]:
    """The public names by section, each once."""
    seen: set[str] = set()
    found: dict[str, list[str]] = {}
    for module in SECTIONS:
        found[module] = [name for name in importlib.import_module(module).__all__ if name not in seen]
        seen.update(found[module])
    return found


def page() -> str:
    """The whole page."""
    lines = ["# Reference", "", "One line each; the docstrings say the rest: `help(hitl_graph.add_gate)`."]
    for module, listed in names().items():
        if listed:
            lines += ["", f"## `{module}`", "", SECTIONS[module], "", "| name | |", "|---|---|"]
            lines += [f"| `{name}` | {_cell(docstring(module, name))} |" for name in listed]
    return "\n".join(lines) + "\n"


def _assigns(statement: ast.Assign | ast.AnnAssign, name: str) -> bool:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


def _cell(text: str) -> str:
    return text.split("\n", 1)[0].replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
