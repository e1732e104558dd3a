"""The demo's messages and their reader: what is read, and what is refused by line and field."""

from __future__ import annotations

import csv
import json
import pickle
import unicodedata
from pathlib import Path

import pytest

from hitl_graph.demo import inbox_reader
from hitl_graph.demo.inbox_reader import MAX_FIELD_CHARS, SHIPPED_MESSAGES, InputError, read_messages
from hitl_graph.demo.stand_ins import CATEGORIES
from hitl_graph.errors import HitlError
from tests.unit.banking77 import BANKING77, needs_banking77


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
