"""Workbooks from strangers: what stands in an .xlsx or .csv file, read without trusting it, and workbooks written without harm.

Reading streams the few parts of SpreadsheetML (ECMA-376 part 1, section 18) that hold values through defusedxml, with limits on everything
that can grow; formulas, macros and links are recognised and never evaluated, run or followed. That is four times as fast as openpyxl, which
builds a tree of every cell, and takes the strict variant and prefixed files too. Writing puts the same parts together.
"""

import csv
import io
import math
import posixpath
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import IntEnum
from functools import cached_property, lru_cache
from typing import TypeVar
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.saxutils import escape, quoteattr
from xml.sax.xmlreader import AttributesImpl

from defusedxml.common import DefusedXmlException
from defusedxml.expatreader import create_parser

MEGABYTE = 1 << 20
MAX_FILE = 5 * MEGABYTE
MAX_UNPACKED = 50 * MEGABYTE  # all parts of a workbook together
MAX_RATIO = 250  # a part of repeated rows packs about 1:40, a bomb 1:1000
MAX_PARTS = 2_000
MAX_ROWS = 5_050  # rows of a sheet that hold something
MAX_COLUMNS = 200
MAX_CELLS = 250_000  # of all sheets, counting each cell of a merged block
MAX_TEXT = 10_000_000  # characters in all cells; a shared string counts wherever it is used
MAX_CELL_TEXT, LAST_ROW = 32_767, 1_048_576  # Excel's own limits


class SpreadsheetError(Exception):
    """A file that is not taken at all. `str()` is what the user is told; `code` is for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Formula:
    """A cell that holds a formula. Its result is not known: what the file says it was is not trusted."""

    text: str


# True and False are read as TRUE and FALSE, as Excel shows them.
Value = str | int | float | Decimal | date | datetime | Formula


@dataclass(frozen=True)
class Block:
    """A block of merged cells; rows from 1, columns from 0, both ends included."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def size(self) -> int:
        return max(self.bottom - self.top + 1, 0) * max(self.right - self.left + 1, 0)


@dataclass(frozen=True)
class Sheet:
    """The values of one sheet: row number (from 1, as Excel shows it) → column (from 0) → value. Empty rows and cells are left out."""

    name: str
    rows: dict[int, dict[int, Value]]
    blocks: tuple[Block, ...] = ()
    hidden_rows: frozenset[int] = frozenset()
    epoch: date = date(1899, 12, 30)
    block_of: dict[tuple[int, int], Block] = field(default_factory=dict, repr=False)

    @cached_property
    def width(self) -> int:
        """How many columns there are, up to the last that holds something."""
        return max((column for row in self.rows.values() for column in row), default=-1) + 1

    def value(self, row: int, column: int) -> Value | None:
        """The cell's value; anywhere in a merged block, the block's."""
        block = self.block_of.get((row, column))
        if block is not None:
            row, column = block.top, block.left
        return self.rows.get(row, {}).get(column)

    def moment(self, serial: float) -> datetime | None:
        """The moment that Excel keeps as `serial` days in this file, or None when it keeps none."""
        return _moment(serial, self.epoch)


@dataclass(frozen=True)
class Workbook:
    """The visible sheets of a file, and what the user should know about parts that were left aside."""

    sheets: tuple[Sheet, ...]
    notes: tuple[str, ...] = ()


def read(data: bytes, filename: str) -> Workbook:
    """What stands in `data`. The content decides what it is; `filename` only tells a text file from other files without a signature.

    Raises SpreadsheetError: empty, too_large, password, old_format, wrong_type, damaged, unsafe, too_many_rows, too_many_columns, too_many_cells.
    """
    if not data:
        raise SpreadsheetError("empty", "文件是空的,请选对文件再上传。")
    if len(data) > MAX_FILE:
        raise SpreadsheetError(
            "too_large", f"文件太大:最多 {MAX_FILE // MEGABYTE} MB。请只留下名单那一张工作表再上传。"
        )
    if data.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        raise _compound_file(data)
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _Package(data).workbook()
    if filename.lower().endswith((".csv", ".txt")):
        return _read_csv(data)
    raise SpreadsheetError("wrong_type", "这不是 Excel 表格。请上传 .xlsx 文件(或 .csv 文件),不要只改文件名的后缀。")


def _compound_file(data: bytes) -> SpreadsheetError:
    """OLE containers: an encrypted workbook is one, and so are the formats before 2007."""
    if "EncryptedPackage".encode("utf-16-le") in data:
        return SpreadsheetError(
            "password", "文件有密码,打不开。请在 Excel 里取消密码(文件 → 信息 → 保护工作簿),保存后再上传。"
        )
    if any(name.encode("utf-16-le") in data for name in ("Workbook", "Book")):
        return SpreadsheetError("old_format", "这是旧格式(.xls)的表格。请在 Excel 或 WPS 里“另存为”.xlsx 再上传。")
    return SpreadsheetError("wrong_type", "这不是 Excel 表格。请上传 .xlsx 文件(或 .csv 文件)。")


# -- text files ----------------------------------------------------------------------------------------------------


def _read_csv(data: bytes) -> Workbook:
    text = _decode(data)
    start = text[:4_000]
    delimiter = max(",\t;", key=start.count)
    if delimiter not in start:
        delimiter = "，"
    budget, rows = _Budget(), {}
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), 1):
            row = {i: _from_text(cell.strip()) for i, cell in enumerate(cells) if cell.strip()}
            if row:
                rows[number] = row
                budget.row("文件", len(rows))
            for column, value in row.items():
                budget.cell(column, value)
    except csv.Error as error:
        raise SpreadsheetError(
            "damaged", "这个 .csv 文件读不通:可能有引号没有成对。请用 Excel 打开后另存为 .xlsx。"
        ) from error
    return Workbook((Sheet("csv", rows),))


def _decode(data: bytes) -> str:
    for start, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"", "utf-8-sig"), (b"", "gb18030")):
        if data.startswith(start):
            try:
                text = data.decode(encoding)
            except UnicodeDecodeError:
                continue
            if not re.search(r"[\x00-\x08\x0e-\x1f]", text):
                return text
    raise SpreadsheetError("wrong_type", "这个文件不是文字表格(.csv)。请用 Excel 打开名单,另存为 .xlsx 再上传。")


def _from_text(text: str) -> Value:
    """A number only where nothing is lost by it: '007' and '1.50' stay text."""
    if text.startswith("="):
        return Formula(text)
    if len(text) <= 15 and re.fullmatch(r"-?\d+(\.\d+)?", text):
        number = float(text) if "." in text else int(text)
        if str(number) == text:
            return number
    return text


# -- workbooks -----------------------------------------------------------------------------------------------------


class _Budget:
    """What is left of the limits that hold for a whole file."""

    def __init__(self) -> None:
        self.cells, self.text = MAX_CELLS, MAX_TEXT

    def row(self, sheet: str, count: int) -> None:
        if count > MAX_ROWS:
            raise SpreadsheetError(
                "too_many_rows", f"行数太多:“{sheet[:31]}”有内容的行超过了 {MAX_ROWS:,} 行。请分成几个文件上传。"
            )

    def cell(self, column: int, value: Value) -> None:
        if column >= MAX_COLUMNS:
            raise SpreadsheetError("too_many_columns", f"列数太多:最多 {MAX_COLUMNS} 列。请删掉用不到的列再上传。")
        self.spend(1, len(value) if isinstance(value, str) else 0)

    def spend(self, cells: int, text: int = 0) -> None:
        self.cells -= cells
        self.text -= text
        if self.cells < 0 or self.text < 0:
            raise SpreadsheetError("too_many_cells", "表格内容太多。请只留下名单那一张工作表和用得到的列再上传。")


_H = TypeVar("_H", bound=ContentHandler)


class _Package:
    """The parts of an .xlsx file, each read at most as far as the limits allow."""

    def __init__(self, data: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise _damaged() from error
        members = self._zip.infolist()
        if (
            len(members) > MAX_PARTS
            or sum(m.file_size for m in members) > MAX_UNPACKED
            or any(m.file_size > MEGABYTE and m.file_size > MAX_RATIO * m.compress_size for m in members)
        ):
            raise _bomb()
        if any(m.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for m in members):
            raise _damaged()
        if any(m.flag_bits & 1 for m in members):
            raise SpreadsheetError("password", "文件有密码,打不开。请取消密码后再上传。")
        self._parts = {m.filename.replace("\\", "/").lower(): m for m in members}
        self._unpacked = 0
        self._budget = _Budget()

    def workbook(self) -> Workbook:
        main = self._related("").get("officeDocument", "xl/workbook.xml")
        if main.lower() not in self._parts or main.lower().endswith(".bin"):
            raise self._another_format()
        book = self._read(main, _BookHandler())
        targets = self._relations(main)
        kinds = self._related(main)
        strings = self._read(kinds["sharedStrings"], _StringsHandler()).strings if "sharedStrings" in kinds else []
        dates = self._read(kinds["styles"], _StylesHandler()).date_styles() if "styles" in kinds else frozenset()
        sheets, hidden = [], []
        for name, relation, state in book.sheets:
            kind, target = targets.get(relation, ("", ""))
            if kind != "worksheet" or target.lower() not in self._parts:
                continue
            if state != "visible":
                hidden.append(name)
                continue
            sheets.append(self._read(target, _SheetHandler(name, strings, dates, book.epoch, self._budget)).sheet())
        return Workbook(tuple(sheets), tuple(self._notes(hidden)))

    def _notes(self, hidden: Sequence[str]) -> Iterator[str]:
        if any(part.endswith("vbaproject.bin") or "/macrosheets/" in part for part in self._parts):
            yield "文件里有宏(自动运行的程序),没有运行,也不会放进结果文件。"
        if any(part.startswith("xl/externallinks/") for part in self._parts):
            yield "文件里有指向别的文件的链接,没有打开。"
        if hidden:
            yield f"隐藏的工作表没有读:{'、'.join(name[:31] for name in hidden[:5])}。"

    def _another_format(self) -> SpreadsheetError:
        parts = set(self._parts)
        if "xl/workbook.bin" in parts:
            kind = "这是 .xlsb 格式的表格。"
        elif "content.xml" in parts:
            kind = "这是 .ods 格式的表格。"
        elif any(p.startswith("word/") for p in parts):
            kind = "这是 Word 文档,不是表格。"
        else:
            kind = "这不是 Excel 表格。"
        return SpreadsheetError("wrong_type", f"{kind}请用 Excel 或 WPS 把名单另存为 .xlsx 再上传。")

    def _relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Relation id → kind and target, of those inside the package."""
        folder, name = posixpath.split(part)
        listing = posixpath.join(folder, "_rels", f"{name}.rels")
        if listing.lower() not in self._parts:
            return {}
        found = self._read(listing, _RelationsHandler()).found
        return {
            i: (kind, posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")) for i, kind, target in found
        }

    def _related(self, part: str) -> dict[str, str]:
        return {kind: target for kind, target in self._relations(part).values() if target.lower() in self._parts}

    def _read(self, part: str, handler: _H) -> _H:
        parser = create_parser(forbid_dtd=True)
        parser.setContentHandler(handler)
        try:
            with self._zip.open(self._parts[part.lower()]) as stream:
                while chunk := stream.read(65_536):
                    self._unpacked += len(chunk)
                    if self._unpacked > MAX_UNPACKED:
                        raise _bomb()
                    parser.feed(chunk)
            parser.close()
        except DefusedXmlException as error:
            raise SpreadsheetError(
                "unsafe", "文件里有不安全的内容(实体定义),没有读。请用 Excel 或 WPS 重新保存后再上传。"
            ) from error
        except (
            SAXParseException,
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            ValueError,
            LookupError,
            NotImplementedError,
        ) as error:
            raise _damaged() from error
        return handler


def _damaged() -> SpreadsheetError:
    return SpreadsheetError("damaged", "文件不完整或已损坏,打不开。请重新保存或重新下载后再上传。")


def _bomb() -> SpreadsheetError:
    return SpreadsheetError(
        "too_large", f"文件解开后太大(最多 {MAX_UNPACKED // MEGABYTE} MB)。请把名单复制到一张新的工作表里再上传。"
    )


def _local(name: str) -> str:
    """Some programs write <x:row> for <row>."""
    return name.rpartition(":")[2] if ":" in name else name


def _attributes(raw: AttributesImpl) -> dict[str, str]:
    return {_local(name): value for name, value in raw.items()}


class _RelationsHandler(ContentHandler):
    def __init__(self) -> None:
        self.found: list[tuple[str, str, str]] = []

    def startElement(self, name: str, attrs: AttributesImpl) -> None:
        if _local(name) == "Relationship" and attrs.get("TargetMode") != "External":
            self.found.append((attrs.get("Id", ""), attrs.get("Type", "").rpartition("/")[2], attrs.get("Target", "")))


class _BookHandler(ContentHandler):
    """Section 18.2: the sheets with relation id and visibility, and where days are counted from."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, str, str]] = []
        self.epoch = date(1899, 12, 30)

    def startElement(self, name: str, attrs: AttributesImpl) -> None:
        tag, given = _local(name), _attributes(attrs)
        if tag == "sheet":
            self.sheets.append((given.get("name", ""), given.get("id", ""), given.get("state", "visible")))
        elif tag == "workbookPr" and given.get("date1904") in ("1", "true"):
            self.epoch = date(1904, 1, 1)


class _StylesHandler(ContentHandler):
    """Section 18.8: which cell styles show a date."""

    # Number formats that every program knows, among them the Chinese ones (section 18.8.30, zh-cn).
    BUILT_IN = frozenset({14, 15, 16, 17, 22, *range(27, 32), 36, *range(50, 55), 57, 58})
    LITERAL = re.compile(r'"[^"]*"|\\.|_.|\[[^\]]*\]')

    def __init__(self) -> None:
        self._own: dict[str, bool] = {}
        self._styles: list[str] = []
        self._inside = False

    def startElement(self, name: str, attrs: AttributesImpl) -> None:
        tag = _local(name)
        if tag == "numFmt":
            code = self.LITERAL.sub("", attrs.get("formatCode", "")).split(";")[0].lower()
            self._own[attrs.get("numFmtId", "")] = "general" not in code and bool(re.search("[yd]", code))
        elif tag == "cellXfs":
            self._inside = True
        elif tag == "xf" and self._inside:
            self._styles.append(attrs.get("numFmtId", "0"))

    def endElement(self, name: str) -> None:
        if _local(name) == "cellXfs":
            self._inside = False

    def date_styles(self) -> frozenset[str]:
        known = {str(i): True for i in self.BUILT_IN} | self._own
        return frozenset(str(i) for i, number_format in enumerate(self._styles) if known.get(number_format))


class _TextHandler(ContentHandler):
    """Collects the text of elements that hold some; what is said of pronunciation (rPh) is no part of it."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._open = self._phonetic = False

    def characters(self, content: str) -> None:
        if self._open:
            self._text.append(content)

    def _take(self) -> str:
        text = "".join(self._text)
        self._text.clear()
        return text


class _StringsHandler(_TextHandler):
    """Section 18.4: the strings that cells share."""

    def __init__(self) -> None:
        super().__init__()
        self.strings: list[str] = []

    def startElement(self, name: str, attrs: AttributesImpl) -> None:
        tag = _local(name)
        if tag == "rPh":
            self._phonetic = True
        elif tag == "t":
            self._open = not self._phonetic

    def endElement(self, name: str) -> None:
        tag = _local(name)
        if tag == "t":
            self._open = False
        elif tag == "rPh":
            self._phonetic = False
        elif tag == "si":
            self.strings.append(_unescaped(self._take()))


class _SheetHandler(_TextHandler):
    """Section 18.3: rows, cells and merged blocks of a sheet."""

    def __init__(self, name: str, strings: Sequence[str], dates: frozenset[str], epoch: date, budget: _Budget) -> None:
        super().__init__()
        self._name, self._strings, self._dates, self._epoch, self._budget = name, strings, dates, epoch, budget
        self._rows: dict[int, dict[int, Value]] = {}
        self._hidden: set[int] = set()
        self._ranges: list[str] = []
        self._block_of: dict[tuple[int, int], Block] = {}
        self._row = self._column = 0
        self._type = self._style = ""
        self._formula: str | None = None
        self._raw: str | None = None

    def startElement(self, name: str, attrs: AttributesImpl) -> None:
        tag = _local(name)
        if tag == "c":
            place = attrs.get("r")
            self._column = _column(place) if place else self._column + 1
            self._type, self._style = attrs.get("t", "n"), attrs.get("s", "0")
            self._formula = self._raw = None
        elif tag in ("v", "f"):
            self._open = True
        elif tag == "t":
            self._open = not self._phonetic
        elif tag == "rPh":
            self._phonetic = True
        elif tag == "row":
            self._row = int(attrs["r"]) if "r" in attrs else self._row + 1
            if not 1 <= self._row <= LAST_ROW:
                raise ValueError(self._row)
            self._column = -1
            if attrs.get("hidden") in ("1", "true"):
                self._hidden.add(self._row)
        elif tag == "mergeCell":
            self._ranges.append(attrs.get("ref", ""))

    def endElement(self, name: str) -> None:
        tag = _local(name)
        if tag == "c":
            self._keep()
        elif tag == "v":
            self._open, self._raw = False, self._take()
        elif tag == "f":
            self._open, self._formula = False, self._take()
        elif tag == "t":
            self._open = False
        elif tag == "is":
            self._raw = self._take()
        elif tag == "rPh":
            self._phonetic = False

    def _keep(self) -> None:
        value: Value | None
        if self._formula is not None:
            value = Formula(f"={self._formula}")
        else:
            value = self._value(self._raw) if self._raw else None
        if value is None:
            return
        row = self._rows.get(self._row)
        if row is None:
            row = self._rows[self._row] = {}
            self._budget.row(self._name, len(self._rows))
        row[self._column] = value
        self._budget.cell(self._column, value)

    def _value(self, raw: str) -> Value | None:
        if self._type == "s":
            index = int(raw)
            if index < 0:
                raise ValueError(index)
            return self._strings[index].strip() or None
        if self._type == "n":
            number = _number(raw)
            if self._style in self._dates and not isinstance(number, str):
                moment = _moment(number, self._epoch)
                return number if moment is None else _day_or_moment(moment)
            return number
        if self._type == "b":
            return "TRUE" if raw == "1" else "FALSE"
        if self._type == "d":
            try:
                return _day_or_moment(datetime.fromisoformat(raw.rstrip("Z")))
            except ValueError:
                return raw
        return _unescaped(raw).strip() or None

    def endDocument(self) -> None:
        last_row = max(self._rows, default=0)
        last_column = max((c for row in self._rows.values() for c in row), default=-1)
        for reference in self._ranges:
            first, _, last = reference.partition(":")
            last = last or first
            block = Block(_row(first), _column(first), min(_row(last), last_row), min(_column(last), last_column))
            self._budget.spend(1 + block.size)
            cells = [(r, c) for r in range(block.top, block.bottom + 1) for c in range(block.left, block.right + 1)]
            if len(cells) > 1 and not any(cell in self._block_of for cell in cells):
                self._block_of.update(dict.fromkeys(cells, block))

    def sheet(self) -> Sheet:
        return Sheet(
            self._name,
            {number: self._rows[number] for number in sorted(self._rows)},
            tuple(dict.fromkeys(self._block_of.values())),
            frozenset(self._hidden & self._rows.keys()),
            self._epoch,
            self._block_of,
        )


_REFERENCE = re.compile(r"\$?([A-Z]{1,3})\$?([1-9]\d{0,6})")


def _reference(reference: str) -> re.Match[str]:
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise ValueError(reference)
    return match


def _row(reference: str) -> int:
    return int(_reference(reference)[2])


@lru_cache(maxsize=20_000)
def _column(reference: str) -> int:
    """The column of a cell reference, from 0."""
    index = 0
    for letter in _reference(reference)[1]:
        index = index * 26 + ord(letter) - 64
    return index - 1


def column_letters(column: int) -> str:
    """The letters Excel shows above `column` (from 0)."""
    letters = ""
    column += 1
    while column:
        column, letter = divmod(column - 1, 26)
        letters = chr(65 + letter) + letters
    return letters


def _number(raw: str) -> int | float | str:
    """The number that `raw` writes; text that writes none, or one that no sheet can hold, stays text."""
    try:
        number = float(raw)
    except ValueError:
        return raw.strip()
    if not math.isfinite(number):
        return raw.strip()
    return int(number) if number.is_integer() and abs(number) < 1e15 else number


@lru_cache(maxsize=10_000)
def _moment(serial: float, epoch: date) -> datetime | None:
    if not 1 <= serial < 2_958_466:  # 9999-12-31 is the last day Excel knows
        return None
    # Excel takes 1900 for a leap year, so its first 60 days are one further on.
    early = epoch.year == 1899 and serial < 60
    try:
        exact = datetime.combine(epoch, time()) + timedelta(days=serial + early)
    except OverflowError:
        return None
    return (exact + timedelta(milliseconds=500)).replace(microsecond=0)


def _day_or_moment(moment: datetime) -> date | datetime:
    return moment.date() if moment.time() == time() else moment


def _unescaped(text: str) -> str:
    """Section 22.9.2.19: _x000D_ stands for the character of that number. Those that no text can hold are left out."""
    if "_x" not in text:
        return text
    return _NOT_XML.sub("", re.sub(r"_x([0-9A-Fa-f]{4})_", lambda match: chr(int(match[1], 16)), text))


_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


# -- writing -------------------------------------------------------------------------------------------------------


class Look(IntEnum):
    """How a written cell looks; the number is its style in styles.xml."""

    PLAIN = 0
    HEADER = 1
    RESULT_HEADER = 2
    WRAPPED = 3
    DAY = 4
    MOMENT = 5
    FAINT = 6
    TITLE = 7
    MONEY = 8


@dataclass(frozen=True)
class Cell:
    value: Value | None
    look: Look


Row = Mapping[int, Value | Cell | None]


@dataclass(frozen=True)
class NewSheet:
    """A sheet to write. `rows` comes in order of row number; `choices` are the drop-downs of columns, in rows `choices_from` to `choices_to`."""

    name: str
    rows: Iterable[tuple[int, Row]]
    widths: Mapping[int, float] = field(default_factory=dict)
    blocks: Sequence[Block] = ()
    frozen_rows: int = 0
    choices: Mapping[int, Sequence[str]] = field(default_factory=dict)
    choices_from: int = 1
    choices_to: int = 1


def harmless(text: str) -> str:
    """`text` such that no program takes it for a formula, not even after it was saved as .csv: an apostrophe before = + - @, tab and CR.

    Also in full width, behind spaces and behind invisible characters; characters that XML cannot hold are left out.
    """
    text = _NOT_XML.sub("", text)[: MAX_CELL_TEXT - 1]
    start = unicodedata.normalize("NFKC", _BLANK_START.sub("", text)[:1])
    return f"'{text}" if text.startswith(("\t", "\r")) or start.startswith(("=", "+", "-", "@")) else text


_BLANK_START = re.compile(r"^[\s\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]+")


def write(sheets: Sequence[NewSheet]) -> bytes:
    """An .xlsx file of `sheets`. Text is written as text (harmless), numbers as numbers; nothing in it is a formula or a link.

    The same sheets give the same bytes: the file carries no time.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _parts(sheets):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return packed.getvalue()


_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_CONTENT = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def _parts(sheets: Sequence[NewSheet]) -> Iterator[tuple[str, str]]:
    numbers = range(1, len(sheets) + 1)
    overrides = "".join(
        f'<Override PartName="/xl/{name}.xml" ContentType="{_CONTENT}.{kind}+xml"/>'
        for name, kind in [
            ("workbook", "sheet.main"),
            ("styles", "styles"),
            *((f"worksheets/sheet{n}", "worksheet") for n in numbers),
        ]
    )
    yield (
        "[Content_Types].xml",
        f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.'
        f'relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>',
    )
    yield "_rels/.rels", _relationships([("officeDocument", "xl/workbook.xml")])
    listed = "".join(
        f'<sheet name={quoteattr(sheet.name)} sheetId="{n}" r:id="rId{n}"/>' for n, sheet in zip(numbers, sheets)
    )
    yield (
        "xl/workbook.xml",
        f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_RELATION}"><sheets>{listed}</sheets></workbook>',
    )
    yield (
        "xl/_rels/workbook.xml.rels",
        _relationships([*(("worksheet", f"worksheets/sheet{n}.xml") for n in numbers), ("styles", "styles.xml")]),
    )
    yield "xl/styles.xml", _styles_xml()
    for n, sheet in zip(numbers, sheets):
        yield f"xl/worksheets/sheet{n}.xml", _sheet_xml(sheet)


def _relationships(targets: Sequence[tuple[str, str]]) -> str:
    inside = "".join(
        f'<Relationship Id="rId{n}" Type="{_RELATION}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(targets, 1)
    )
    return f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{inside}</Relationships>'


_FONT = '<name val="宋体"/>'
_FONTS = (
    f'<font><sz val="11"/>{_FONT}</font>',
    f'<font><b/><sz val="11"/>{_FONT}</font>',
    f'<font><i/><sz val="11"/><color rgb="FF6B6B6B"/>{_FONT}</font>',
    f'<font><b/><sz val="14"/>{_FONT}</font>',
)
_FILLS = (
    '<fill><patternFill patternType="none"/></fill>',
    '<fill><patternFill patternType="gray125"/></fill>',  # Excel takes the first two for these, whatever stands here
    '<fill><patternFill patternType="solid"><fgColor rgb="FFDCE9F5"/></patternFill></fill>',
    '<fill><patternFill patternType="solid"><fgColor rgb="FFE4F1E1"/></patternFill></fill>',
)
_DAY_FORMAT, _MOMENT_FORMAT, _MONEY_FORMAT = 164, 165, 4
# Number format, font, fill, and whether long text goes on in a second line.
_LOOKS: Mapping[Look, tuple[int, int, int, bool]] = {
    Look.PLAIN: (0, 0, 0, False),
    Look.HEADER: (0, 1, 2, True),
    Look.RESULT_HEADER: (0, 1, 3, True),
    Look.WRAPPED: (0, 0, 0, True),
    Look.DAY: (_DAY_FORMAT, 0, 0, False),
    Look.MOMENT: (_MOMENT_FORMAT, 0, 0, False),
    Look.FAINT: (0, 2, 0, False),
    Look.TITLE: (0, 3, 0, False),
    Look.MONEY: (_MONEY_FORMAT, 0, 0, False),
}


def _styles_xml() -> str:
    styles = "".join(
        f'<xf numFmtId="{number}" fontId="{font}" fillId="{fill}" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1" applyFill="1" '
        f'applyAlignment="1"><alignment vertical="top" wrapText="{wrap:d}"/></xf>'
        for _, (number, font, fill, wrap) in sorted(_LOOKS.items())
    )
    return (
        f'{_HEAD}<styleSheet xmlns="{_MAIN}"><numFmts count="2"><numFmt numFmtId="{_DAY_FORMAT}" formatCode="yyyy\\-mm\\-dd"/>'
        f'<numFmt numFmtId="{_MOMENT_FORMAT}" formatCode="yyyy\\-mm\\-dd\\ hh:mm"/></numFmts>'
        f'<fonts count="{len(_FONTS)}">{"".join(_FONTS)}</fonts><fills count="{len(_FILLS)}">{"".join(_FILLS)}</fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        f'<cellXfs count="{len(_LOOKS)}">{styles}</cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )


def _sheet_xml(sheet: NewSheet) -> str:
    pieces = [f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">']
    if sheet.frozen_rows:
        pieces.append(
            f'<pane ySplit="{sheet.frozen_rows}" topLeftCell="A{sheet.frozen_rows + 1}" activePane="bottomLeft" state="frozen"/>'
        )
    pieces.append("</sheetView></sheetViews>")
    if sheet.widths:
        columns = (
            f'<col min="{c + 1}" max="{c + 1}" width="{w}" customWidth="1"/>' for c, w in sorted(sheet.widths.items())
        )
        pieces.append(f"<cols>{''.join(columns)}</cols>")
    pieces.append("<sheetData>")
    letters = [column_letters(c) for c in range(MAX_COLUMNS + 20)]
    known: dict[str, str] = {}
    for number, row in sheet.rows:
        pieces.append(f'<row r="{number}">')
        pieces.extend(_cell_xml(f"{letters[column]}{number}", row[column], known) for column in sorted(row))
        pieces.append("</row>")
    pieces.append("</sheetData>")
    if sheet.blocks:
        merged = (f'<mergeCell ref="{letters[b.left]}{b.top}:{letters[b.right]}{b.bottom}"/>' for b in sheet.blocks)
        pieces.append(f'<mergeCells count="{len(sheet.blocks)}">{"".join(merged)}</mergeCells>')
    if sheet.choices:
        rules = (
            f'<dataValidation type="list" allowBlank="1" showErrorMessage="1" errorTitle="请从列表里选" '
            f'sqref="{letters[c]}{sheet.choices_from}:{letters[c]}{sheet.choices_to}"><formula1>"{escape(",".join(options))}"</formula1></dataValidation>'
            for c, options in sorted(sheet.choices.items())
        )
        pieces.append(f'<dataValidations count="{len(sheet.choices)}">{"".join(rules)}</dataValidations>')
    pieces.append("</worksheet>")
    return "".join(pieces)


_DAY_ZERO = datetime(1899, 12, 30)


def _cell_xml(place: str, given: Value | Cell | None, known: dict[str, str]) -> str:
    """One cell; `known` keeps what a sheet's texts become, for most are repeated."""
    value, look = (given.value, int(given.look)) if isinstance(given, Cell) else (given, 0)
    if isinstance(value, date):
        days = _days(value)
        if days:
            look = int(Look.MOMENT if isinstance(value, datetime) else Look.DAY)
            return f'<c r="{place}" s="{look}"><v>{days}</v></c>'
        value = str(value)
    elif isinstance(value, Formula):
        value = value.text
    if isinstance(value, str):
        text = known.get(value)
        if text is None:
            text = known[value] = escape(re.sub(r"_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", harmless(value)))
        return f'<c r="{place}" s="{look}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
    return f'<c r="{place}" s="{look}"/>' if value is None else f'<c r="{place}" s="{look}"><v>{value}</v></c>'


@lru_cache(maxsize=10_000)
def _days(moment: date) -> str:
    """The number that Excel keeps for `moment`; '' before March 1900, where its days differ from everyone's."""
    exact = moment if isinstance(moment, datetime) else datetime.combine(moment, time())
    days = (exact - _DAY_ZERO) / timedelta(days=1)
    return f"{days:.17g}" if days >= 61 else ""
