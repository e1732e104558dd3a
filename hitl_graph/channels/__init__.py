"""Reaching a customer on the way that they prefer, from inside an effect."""

from hitl_graph.channels.apprise_channel import AppriseChannel
from hitl_graph.channels.channel import Channel
from hitl_graph.channels.preferred import Chosen, preferred
from hitl_graph.channels.smtp import SmtpChannel

__all__ = ["AppriseChannel", "Channel", "Chosen", "SmtpChannel", "preferred"]
