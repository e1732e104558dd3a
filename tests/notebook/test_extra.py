"""The package without its extra."""

from __future__ import annotations

import subprocess
import sys


def test_without_the_extra_the_error_names_it() -> None:
    """What to install, not only what is missing."""
    program = "import sys; sys.modules['anywidget'] = None; import hitl_graph.notebook"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.stderr.splitlines()[-1].endswith("install hitl-graph[notebook]")
