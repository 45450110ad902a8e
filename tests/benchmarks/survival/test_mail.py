"""Mails as documents: their text below three lines of the header."""

from benchmarks.survival.mail import text_of

PLAIN = b"From someone Thu Aug 22\nReceived: by a host\nFrom: A <a@example.org>\nSubject: =?x?= of\n two lines\n"


def test_of_a_mail_its_text_below_sender_subject_and_date() -> None:
    mail = (
        PLAIN + b"Date: Thu, 22 Aug\nContent-Type: text/plain; charset=utf-8\n\n> quoted \xc3\xa9\r\n\r\nOwn text.\n\n"
    )
    assert text_of(mail) == (
        "From: A <a@example.org>\nSubject: =?x?= of two lines\nDate: Thu, 22 Aug\n\n> quoted \u00e9\n\nOwn text."
    )


def test_the_first_part_of_plain_text_is_taken() -> None:
    parts = b'Content-Type: multipart/alternative; boundary="b"\n\n--b\nContent-Type: text/html\n\n<p>no</p>\n--b\n'
    text = b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\nWWVzLg==\n--b--\n"
    assert text_of(b"Subject: s\n" + parts + text) == "Subject: s\n\nYes."


def test_mails_without_text_that_can_be_read_are_none() -> None:
    assert text_of(PLAIN + b"Content-Type: text/html\n\n<p>no</p>") is None
    assert text_of(PLAIN + b"Content-Type: text/plain; charset=ascii\n\n\xff\xfe") is None
    assert text_of(PLAIN + b"Content-Type: text/plain; charset=no-such\n\ntext") is None
    assert text_of(PLAIN + b"\n \n") is None
