"""What waits at the support desk of `desk_graphs`, in words: a case of each kind, and some that are alike."""

from __future__ import annotations

import dataclasses
from typing import Any

from hitl_graph import Evidence

__all__ = ["MAIL", "WAITING", "about", "message", "spam"]

_LATE = (
    "Hello,\n\nmy tent (order 88213) was promised for last Friday. It is Tuesday now, the tracking page has not "
    "moved since Thursday, and we leave on Saturday morning. Can you tell me whether it will be here by then? If not "
    "I would rather buy one in town and send yours back.\n\nKind regards,\nHannah Weiss"
)
_INVOICE = """Kestrel Freight BV                      INVOICE 2026-0417
Waalhaven Z.z. 11, Rotterdam            3 March 2026

Sea freight, 2 pallets Oporto-Rotterdam        1,090.00
Customs handling                                 110.00
Insurance                                         50.00
                                              ---------
Total due                                      1,250.00 EUR

Payment within 14 days to NL91 ABNA 0417 1643 00."""
MAIL = {
    "to": "hannah.weiss@example.com",
    "subject": "Your tent, order 88213",
    "body": "Dear Hannah,\n\nI am sorry for the wait. Your tent left our warehouse on Thursday and is with the "
    "carrier. It will be with you on Friday, a day before you leave. If it is not there by noon, write to me and "
    "I will send a second one by courier.\n\nKind regards,\nLarkfield Outdoor",
}


def about(*evidence: Evidence, **more: Any) -> dict[str, Any]:
    """Plain values, as a graph's state holds them."""
    return {"evidence": [dataclasses.asdict(one) for one in evidence], **more}


def message(text: str, number: int) -> Evidence:
    """What a customer wrote."""
    return Evidence("Customer message", text, source=f"ticket {number}")


def _order(**columns: str) -> Evidence:
    return Evidence("Order", columns, source="the shop")


def spam(number: int, sender: str, text: str) -> tuple[str, float, str, Any, dict[str, Any]]:
    """What `WAITING` lists, of one message that is taken for spam."""
    said = {"label": "spam", "sender": sender}
    return f"ticket-{number}", 0.6, "spam_check", said, about(message(text, number))


WAITING: tuple[tuple[str, float, str, Any, dict[str, Any]], ...] = (
    (
        "ticket-8213",
        3.4,
        "reply",
        MAIL,
        about(
            message(_LATE, 8213),
            _order(order="88213", tent="Fell 2, green", price="349.00 EUR", sent="Thursday", carrier="DHL"),
            uncertainty=("The carrier has not confirmed Friday.",),
            blocks=("the customer's answer",),
            priority="high",
        ),
    ),
    (
        "ticket-8190",
        26.5,
        "refund_review",
        {
            "customer": "Oliver Grant",
            "amount": 489.5,
            "currency": "EUR",
            "reason": "Boots split after one week",
        },
        about(
            message("The sole of the left boot came off on the second day. I want my money back.", 8190),
            _order(order="87655", boots="Ridge GTX 43", price="489.50 EUR", delivered="9 days ago"),
            uncertainty=("The photograph shows the right boot, and the message names the left one.",),
            blocks=("a customer's money",),
            priority="urgent",
        ),
    ),
    (
        "ticket-8222",
        1.1,
        "triage",
        {"category": "refund"},
        about(
            message("The zip was stuck from the start. What now?", 8222),
            uncertainty=("It may be a refund (54 %) or a fault (41 %).",),
        ),
    ),
    (
        "invoice-0417",
        5.2,
        "invoice_check",
        {
            "total": 1250,
            "date": "2026-03-03",
            "supplier": "Kestrel Freight BV",
            "freight": 1090,
            "tax_id": "NL004",
        },
        about(Evidence("Invoice", _INVOICE, source="invoices@larkfield.example")),
    ),
    (
        "customer-5512",
        20.0,
        "duplicates",
        {"name": "Marguerite Delacroix", "email": "m.delacroix@example.com", "phone": "+33 1 70 18 99 00"},
        about(
            Evidence(
                "Record 5512",
                {
                    "name": "Marguerite Delacroix",
                    "email": "m.delacroix@example.com",
                    "phone": "+33 1 70 18 99 00",
                    "city": "Lyon",
                    "since": "2021",
                },
            ),
            Evidence(
                "Record 7790",
                {
                    "name": "M. Delacroix-Fontaine",
                    "email": "m.delacroix@example.com",
                    "phone": "+33 6 12 34 56 78",
                    "city": "Lyon",
                    "since": "2025",
                },
            ),
        ),
    ),
    (
        "exception-31",
        47.0,
        "exceptions",
        {"when": "a parcel is more than 7 days late", "then": "refund the postage without asking"},
        about(
            Evidence("The case", "Nine days late. Jonas paid the postage back, and the customer stayed."),
            Evidence("Before it", {"this month": 5, "last month": 1, "refunded": "6 of 6"}),
        ),
    ),
    (
        "chat-902",
        0.4,
        "escalation",
        {"channel": "chat"},
        about(
            Evidence(
                "Customer", {"name": "Priya Raman", "orders": "14", "since": "2019", "open tickets": "1"}
            ),
            transcript=[
                [
                    "customer",
                    "Your last answer was about a different order. May I talk to a person?",
                    "10:02",
                ],
                ["assistant", "I am sorry! I can help you with order 88190 at once.", "10:02"],
                ["customer", "That is not my order either. A person, please.", "10:04"],
            ],
            blocks=("a customer in the chat",),
        ),
    ),
    spam(8230, "win@prizes.example", "You have won 2 tents!!! Click http://prizes.example/claim"),
    spam(8231, "seo@rank-higher.example", "We can bring your shop to the first page. Reply for our prices."),
    spam(8233, "hello@cheap-links.example", "Dear owner, we buy and sell links. Are you interested?"),
    spam(8234, "newsletter@unknown.example", "This week: ten ways to earn money from your sofa."),
    spam(8232, "invoice@pay-now.example", "Overdue invoice attached, open the document at once."),
    (
        "ticket-8199",
        9.0,
        "reply",
        {
            "to": "t.abernathy@example.org",
            "subject": "Donaudampfschifffahrtsgesellschaftskapitänskajütenschlüsselanhänger",
            "body": "Dear Thomas,\n\nthe key ring is back in stock in May. Shall I put one aside for you?",
        },
        about(message("When do you have the key ring with the very long name again?", 8199)),
    ),
    (
        "ticket-8203",
        6.0,
        "reply",
        {**MAIL, "to": "luis.ortega@example.com", "subject": "Your stove, order 88102"},
        about(message("My stove arrived without the hose. Please send it before Friday.", 8203)),
    ),
    (
        "ticket-8177",
        30.0,
        "refund_review",
        {
            "customer": "Sofia Lindqvist",
            "amount": 64,
            "currency": "GBP",
            "reason": "Parcel lost by the carrier",
        },
        about(message("Three weeks and no parcel. Please pay me back.", 8177)),
    ),
    (
        "ticket-8205",
        2.0,
        "triage",
        {"category": "other"},
        about(message("hi", 8205), uncertainty=("The message has one word.",)),
    ),
)
"""Thread, age in hours, gate, proposal, and what it is based on."""
