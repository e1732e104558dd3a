"""Text messages, chat and more, through Apprise."""

from __future__ import annotations

import dataclasses
import re
from urllib.parse import quote

from hitl_graph.channels.channel import check_message
from hitl_graph.desk.addresses import check_address
from hitl_graph.errors import DefinitionError, EffectNotDone, EffectUnknown, NoticeError
from hitl_graph.notices import apprise
from hitl_graph.notices.sending import SendFailed

__all__ = ["AppriseChannel"]

# What Apprise takes for the end of an address and the beginning of another, or of a setting, once it has decoded it.
_SEVERAL = re.compile(r"[\s,;/?&#%|<>\"\\]|^[^@]+\+[^@]*$")


@dataclasses.dataclass(frozen=True)
class AppriseChannel:
    """Sends through one of Apprise's services, such as `twilio://SID:TOKEN@FROM/{to}`. None of them drops doubles.

    It sends to one recipient: an address that Apprise would take apart is refused (`EffectNotDone`).

    Args:
        template: An Apprise URL with `{to}` where the customer's address goes; kept out of every error and log.
        trusted: Vouches for a scheme that is not on the list of known services.

    Raises:
        DefinitionError: It is no such URL.
    """

    template: str = dataclasses.field(repr=False)
    trusted: bool = dataclasses.field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.template, str) or self.template.count("{to}") != 1:
            raise DefinitionError(
                "AppriseChannel", "template", "should hold {to} once, where the address goes"
            )
        try:
            check_address("AppriseChannel", "apprise", self.template, trusted=self.trusted)
        except NoticeError as error:
            raise DefinitionError("AppriseChannel", "template", error.problem) from None

    def send(self, to: str, subject: str, body: str, key: str) -> None:
        """Send one message; see `Channel.send`."""
        check_message(to, subject, body, key)
        if _SEVERAL.search(to):
            raise EffectNotDone("to: is not one address; nothing was sent")
        address = self.template.replace("{to}", quote(to, safe=""))
        try:
            apprise.notify(address, subject, body, trusted=self.trusted, alone=True)
        except SendFailed as error:
            if error.certain:
                raise EffectNotDone(f"apprise: {error}; nothing was sent") from None
            raise EffectUnknown(key, "apprise", str(error)) from None
