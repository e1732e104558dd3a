"""The JSON API below `/api/v1`, for people who build their own screens: under the same rules as the pages."""

from hitl_graph.inbox.api.routes import api_router

__all__ = ["api_router"]
