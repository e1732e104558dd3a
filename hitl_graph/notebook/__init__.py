"""Reviewing in notebooks: a card that decides, and the nouns of the library as pages. Needs the extra `notebook`.

```python
from hitl_graph.notebook import review_card

review_card(graph, "t1", by="ana")
```
"""

try:
    from hitl_graph.notebook.card import ReviewCard, review_card
except ModuleNotFoundError as error:
    if error.name not in ("anywidget", "traitlets"):
        raise
    problem = "hitl_graph.notebook draws in JupyterLab and marimo: install hitl-graph[notebook]"
    raise ImportError(problem, name=error.name) from error
from hitl_graph.notebook.reprs import html_of, markdown_of, register
from hitl_graph.notebook.thread import OpenCase, Thread, aread_thread, read_thread

__all__ = [
    "OpenCase",
    "ReviewCard",
    "Thread",
    "aread_thread",
    "html_of",
    "markdown_of",
    "read_thread",
    "register",
    "review_card",
]

register()
