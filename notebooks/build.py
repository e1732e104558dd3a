"""Run the notebooks and write each, with what it gave, beside its text.

```
python -m notebooks.build               all of them
python -m notebooks.build 03            those whose name begins so
python -m notebooks.build --out FOLDER  into another folder; nothing here is changed
python -m notebooks.build --check       run nothing: does each .ipynb hold the cells of its text, with outputs?
```
The text (jupytext's py:percent) is what is edited. Each run has an embedded Postgres of its own, and leaves nothing.
"""

# mypy: disable-error-code="no-untyped-call"

import argparse
import base64
import getpass
import io
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext  # type: ignore[import-untyped]  # it has no types
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from PIL import Image

from hitl_graph.testing.databases import temporary_home

__all__ = ["TEXTS", "differences", "execute", "leaks", "main", "read_text"]

HERE = Path(__file__).parent
ROOT = HERE.parent
TEXTS = sorted(HERE.glob("[0-9][0-9]_*.py"))
CELL_TIMEOUT_S = 240
MOST_BYTES = 400_000

_PATH = re.compile(r"(?<![\w.:/<~])/(?:[\w.@+-]+/)+[\w.@+-]*|\b[A-Z]:\\\w+")
"""An absolute path of two parts or more. `</div>`, `application/json` and a JSON Patch's `/body` are none."""
_ADDRESS = re.compile(r"\b(?:postgres(?:ql)?|file)://|\b(?:pypi|index|registry|proxy|mirror)[\w.-]*\.\w+/")


def read_text(path: Path) -> Any:
    """The notebook that a text describes: the same cells with the same ids each time, and no outputs."""
    notebook = jupytext.read(path)
    for number, cell in enumerate(notebook.cells, start=1):
        cell.id = f"cell-{number:02}"
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata.language_info = {"name": "python"}
    return notebook


def execute(path: Path) -> Any:
    """Run a text from top to bottom in a kernel of its own.

    Raises:
        CellExecutionError: A cell raised. Nothing was written.
    """
    notebook = read_text(path)
    with temporary_home() as home:
        env = {name: value for name, value in os.environ.items() if name != "HITL_DATABASE_URL"}
        paths = [str(ROOT), *filter(None, [env.get("PYTHONPATH")])]
        env |= {"HITL_HOME": str(home), "PYTHONPATH": os.pathsep.join(paths), "OPENAI_API_KEY": ""}
        client = NotebookClient(
            notebook,
            timeout=CELL_TIMEOUT_S,
            kernel_name="python3",
            extra_arguments=["--log-level=ERROR"],  # it warns of its loopback ports
            resources={"metadata": {"path": str(HERE)}},
            record_timing=False,
            coalesce_streams=True,
            store_widget_state=False,
        )
        client.execute(env=env)
    notebook.metadata.language_info = {"name": "python"}  # the version of who built it is nobody's business
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = _smaller(output.data["image/png"])
    return notebook


def _smaller(png: str) -> str:
    """The picture with a palette: half the size, and no difference that one sees in a plot."""
    kept = io.BytesIO()
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    picture.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        kept, "png", optimize=True
    )
    return base64.b64encode(kept.getvalue()).decode()


def differences(text: Any, kept: Any) -> list[str]:
    """Where a kept notebook is not the text with outputs; empty when it is."""
    found = []
    ours, theirs = ([(cell.cell_type, cell.source) for cell in book.cells] for book in (text, kept))
    if ours != theirs:
        first = next(
            (n for n, (a, b) in enumerate(zip(ours, theirs, strict=False), start=1) if a != b),
            min(len(ours), len(theirs)) + 1,
        )
        found.append(f"cell {first} is not that of the text")
    if not any(cell.get("outputs") for cell in kept.cells):
        found.append("it holds no outputs")
    for number, cell in enumerate(kept.cells, start=1):
        found += [
            f"cell {number} gave {output.get('ename', 'words on stderr')}"
            for output in cell.get("outputs", [])
            if output.output_type == "error" or output.get("name") == "stderr"
        ]
    return found


def leaks(notebook: Any) -> list[str]:
    """What an output tells of the machine that it was made on: paths, addresses, the user's name and home."""
    home, user = str(Path.home()), getpass.getuser()
    found = []
    for number, text in _texts_of(notebook):
        told = [match.group() for pattern in (_PATH, _ADDRESS) for match in pattern.finditer(text)]
        told += [word for word in (home, str(ROOT), sys.prefix) if len(word) > 1 and word in text]
        told += re.findall(rf"\b{re.escape(user)}@|\buser={re.escape(user)}\b", text)
        found += [f"cell {number}: {word}" for word in dict.fromkeys(told)]
    return found


def _texts_of(notebook: Any) -> Iterator[tuple[int, str]]:
    for number, cell in enumerate(notebook.cells, start=1):
        for output in cell.get("outputs", []):
            yield number, str(output.get("text", ""))
            for kind, content in output.get("data", {}).items():
                if not kind.startswith("image/") or kind.endswith("svg+xml"):
                    yield number, str(content)


def _write(path: Path, folder: Path) -> list[str]:
    """Run one text and write its notebook; what is wrong with it, if anything."""
    try:
        notebook = execute(path)
    except CellExecutionError as error:
        return [str(error)]
    problems = differences(read_text(path), notebook) + leaks(notebook)
    if problems:
        return problems
    target = folder / f"{path.stem}.ipynb"
    nbformat.write(notebook, target)
    size = target.stat().st_size
    print(f"{path.stem}: {size / 1000:,.0f} kB")
    return [f"{size:,} bytes, and {MOST_BYTES:,} is the most"] if size > MOST_BYTES else []


def _check(path: Path) -> list[str]:
    """What is wrong with a notebook as it is kept."""
    kept = path.with_suffix(".ipynb")
    if not kept.exists():
        return ["there is no .ipynb: run `make notebooks`"]
    notebook = nbformat.read(kept, as_version=4)
    return differences(read_text(path), notebook) + leaks(notebook)


def main(arguments: list[str] | None = None) -> int:
    """Run or check the named notebooks; 0 when all is well."""
    parser = argparse.ArgumentParser(
        prog="python -m notebooks.build", description="Run and pair the notebooks."
    )
    parser.add_argument("names", nargs="*", help="those whose name begins so; all unless said")
    parser.add_argument(
        "--check", action="store_true", help="run nothing; compare what is kept with the texts"
    )
    parser.add_argument("--out", type=Path, default=HERE, help="the folder to write into")
    given = parser.parse_args(arguments)
    chosen = [path for path in TEXTS if not given.names or path.name.startswith(tuple(given.names))]
    if not chosen:
        parser.error(f"none of {', '.join(path.stem for path in TEXTS)} begins so")
    failed = False
    for path in chosen:
        for problem in _check(path) if given.check else _write(path, given.out):
            failed = True
            print(f"{path.stem}: {problem}", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
