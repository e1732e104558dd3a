"""Gates in the functional API: a review inside `@entrypoint`, `@task` or a plain node."""

from hitl_graph.functional.gathering import agather, gather
from hitl_graph.functional.reviewed import Reviewed
from hitl_graph.functional.tasks import areview, review

__all__ = ["Reviewed", "agather", "areview", "gather", "review"]
