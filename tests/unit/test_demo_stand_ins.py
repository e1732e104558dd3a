"""The demo's offline stand-ins: a classifier that says how sure it is, and letters that claim nothing."""

from __future__ import annotations

import re

import pytest

from hitl_graph.demo import stand_ins
from hitl_graph.demo.inbox_reader import read_messages
from hitl_graph.demo.stand_ins import CATEGORIES, classify, draft_reply
from tests.unit.banking77 import BANKING77, needs_banking77

# BANKING77's 77 intents folded to the stand-in's categories. Only this test knows them.
FOLDED = {
    "card_delivery": "card_arrival card_delivery_estimate order_physical_card getting_spare_card "
    "card_about_to_expire getting_virtual_card get_disposable_virtual_card disposable_card_limits",
    "card_problem": "card_not_working activate_my_card contactless_not_working declined_card_payment "
    "card_swallowed virtual_card_not_working card_linking pending_card_payment reverted_card_payment?",
    "cash_withdrawal": "pending_cash_withdrawal declined_cash_withdrawal wrong_amount_of_cash_received "
    "atm_support",
    "transfer": "cancel_transfer transfer_not_received_by_recipient pending_transfer declined_transfer "
    "failed_transfer transfer_timing beneficiary_not_allowed transfer_into_account receiving_money "
    "balance_not_updated_after_bank_transfer",
    "top_up": "automatic_top_up pending_top_up top_up_limits topping_up_by_card top_up_reverted "
    "top_up_failed verify_top_up top_up_by_cash_or_cheque balance_not_updated_after_cheque_or_cash_deposit "
    "apple_pay_or_google_pay",
    "fees_and_exchange": "exchange_rate card_payment_wrong_exchange_rate extra_charge_on_statement "
    "top_up_by_bank_transfer_charge card_payment_fee_charged exchange_via_app fiat_currency_support "
    "transfer_fee_charged wrong_exchange_rate_for_cash_withdrawal exchange_charge top_up_by_card_charge "
    "cash_withdrawal_charge",
    "identity_check": "why_verify_identity unable_to_verify_identity verify_my_identity "
    "verify_source_of_funds",
    "account_access": "passcode_forgotten pin_blocked change_pin get_physical_card",
    "refund_or_dispute": "request_refund Refund_not_showing_up transaction_charged_twice",
    "security_and_fraud": "lost_or_stolen_card lost_or_stolen_phone compromised_card "
    "card_payment_not_recognised direct_debit_payment_not_recognised cash_withdrawal_not_recognised",
    "account_change": "edit_personal_details terminate_account",
    "other": "age_limit country_support card_acceptance visa_or_mastercard supported_cards_and_currencies",
}


THRESHOLD = 0.6


# the classifier


def test_the_same_text_gives_the_same_answer() -> None:
    """There is no chance in the stand-in."""
    assert classify("My card has not arrived") == classify("My card has not arrived")


def test_no_evidence_gives_other_with_little_confidence() -> None:
    """A text that the rules cannot read is never sure."""
    answer = classify("Jeg forstår det ikke")

    assert answer.category == "other"
    assert answer.confidence < 0.2


def test_two_topics_lower_the_confidence() -> None:
    """Evidence that points two ways leaves both in sight."""
    answer = classify("I forgot my passcode, and where is my refund?")

    assert {answer.category, answer.runner_up} == {"account_access", "refund_or_dispute"}
    assert answer.confidence < THRESHOLD < classify("I forgot my passcode").confidence


def test_hidden_characters_do_not_hide_the_topic() -> None:
    """Zero-width characters inside a word change nothing."""
    assert classify("re\u200bfu\u2060nd please") == classify("refund please")


def test_a_typographic_apostrophe_reads_like_a_plain_one() -> None:
    """What a phone's keyboard writes is understood."""
    assert classify("my card doesn\u2019t work") == classify("my card doesn't work")


@pytest.mark.parametrize("text", ["", " ", "a" * 200_000, "top " * 50_000, "\u202e", "\ufdfa" * 5_000])
def test_any_text_gets_shares_that_are_shares(text: str) -> None:
    """Confidence and runner-up lie in 0 to 1 and are ordered, whatever the text."""
    answer = classify(text)

    assert 0 < answer.runner_up_confidence <= answer.confidence <= 1


@pytest.fixture(scope="module")
def judged() -> list[tuple[float, bool]]:
    """Confidence and correctness for each of BANKING77's test questions."""
    coarse = {intent: category for category, intents in FOLDED.items() for intent in intents.split()}
    return [
        (answer.confidence, answer.category == coarse[m.extra["category"]])
        for m in read_messages(BANKING77)
        for answer in [classify(m.text)]
    ]


def share_right(judged: list[tuple[float, bool]]) -> float:
    return sum(right for _, right in judged) / len(judged)


@needs_banking77
def test_most_real_questions_are_classified_right(judged: list[tuple[float, bool]]) -> None:
    """Measured: 84% of BANKING77's test questions."""
    assert share_right(judged) > 0.80


@needs_banking77
def test_a_threshold_parts_the_real_questions(judged: list[tuple[float, bool]]) -> None:
    """Measured: 68% reach 0.6, so that a gate there neither waves all through nor asks about all."""
    assert 0.6 < sum(confidence >= THRESHOLD for confidence, _ in judged) / len(judged) < 0.75


@needs_banking77
def test_confidence_means_something(judged: list[tuple[float, bool]]) -> None:
    """Measured: 94% right at 0.6 and above, 63% below."""
    above = share_right([j for j in judged if j[0] >= THRESHOLD])
    below = share_right([j for j in judged if j[0] < THRESHOLD])

    assert above > 0.9
    assert below < 0.7


@needs_banking77
def test_confidence_is_near_the_share_that_is_right(judged: list[tuple[float, bool]]) -> None:
    """Measured: the mean confidence is 0.67 where 84% are right: modest, not boastful."""
    mean = sum(confidence for confidence, _ in judged) / len(judged)

    assert share_right(judged) - 0.25 < mean < share_right(judged)


def test_the_shipped_messages_fall_on_both_sides_of_a_threshold() -> None:
    """The default run shows messages that pass and messages that are asked about."""
    passed = [m for m in read_messages(None) if classify(m.text).confidence >= THRESHOLD]

    assert 0.5 < len(passed) / len(read_messages(None)) < 0.85


# the letters


TO = stand_ins.customer_address(7)


FEEDBACK = [None, "too long", "cold tone", "offer a person", "wrong amount"]


def test_the_notice_says_what_drafts() -> None:
    """The sentence that the command line prints."""
    assert stand_ins.STAND_IN_NOTICE == (
        "No OPENAI_API_KEY: replies are drafted by a rule-based stand-in, not by a model."
    )


def test_the_customers_address_comes_from_the_index() -> None:
    """The same message always has the same customer."""
    assert TO == "customer-7@example.com"


def test_each_category_has_its_own_letter() -> None:
    """No two categories share a text."""
    assert len({draft_reply("hi", category, to=TO)["body"] for category in CATEGORIES}) == len(CATEGORIES)


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_letter_has_two_to_four_sentences_of_help(category: str) -> None:
    """Enough to be useful, short enough to be read."""
    help_ = draft_reply("hi", category, to=TO)["body"].split("\n\n")[2]

    assert 2 <= len(re.findall(r"[.](?:\s|$)", help_)) <= 4


@pytest.mark.parametrize("category", CATEGORIES)
def test_no_letter_claims_an_act(category: str) -> None:
    """The stand-in looked at nothing and did nothing, and no letter says otherwise."""
    done = re.compile(
        r"\b(I|we) (have|had|just|already|did|'ve)\b|\bhas been\b|\bhave been\b|\bwe will\b", re.IGNORECASE
    )

    assert not [b for f in FEEDBACK if done.search(b := draft_reply("hi", category, f, to=TO)["body"])]


@pytest.mark.parametrize("category", CATEGORIES)
def test_feedback_changes_the_letter(category: str) -> None:
    """A rejected draft never comes back the same; each kind of reason gives another letter."""
    assert len({draft_reply("hi", category, f, to=TO)["body"] for f in FEEDBACK}) == len(FEEDBACK)


def test_blank_feedback_is_none() -> None:
    """A reason of spaces asks for nothing."""
    assert draft_reply("hi", "transfer", "  ", to=TO) == draft_reply("hi", "transfer", to=TO)


def test_a_shorter_letter_is_shorter() -> None:
    """The reviewer's wish is done, not just acknowledged."""
    text = "Where is my refund?"
    first, second = (draft_reply(text, "refund_or_dispute", f, to=TO)["body"] for f in (None, "Too long."))

    assert len(second) < len(first) / 1.5


def test_the_reviewers_words_stay_inside() -> None:
    """A reason is written for colleagues and never reaches the customer."""
    assert "liar" not in draft_reply("hi", "transfer", "He is a liar", to=TO)["body"]


def test_a_letter_quotes_the_customer_without_hidden_characters() -> None:
    """The quote cannot reverse, hide or colour anything in the letter."""
    body = draft_reply("pay \u202eolleh\u202c\x1b[31m \u200bnow\nplease", "transfer", to=TO)["body"]

    assert 'You wrote: "pay olleh [31m now please"' in body


def test_a_long_message_is_quoted_in_part() -> None:
    """The quote ends at a word and says that it ends."""
    body = draft_reply("word " * 500, "transfer", to=TO)["body"]

    assert 'word …"' in body
    assert len(body) < 800


def test_an_unknown_category_is_an_error() -> None:
    """There is no letter to fall back to without a word."""
    with pytest.raises(ValueError, match="category: 'cheese' has no letter"):
        draft_reply("hi", "cheese", to=TO)
