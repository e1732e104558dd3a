"""What costs no database: a gate that lets pass, and the import."""

import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.graphs import EMAIL, TICKET, bare_chain, passing_chain
from benchmarks.measure import Figure, added

LENGTHS = (5, 20, 80)


def gate_that_proceeds(repeats: int) -> Iterator[Figure]:
    """One gate that lets pass against one bare node, in chains of three lengths; without a checkpointer."""
    given: Any = {"ticket": TICKET, "email": EMAIL, "score": 0.9, "segment": "card"}
    for length in LENGTHS:
        config: Any = {"recursion_limit": length + 5}
        ours, bare = passing_chain(length).compile(), bare_chain(length).compile()
        for graph in (ours, bare):  # warm
            graph.invoke(given, config)
        gates: list[float] = []
        nodes: list[float] = []
        for _ in range(repeats):
            for graph, times in ((ours, gates), (bare, nodes)):
                start = time.perf_counter()
                graph.invoke(given, config)
                times.append((time.perf_counter() - start) / length)
        yield added(f"gate that proceeds, in a chain of {length}", gates, nodes, at_most_ms=0.1)


def import_time(repeats: int) -> Iterator[Figure]:
    """`import hitl_graph` against `import langgraph.graph`, each in a fresh process, from the disk cache."""
    ours: list[float] = []
    theirs: list[float] = []
    for number in range(repeats + 1):
        for module, times in (("langgraph.graph", theirs), ("hitl_graph", ours)):
            took = _import(module)
            if number:  # the first one reads the disk
                times.append(took)
    yield added("import hitl_graph, against import langgraph.graph", ours, theirs, at_most_ms=50)


def _import(module: str) -> float:
    program = f"import time; s = time.perf_counter(); import {module}; print(time.perf_counter() - s)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return float(done.stdout)
