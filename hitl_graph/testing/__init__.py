"""For tests of graphs with gates: databases, reviewers and models that follow a script, and a clock to set.

Fixtures are in `hitl_graph.testing.fixtures`, and the suites for gates and savers of one's own in
`hitl_graph.testing.gate_contract` and `hitl_graph.testing.saver_contract`: these need pytest.
"""

from hitl_graph.testing.clock import FakeClock
from hitl_graph.testing.databases import Databases, temporary_home
from hitl_graph.testing.model import ScriptedModel
from hitl_graph.testing.reviewer import ScriptedReviewer
from hitl_graph.testing.script import ScriptError

__all__ = ["Databases", "FakeClock", "ScriptError", "ScriptedModel", "ScriptedReviewer", "temporary_home"]
