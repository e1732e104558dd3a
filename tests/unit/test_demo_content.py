"""The demo's messages, its reader, its offline stand-ins and its mailbox."""

from __future__ import annotations

import csv
import json
import mailbox
import pickle
import re
import subprocess
import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from hitl_graph.demo import inbox_reader, maildir, stand_ins
from hitl_graph.demo.inbox_reader import MAX_FIELD_CHARS, SHIPPED_MESSAGES, InputError, read_messages
from hitl_graph.demo.stand_ins import CATEGORIES, classify, draft_reply
from hitl_graph.errors import HitlError

BANKING77 = Path(__file__).parents[3] / "shared" / "data" / "banking77" / "test.csv"

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

needs_banking77 = pytest.mark.skipif(
    not BANKING77.is_file(),
    reason="BANKING77's test.csv is not beside the project, under ../shared/data/banking77",
)


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refused(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        read_messages(path)
    return caught.value


# reading


def test_without_a_file_the_shipped_messages_are_read() -> None:
    """No path means the messages in the package, with their other keys kept."""
    messages = read_messages(None)

    assert len(messages) >= 60
    assert set(messages[0].extra) == {"category", "signals", "channel"}


def test_index_counts_messages_from_one() -> None:
    """The index is the message's place, whatever line it stands on."""
    assert [m.index for m in read_messages(None, limit=3)] == [1, 2, 3]


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_refused(limit: int) -> None:
    """A limit that would read nothing is an error, not an empty run."""
    with pytest.raises(InputError, match="give 1 or more"):
        read_messages(None, limit=limit)


def test_nothing_after_the_limit_is_looked_at(tmp_path: Path) -> None:
    """A bad row behind the limit does not stop a small trial run."""
    path = write(tmp_path, "m.jsonl", '{"text": "fine"}\nnot json\n')

    assert [m.text for m in read_messages(path, limit=1)] == ["fine"]


def test_csv_keeps_the_other_columns_as_text(tmp_path: Path) -> None:
    """Columns beside `text` come along under their names."""
    path = write(tmp_path, "m.csv", "id, text ,vip\n7,hello,yes\n")

    assert read_messages(path)[0].extra == {"id": "7", "vip": "yes"}


def test_csv_with_byte_order_mark_and_crlf(tmp_path: Path) -> None:
    """What Excel saves reads like any other file."""
    path = write(tmp_path, "M.CSV", b"\xef\xbb\xbftext,a\r\nhello,1\r\n\r\nbye,2\r\n")

    assert [(m.text, m.extra) for m in read_messages(path)] == [("hello", {"a": "1"}), ("bye", {"a": "2"})]


def test_csv_keeps_line_breaks_commas_and_quotes_inside_quotes(tmp_path: Path) -> None:
    """A quoted text survives to the character."""
    path = write(tmp_path, "m.csv", 'text\n"a, ""b""\r\n\nc"\n')

    assert read_messages(path)[0].text == 'a, "b"\r\n\nc'


def test_jsonl_keeps_other_values_as_their_json(tmp_path: Path) -> None:
    """Values that are no strings become their JSON, null becomes an empty string."""
    path = write(tmp_path, "m.jsonl", '\ufeff{"text": "x", "n": 1.50, "l": ["é"], "o": null, "s": "s"}\r\n')

    assert read_messages(path)[0].extra == {"n": "1.5", "l": '["é"]', "o": "", "s": "s"}


CSV, JSONL = "m.csv", "m.jsonl"


@pytest.mark.parametrize(
    ("name", "content", "line", "field", "says"),
    [
        pytest.param(CSV, "text,a\nfine,1\n  ,2\n", 3, "text", "is empty", id="empty text"),
        pytest.param(CSV, "text,a\n,\n", 2, "text", "is empty", id="a row of commas"),
        pytest.param(
            CSV, '\ntext\n"a\nb"\n""\n', 5, "text", "is empty", id="the line after a quoted line break"
        ),
        pytest.param(CSV, "body,who\nx,y\n", 1, None, "only 'body', 'who'", id="no text column"),
        pytest.param(CSV, "text;who\nx;y\n", 1, None, "separate the columns by commas", id="semicolons"),
        pytest.param(CSV, "text,text\nx,y\n", 1, "text", "twice", id="text column twice"),
        pytest.param(
            CSV, "text\nyes, please\n", 2, None, "has 2 fields, the header 1", id="comma without quotes"
        ),
        pytest.param(CSV, "text,a\nx\n", 2, None, "has 1 fields, the header 2", id="a field is missing"),
        pytest.param(CSV, 'text\nfine\n"open\nand on\n', 3, None, "never closed", id="open quote"),
        pytest.param(CSV, 'text\n"a"b\n', 2, None, "inside a quoted field", id="quote inside quotes"),
        pytest.param(CSV, "text\rfine\r", 1, None, "carriage return", id="old line ends"),
        pytest.param(CSV, "text\nfine\n" + "x" * 131_073, 3, None, "131,072", id="huge csv field"),
        pytest.param(CSV, "text\nfi\x00ne\n", 2, "text", "NUL", id="NUL in csv"),
        pytest.param(CSV, b"text\nfine\ncaf\xe9\n", 3, None, "byte 0xe9 at offset 13", id="latin-1"),
        pytest.param(
            CSV, b"\xef\xbb\xbft\xe9\n", 1, None, "byte 0xe9 at offset 4", id="latin-1 after a mark"
        ),
        pytest.param(CSV, "text\nx\n".encode("utf-16"), 1, None, "save the file as UTF-8", id="utf-16"),
        pytest.param(CSV, "", None, None, "holds no messages", id="empty csv"),
        pytest.param(CSV, "text\n\n", None, None, "holds no messages", id="header only"),
        pytest.param(JSONL, "", None, None, "holds no messages", id="empty jsonl"),
        pytest.param(JSONL, "\n \n", None, None, "holds no messages", id="blank lines only"),
        pytest.param(
            JSONL, '{"text": "a"}\n{"text": }\n', 2, None, "not valid JSON at column 10", id="bad json"
        ),
        pytest.param(JSONL, '{"text": "a"}\n\n["b"]\n', 3, None, "is a list", id="no object"),
        pytest.param(JSONL, '{"body": "a"}', 1, None, "only 'body'", id="no text key"),
        pytest.param(JSONL, "{}", 1, None, "only none at all", id="no keys"),
        pytest.param(JSONL, '{"text": 7}', 1, "text", "is a number", id="text is a number"),
        pytest.param(JSONL, '{"text": null}', 1, "text", "is null", id="text is null"),
        pytest.param(JSONL, '{"text": "\\n\\t"}', 1, "text", "is empty", id="white text"),
        pytest.param(JSONL, '{"text": "a\\u0000"}', 1, "text", "NUL", id="NUL in json"),
        pytest.param(
            JSONL, '{"text": "\\ud83d!"}', 1, "text", "lone surrogate (U+D83D)", id="lone surrogate"
        ),
        pytest.param(
            JSONL, '{"text": "a", "b": ["\\ud83d"]}', 1, "b", "surrogate", id="surrogate beside the text"
        ),
        pytest.param(JSONL, '{"text": "a", "\\ud83d": 1}', 1, "\ud83d", "surrogate", id="surrogate in a key"),
        pytest.param(JSONL, "[" * 100_000, 1, None, "cannot be read", id="deep nesting"),
        pytest.param(
            JSONL, '{"text": "a", "n": ' + "9" * 5_000 + "}", 1, None, "cannot be read", id="huge number"
        ),
        pytest.param(JSONL, b'{"text": "a"}\n\xff', 2, None, "offset 14", id="jsonl is not utf-8"),
        pytest.param(
            "m.txt", "x", None, None, "a .csv file with a header, or a .jsonl file", id="other ending"
        ),
        pytest.param("m", "x", None, None, "has no ending", id="no ending"),
    ],
)
def test_a_file_that_cannot_be_used_names_the_place(
    tmp_path: Path, name: str, content: str | bytes, line: int | None, field: str | None, says: str
) -> None:
    """Each broken file gives one InputError with the line, the field and what to do."""
    error = refused(write(tmp_path, name, content))

    assert (error.line, error.field) == (line, field)
    assert says in str(error)


def test_a_huge_json_text_is_refused(tmp_path: Path) -> None:
    """The limit on one field holds for .jsonl as it does for .csv."""
    path = write(tmp_path, JSONL, json.dumps({"text": "x" * (MAX_FIELD_CHARS + 1)}))

    assert "131,073 characters" in str(refused(path))


def test_a_line_that_never_ends_is_refused_without_reading_it_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file without line breaks cannot fill the memory."""
    monkeypatch.setattr(inbox_reader, "_MAX_LINE_BYTES", 100)

    assert "more than 100 bytes" in str(refused(write(tmp_path, JSONL, "[" + "1," * 100)))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The error says which file does not exist."""
    assert str(refused(tmp_path / "no.csv")) == f"{tmp_path / 'no.csv'}: does not exist"


def test_a_directory_is_refused(tmp_path: Path) -> None:
    """A folder with a fitting ending is no file of messages."""
    (tmp_path / "d.csv").mkdir()

    assert "is a directory" in str(refused(tmp_path / "d.csv"))


def test_input_error_is_an_error_of_this_library() -> None:
    """Catching HitlError is enough."""
    assert issubclass(InputError, HitlError)


def test_input_error_survives_a_process_boundary() -> None:
    """Its place is still there after pickling."""
    error = pickle.loads(pickle.dumps(InputError("m.csv", "is empty", 3, "text")))

    assert (error.path, error.problem, error.line, error.field) == ("m.csv", "is empty", 3, "text")


def test_an_error_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    """Escapes in a file's name and header are written out, not passed on."""
    assert "\x1b" not in str(refused(write(tmp_path, "\x1b[2J.csv", "\x1b[2J,b\nx,y\n")))


@needs_banking77
def test_all_of_banking77_is_read() -> None:
    """3,080 real customer questions, each text as the csv module alone reads it."""
    with BANKING77.open(encoding="utf-8", newline="") as handle:
        expected = [(row["text"], {"category": row["category"]}) for row in csv.DictReader(handle)]

    messages = read_messages(BANKING77)

    assert len(messages) == 3080
    assert [(m.text, m.extra) for m in messages] == expected


# the shipped messages


def test_every_category_has_shipped_messages() -> None:
    """A run without input shows every kind of work."""
    assert {m.extra["category"] for m in read_messages(None)} == set(CATEGORIES)


@pytest.mark.parametrize(
    "signal", ["ambiguous", "complaint", "hidden", "high_value", "language", "sensitive", "urgency"]
)
def test_every_signal_has_shipped_messages(signal: str) -> None:
    """A run without input has something to escalate, of each kind."""
    assert any(signal in m.extra["signals"].split(", ") for m in read_messages(None))


def test_no_shipped_message_is_there_twice() -> None:
    """Each message is its own."""
    texts = [m.text for m in read_messages(None)]

    assert len(set(texts)) == len(texts)


def test_the_shipped_file_shows_its_odd_characters_as_escapes() -> None:
    """An editor or `cat` cannot be fooled by the file itself; only its messages hold such characters."""
    raw = SHIPPED_MESSAGES.read_text(encoding="utf-8")
    hidden = {"Cc", "Cf", "Co"}

    assert not [c for c in raw if c != "\n" and unicodedata.category(c) in hidden]
    assert {"\u202e", "\u200b", "\x1b"} <= set("".join(m.text for m in read_messages(None)))


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


# the mailbox

EMAIL = {"to": "ana@example.com", "subject": "Your card", "body": "Hello,\n\nit is on its way.\n"}


def only_mail(folder: Path) -> EmailMessage:
    [path] = (folder / "new").iterdir()
    mail = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def test_a_sent_mail_is_what_was_given(tmp_path: Path) -> None:
    """Recipient, subject and body come back to the character."""
    maildir.send_into(tmp_path, EMAIL, "k1")

    mail = only_mail(tmp_path)
    assert {"to": mail["To"], "subject": mail["Subject"], "body": mail.get_content()} == EMAIL


def test_the_standard_library_reads_the_mailbox(tmp_path: Path) -> None:
    """The folder is a Maildir like any other."""
    message_id = maildir.send_into(tmp_path, EMAIL, "k1")

    box = mailbox.Maildir(tmp_path, create=False)
    assert [mail["Message-ID"] for mail in box] == [message_id]


def test_name_and_message_id_hold_the_key(tmp_path: Path) -> None:
    """A mail can be found by the review that sent it."""
    message_id = maildir.send_into(tmp_path, EMAIL, "Review-1")

    [path] = (tmp_path / "new").iterdir()
    assert message_id == "<hitl-Review-1@example.com>"
    assert "Review-1" in path.name
    assert path.suffix == ".eml"


def test_a_second_send_with_one_key_writes_nothing(tmp_path: Path) -> None:
    """The same key gives the same id and one mail, whatever the second says."""
    first = maildir.send_into(tmp_path, EMAIL, "k1")
    second = maildir.send_into(tmp_path, {**EMAIL, "subject": "Other"}, "k1")

    assert first == second
    assert only_mail(tmp_path)["Subject"] == "Your card"


def test_a_mail_that_its_reader_moved_is_not_sent_again(tmp_path: Path) -> None:
    """A mail program renames what was read; the key still counts as sent."""
    maildir.send_into(tmp_path, EMAIL, "k1")
    [path] = (tmp_path / "new").iterdir()
    path.rename(tmp_path / "cur" / f"{path.name}:2,S")

    maildir.send_into(tmp_path, EMAIL, "k1")

    assert maildir.count(tmp_path) == 1
    assert not list((tmp_path / "new").iterdir())


def test_a_process_killed_before_the_receipt_does_not_send_again(tmp_path: Path) -> None:
    """The mail itself, found under its name, is proof enough."""
    maildir.send_into(tmp_path, EMAIL, "k1")
    [receipt] = (tmp_path / "sent").iterdir()
    receipt.unlink()

    maildir.send_into(tmp_path, EMAIL, "k1")

    assert maildir.count(tmp_path) == 1


def test_a_killed_process_leaves_each_mail_whole_and_once(tmp_path: Path) -> None:
    """kill -9 in the middle of sending, then all keys again: one complete mail per key."""
    code = (
        "import itertools, pathlib, sys\n"
        "from hitl_graph.demo.maildir import send_into\n"
        "for n in itertools.count():\n"
        "    mail = {'to': 'a@example.com', 'subject': 's', 'body': 'b'}\n"
        "    send_into(pathlib.Path(sys.argv[1]), mail, f'k{n}')\n"
        "    print(n, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as sender:
        assert sender.stdout is not None
        sent = [sender.stdout.readline() for _ in range(20)]
        sender.kill()
        sent += sender.stdout.readlines()

    for number in range(len(sent) + 5):
        maildir.send_into(tmp_path, {"to": "a@example.com", "subject": "s", "body": "b"}, f"k{number}")

    bodies = [message_from_bytes(path.read_bytes()).get_payload() for path in (tmp_path / "new").iterdir()]
    assert bodies == ["b\n"] * (len(sent) + 5)


def test_eight_threads_with_one_key_send_one_mail(tmp_path: Path) -> None:
    """A race has one winner and no error."""
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: maildir.send_into(tmp_path, EMAIL, "k1"), range(32)))

    assert len(ids) == 1
    assert maildir.count(tmp_path) == 1


def test_no_draft_is_left_behind(tmp_path: Path) -> None:
    """What is being written lies in `tmp` and nowhere after."""
    maildir.send_into(tmp_path, EMAIL, "k1")

    assert not list((tmp_path / "tmp").iterdir())


def test_keys_that_differ_in_case_are_two_sends(tmp_path: Path) -> None:
    """Their names differ by more than case, for file systems that ignore it."""
    for key in ("a", "A"):
        maildir.send_into(tmp_path, EMAIL, key)

    assert len({path.name.lower() for path in (tmp_path / "new").iterdir()}) == 2


@pytest.mark.parametrize("key", ["../../etc/x", "/abs", ".", "..", "a:2,S", "a b", "ключ", "50%"])
def test_any_plain_key_stays_in_the_mailbox(tmp_path: Path, key: str) -> None:
    """A key is a name and never a path, and the standard library still finds the mail."""
    maildir.send_into(tmp_path / "box", EMAIL, key)

    assert [p.name for p in tmp_path.iterdir()] == ["box"]
    assert maildir.count(tmp_path / "box") == 1


@pytest.mark.parametrize("key", ["", "a\nb", "a\x00b", "\ud83d", "k" * 300])
def test_an_unusable_key_is_refused(tmp_path: Path, key: str) -> None:
    """The error names the key, and nothing is written."""
    with pytest.raises(ValueError, match="^key: "):
        maildir.send_into(tmp_path / "box", EMAIL, key)

    assert not (tmp_path / "box").exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("to", "ana@example.com\nBcc: eve@example.com"),
        ("to", "ana@example.com\r\n\r\nbody"),
        ("to", "ana@example.com, eve@example.com"),
        ("to", "ana@example.com;eve@example.com"),
        ("to", "=?utf-8?q?eve=40example=2Ecom=2C?= <ana@example.com>"),
        ("to", "group: ana@example.com;"),
        ("to", "ana@"),
        ("to", "ana"),
        ("to", ""),
        ("to", "ana@ex..com"),
        ("to", None),
        ("subject", "Hi\nBcc: eve@example.com"),
        ("subject", "Hi\rthere"),
        ("subject", "Hi\u2028there"),
        ("subject", "Hi\x85there"),
        ("subject", "=?utf-8?q?Hi=0ABcc=3A_eve?="),
        ("subject", "\ud83d"),
        ("subject", 7),
        ("body", "\ud83d"),
        ("body", "a\x00b"),
        ("cc", "eve@example.com"),
    ],
)
def test_a_field_that_would_send_something_else_is_refused(tmp_path: Path, field: str, value: object) -> None:
    """Injected headers, second recipients, characters that no mail carries: the error names the field."""
    with pytest.raises(ValueError, match=f"^{field}: "):
        maildir.send_into(tmp_path / "box", {**EMAIL, field: value}, "k1")  # type: ignore[dict-item]

    assert not (tmp_path / "box").exists()


def test_a_missing_field_is_named(tmp_path: Path) -> None:
    """An email without a body is not sent as an empty one."""
    with pytest.raises(ValueError, match="^body: "):
        maildir.send_into(tmp_path, {"to": "ana@example.com", "subject": "s"}, "k1")


def test_text_in_any_script_arrives(tmp_path: Path) -> None:
    """Names, subjects and bodies outside ASCII, and lines of any length, come back unchanged."""
    email = {
        "to": "Ana Núñez <ana@example.com>",
        "subject": "Ваша карта 🙂 " * 20 + "ok",
        "body": "Grüße\nFrom me\n.\n" + "é" * 3000 + "\n",
    }

    maildir.send_into(tmp_path, email, "k1")

    mail = only_mail(tmp_path)
    assert {"to": mail["To"], "subject": mail["Subject"], "body": mail.get_content()} == email


def test_an_absent_mailbox_holds_nothing(tmp_path: Path) -> None:
    """Counting makes no folder."""
    assert maildir.count(tmp_path / "box") == 0
    assert not (tmp_path / "box").exists()


def test_count_counts_read_and_unread(tmp_path: Path) -> None:
    """One mail per key."""
    for key in ("a", "b", "c"):
        maildir.send_into(tmp_path, EMAIL, key)

    assert maildir.count(tmp_path) == 3
