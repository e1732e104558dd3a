"""A small web application: links in messages, and signed webhooks that decide. It shows no drafts."""

from hitl_graph.web.app import create_app

__all__ = ["create_app"]
