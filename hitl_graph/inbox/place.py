"""Where the pages stand: at the root of a host, or below a prefix of another application.

Addresses are written everywhere as from the root, `/cases/…`. What leaves gets the prefix: pages where they are
rendered, answers that lead elsewhere in the guard. What comes in is looked at without it.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from fastapi import Request

__all__ = ["came_from", "path_of", "placed", "root_of"]

# Only within a tag: text between tags may hold quotation marks, but no "<".
_TAG = re.compile(r"<[a-zA-Z][^<>]*>")
_OWN = re.compile(r'(\s(?:href|src|action|formaction|hx-get|hx-post|hx-sse:connect|data-base)=")(?=/(?!/))')


def root_of(request: Request) -> str:
    """The prefix, such as `/review`; empty at the root of a host."""
    root: str = request.scope.get("root_path", "")
    return root.rstrip("/")


def path_of(request: Request) -> str:
    """The path below the prefix."""
    root, path = root_of(request), str(request.scope["path"])
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def placed(html: str, root: str) -> str:
    """A page whose own addresses lead below the prefix."""
    if not root:
        return html
    return _TAG.sub(lambda tag: _OWN.sub(lambda found: found[1] + root, tag[0]), html)


def came_from(request: Request) -> str:
    """The address below the prefix of the page that asked, as its browser says; empty where it does not."""
    said = request.headers.get("hx-current-url") or request.headers.get("referer", "")
    try:
        parts = urlsplit(said)
    except ValueError:
        return ""
    path = parts.path.removeprefix(root_of(request))
    return f"{path}?{parts.query}" if parts.query else path
