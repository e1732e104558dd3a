"""Telling people and programs that a case waits, and that it is settled; and links by which they decide."""

from hitl_graph.notices.deliver import deliver
from hitl_graph.notices.links import Link, make_link, open_link, use_link

__all__ = ["Link", "deliver", "make_link", "open_link", "use_link"]
