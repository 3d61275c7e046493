"""The XML of WeChat and WeCom: message bodies to plain dictionaries, answers to XML. No entity of a document type is ever expanded."""

import re
from collections.abc import Mapping
from typing import TypeAlias
from xml.etree import ElementTree

MAX_BYTES = 256 * 1024
MAX_DEPTH = 8

Fields: TypeAlias = "dict[str, str | Fields | list[str | Fields]]"
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class BadXml(Exception):
    """A body that is no XML that a platform would send."""


class _NoDoctype(ElementTree.TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise BadXml("XML 里不允许 DOCTYPE")


def parse(body: bytes, max_bytes: int = MAX_BYTES) -> Fields:
    """The children of the root element, by name; a name that comes twice is a list. Raises BadXml."""
    if len(body) > max_bytes:
        raise BadXml("XML 太大")
    parser = ElementTree.XMLParser(target=_NoDoctype())  # noqa: S314 - a DOCTYPE, which could define entities, is refused
    try:
        parser.feed(body)
        root = parser.close()
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise BadXml("不是有效的 XML") from error
    value = _value(root, 0)
    return value if isinstance(value, dict) else {}


def text(fields: Fields, name: str) -> str:
    """The text of the element `name`, empty when there is none."""
    value = fields.get(name, "")
    return value if isinstance(value, str) else ""


def render(fields: Mapping[str, object]) -> str:
    """`<xml>` with `fields`: numbers plain, text as CDATA, mappings and lists (of `item`) nested."""
    return f"<xml>{_elements(fields)}</xml>"


def _value(element: ElementTree.Element, depth: int) -> "str | Fields":
    if len(element) == 0:
        return (element.text or "").strip()
    if depth >= MAX_DEPTH:
        raise BadXml("XML 嵌套太深")
    fields: Fields = {}
    for child in element:
        value = _value(child, depth + 1)
        seen = fields.get(child.tag)
        if seen is None:
            fields[child.tag] = value
        elif isinstance(seen, list):
            seen.append(value)
        else:
            fields[child.tag] = [seen, value]
    return fields


def _elements(fields: Mapping[str, object]) -> str:
    return "".join(f"<{name}>{_content(value)}</{name}>" for name, value in fields.items())


def _content(value: object) -> str:
    if isinstance(value, Mapping):
        return _elements(value)
    if isinstance(value, (list, tuple)):
        return "".join(f"<item>{_content(item)}</item>" for item in value)
    if isinstance(value, int):
        return str(value)
    # A CDATA section ends at the first `]]>`, whoever wrote it.
    return f"<![CDATA[{_FORBIDDEN.sub('', str(value)).replace(']]>', ']]]]><![CDATA[>')}]]>"
