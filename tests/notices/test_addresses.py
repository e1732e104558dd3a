"""Where a notice may go: public addresses, this machine where the URL says so, the rest only when vouched for."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import pytest

from hitl_graph.desk.addresses import check_address, may_connect
from hitl_graph.errors import NoticeError

PUBLIC = urlsplit("https://hooks.example.com/")
HERE = urlsplit("http://localhost:8000/")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104  # to be refused
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::8.8.8.8",
        "::10.0.0.1",
        "fec0::1",
        "192.88.99.1",
        "::127.0.0.1",
        "2002:0a00:0001::1",
        "2001:0:0:0:0:0:f5ff:fffe",
    ],
)
def test_a_public_name_never_leads_inside(address: str) -> None:
    """In whatever form the address is written."""
    assert not may_connect(ipaddress.ip_address(address), PUBLIC, trusted=False)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:93.184.216.34"]
)
def test_a_public_address_may_be_told(address: str) -> None:
    """That is what webhooks are for."""
    assert may_connect(ipaddress.ip_address(address), PUBLIC, trusted=False)


@pytest.mark.parametrize(("address", "may"), [("127.0.0.1", True), ("::1", True), ("10.0.0.1", False)])
def test_this_machine_may_be_told_where_it_is_named(address: str, may: bool) -> None:
    """And no other private one by the same name."""
    assert may_connect(ipaddress.ip_address(address), HERE, trusted=False) is may


@pytest.mark.parametrize(("address", "may"), [("10.0.0.1", True), ("224.0.0.1", False), ("0.0.0.0", False)])  # noqa: S104  # to be refused
def test_vouching_opens_the_private_network_and_no_more(address: str, may: bool) -> None:
    """Nobody is told by broadcast."""
    assert may_connect(ipaddress.ip_address(address), PUBLIC, trusted=True) is may


@pytest.mark.parametrize(
    "address",
    [
        "workflows://127.0.0.1:8443/wf/sig",
        "workflow://10.0.0.1/wf/sig",
        "workflows://inside.example.com/wf/sig",
        "workflows://logic.azure.com.example.com/wf/sig",
        "workflows://x@evil.example.com/.logic.azure.com/wf/sig",
        "workflows://prod.logic.azure.com:8443/wf/sig",
        "workflows://prod.logic.azure.com/wf/sig?template=/etc/passwd",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ?%54emplate=/etc/passwd",
        "discord://111/aaa?thread=1;template=http://127.0.0.1/",
        "tgram://123456789:abcdefg_hijklmnop/1?x=1&+template=/etc/passwd",
        "mailto://u:p@ex.com?to=a@b.c&pgp=yes&pgpkey=/etc/passwd",
        "mailto://u:p@ex.com?to=a@b.c&wkd=yes",
        "mailtos://u:p@ex.com?verify=no",
        "mailto://u:p@10.0.0.1?to=a@b.c",
        "mailto://u:p@10.1?to=a@b.c",
        "mailto://u:p@%31%30.0.0.1?to=a@b.c",
        "mailto://u:p@0x0a000001?to=a@b.c",
        "mailto://u:p@[fd00::1]?to=a@b.c",
        "mailto://u:p@10.0.0.1@ex.com?to=a@b.c",
        "mailtos://u:p@ex.com?smtp=192.168.1.1",
        "mailtos://u:p@ex.com?smtp=169.254.169.254:25",
    ],
)
def test_a_known_service_is_not_led_elsewhere(address: str) -> None:
    """Neither to a host or a file inside, unless somebody vouches for it."""
    with pytest.raises(NoticeError, match="trusted=True") as caught:
        check_address("t", "apprise", address, trusted=False)

    assert caught.value.field == "address"
    check_address("t", "apprise", address, trusted=True)


@pytest.mark.parametrize(
    "address",
    [
        "workflows://prod-01.westeurope.logic.azure.com:443/wf/sig",
        "workflows://x.environment.api.powerplatform.com/wf/sig?ver=1",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ?footer=no",
        "mailtos://desk:password@smtp.example.com?from=desk@example.com&to=leads@example.com",
        "mailtos://desk:10.0.0.1@example.com?smtp=smtp.example.com",
        "mailto://127.0.0.1:2525/?from=desk@example.com&to=ana@example.com&mode=insecure",
    ],
)
def test_a_known_service_is_taken(address: str) -> None:
    """That is what people give."""
    check_address("t", "apprise", address, trusted=False)
