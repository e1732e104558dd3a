"""Where a notice may go: public addresses, this machine where the URL says so, the rest only when vouched for."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import pytest

from hitl_graph.desk.addresses import may_connect

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


@pytest.mark.parametrize(("address", "may"), [("10.0.0.1", True), ("224.0.0.1", False), ("0.0.0.0", False)])  # noqa: S104
def test_vouching_opens_the_private_network_and_no_more(address: str, may: bool) -> None:
    """Nobody is told by broadcast."""
    assert may_connect(ipaddress.ip_address(address), PUBLIC, trusted=True) is may
