"""Every public name is documented: a docstring of its own, and a line in the reference."""

import importlib
import inspect
from pathlib import Path

import pytest

from docs.make_reference import SECTIONS, docstring

REFERENCE = (Path(__file__).parents[2] / "docs/reference.md").read_text(encoding="utf-8")
PUBLIC = [(module, name) for module in SECTIONS for name in importlib.import_module(module).__all__]
IDS = [f"{module}.{name}" for module, name in PUBLIC]


@pytest.mark.parametrize(("module", "name"), PUBLIC, ids=IDS)
def test_a_public_name_has_a_docstring(module: str, name: str) -> None:
    """Of its own, in a sentence."""
    first = docstring(module, name).split("\n", 1)[0]

    assert first.endswith((".", ":"))


@pytest.mark.parametrize(("module", "name"), PUBLIC, ids=IDS)
def test_a_public_name_is_in_the_reference(module: str, name: str) -> None:
    """`make docs` writes it there."""
    assert f"| `{name}` |" in REFERENCE


@pytest.mark.parametrize(("module", "name"), PUBLIC, ids=IDS)
def test_what_a_public_class_offers_has_docstrings(module: str, name: str) -> None:
    """Its public methods and properties too."""
    found = getattr(importlib.import_module(module), name)
    if not inspect.isclass(found):
        return
    offered = {
        key: value
        for key, value in vars(found).items()
        if key[0] != "_" and (inspect.isfunction(value) or isinstance(value, property | classmethod))
    }

    assert [key for key, value in offered.items() if not inspect.getdoc(value)] == []
