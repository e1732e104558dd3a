"""Workers: they run threads on as soon as their cases are decided, on one machine or many. Needs the extra `worker`.

```python
from hitl_graph.workers import Worker

async with Worker({"support": graph}) as worker:
    ...
```
"""

try:
    from hitl_graph.workers.worker import Worker
except ModuleNotFoundError as error:
    if error.name != "procrastinate":
        raise
    problem = "hitl_graph.workers runs jobs with procrastinate: install hitl-graph[worker]"
    raise ImportError(problem, name=error.name) from error

__all__ = ["Worker"]
