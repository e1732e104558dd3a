"""Gates in the functional API: a review inside `@entrypoint`, `@task` or a plain node."""

from hitl_graph.functional.reviewed import Reviewed
from hitl_graph.functional.tasks import areview, review

__all__ = ["Reviewed", "areview", "review"]
