"""XML of platforms: what is read, what is refused, and that nobody's words can become XML of ours."""

import contextlib
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.xml import BadXml, parse, render, text

BOMB = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<xml><Content>&b;</Content></xml>"""
STEALING = b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><xml><Content>&f;</Content></xml>'


def test_nested_and_repeated_elements_are_kept() -> None:
    fields = parse(b"<xml><A>1</A><L><item><K>a</K></item><item><K>b</K></item></L></xml>")
    assert fields == {"A": "1", "L": {"item": [{"K": "a"}, {"K": "b"}]}}
    assert text(fields, "A") == "1" and text(fields, "L") == "" and text(fields, "missing") == ""


@pytest.mark.parametrize("body", [BOMB, STEALING, b"<!DOCTYPE xml><xml><A>1</A></xml>"])
def test_a_document_type_is_refused_before_anything_is_expanded(body: bytes) -> None:
    with pytest.raises(BadXml):
        parse(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"<xml>",
        b"<xml><A></xml>",
        b"\xff\xfe<xml/>",
        b"<xml>\x00</xml>",
        b"<xml>&nbsp;</xml>",
        b"<xml" + b"<a>" * 9000,
    ],
)
def test_what_is_no_xml_is_refused(body: bytes) -> None:
    with pytest.raises(BadXml):
        parse(body)


def test_a_body_may_be_neither_huge_nor_deep() -> None:
    with pytest.raises(BadXml):
        parse(b"<xml><A>" + b"a" * 1_000_000 + b"</A></xml>")
    with pytest.raises(BadXml):
        parse(b"<xml>" + b"<a>" * 2000 + b"</a>" * 2000 + b"</xml>")


@given(st.text())
def test_any_text_comes_back_as_text_and_adds_no_element(said: str) -> None:
    root = ElementTree.fromstring(render({"Content": said, "CreateTime": 1}))
    assert [child.tag for child in root] == ["Content", "CreateTime"]
    assert len(root[0]) == 0


def test_the_end_of_a_cdata_section_in_a_reply_stays_text() -> None:
    said = "a]]><Evil/>]]>]]]]>b"
    assert parse(render({"Content": said}).encode()) == {"Content": said}


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(BadXml):
        parse(body)
