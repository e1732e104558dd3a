"""Savers that write a pause and its review together."""

from hitl_graph.checkpointers.async_saver import AsyncReviewSaver
from hitl_graph.checkpointers.open import open_checkpointer
from hitl_graph.checkpointers.saver import ReviewSaver

__all__ = ["AsyncReviewSaver", "ReviewSaver", "open_checkpointer"]
