"""The inbox: the pages on which people see cases and decide them. Needs the extra `inbox`.

`hitl-graph inbox` serves it; `create_app()` is an ASGI application to mount in one's own.
"""

from hitl_graph.inbox.app import create_app
from hitl_graph.inbox.settings import Limits, Settings

__all__ = ["Limits", "Settings", "create_app"]
