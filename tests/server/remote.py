"""The graph that the server runs, as workers of their own processes know it."""

from __future__ import annotations

import os

from langgraph.pregel.remote import RemoteGraph

__all__ = ["mail"]

mail = RemoteGraph("mail", url=os.environ.get("TEST_SERVER_URL", "http://127.0.0.1:1"), api_key=None)
