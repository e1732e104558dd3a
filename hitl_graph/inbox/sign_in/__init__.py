"""How people prove who they are."""

from hitl_graph.inbox.sign_in.header import ProxyHeader
from hitl_graph.inbox.sign_in.local import LocalToken
from hitl_graph.inbox.sign_in.oidc import OpenIdConnect
from hitl_graph.inbox.sign_in.ways import Claim, SignIn

__all__ = ["Claim", "LocalToken", "OpenIdConnect", "ProxyHeader", "SignIn"]
