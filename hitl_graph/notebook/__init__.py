"""Reviewing in notebooks: a card that decides, and the nouns of the library as pages. Needs the extra `notebook`.

```python
from hitl_graph.notebook import review_card

review_card(graph, "t1", by="ana")
```
"""

from hitl_graph.notebook.card import ReviewCard, review_card
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
