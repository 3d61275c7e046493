"""Files from strangers: what is read of them, what is refused with which words, and that nothing written is ever evaluated."""

import io
import re
import zipfile
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_kb.rules import spreadsheet
from policy_kb.rules.spreadsheet import (
    Block,
    Cell,
    Formula,
    Look,
    NewSheet,
    SpreadsheetError,
    column_letters,
    harmless,
    read,
    write,
)

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(40)
SHEET = "xl/worksheets/sheet1.xml"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def made_by_excel(rows: Iterable[Sequence[object]], change: Callable[[openpyxl.Workbook], None] | None = None) -> bytes:
    """An .xlsx file as another program writes it."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    if change:
        change(book)
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


def repacked(data: bytes, parts: dict[str, Callable[[str], str] | bytes], leave_out: str = "") -> bytes:
    """`data` with some parts changed or added."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in {*old.namelist(), *parts} - {leave_out}:
            change = parts.get(name)
            if isinstance(change, bytes):
                new.writestr(name, change)
            else:
                text = old.read(name).decode()
                new.writestr(name, change(text) if change else text)
    return packed.getvalue()


def with_shared_strings(data: bytes) -> bytes:
    """`data` with its texts in a part of their own, as Excel keeps them."""
    strings: dict[str, int] = {}

    def shared(text: str) -> str:
        return re.sub(
            r' t="inlineStr"><is>(.*?)</is>',
            lambda m: f' t="s"><v>{strings.setdefault(m[1], len(strings))}</v>',
            text,
            flags=re.S,
        )

    def related(text: str) -> str:
        kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
        return text.replace(
            "</Relationships>", f'<Relationship Id="s" Type="{kind}" Target="sharedStrings.xml"/></Relationships>'
        )

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sheet = shared(archive.read(SHEET).decode())
    listed = f'<sst xmlns="{MAIN}">{"".join(f"<si>{text}</si>" for text in strings)}</sst>'
    return repacked(
        data, {SHEET: sheet.encode(), "xl/sharedStrings.xml": listed.encode(), "xl/_rels/workbook.xml.rels": related}
    )


def refused(data: bytes, filename: str = "名单.xlsx") -> SpreadsheetError:
    with pytest.raises(SpreadsheetError) as caught:
        read(data, filename)
    assert re.search("[一-鿿]", str(caught.value)), "the message is Chinese"
    return caught.value


ROWS = [["姓名", "日期", "数"], ["张三", date(2026, 3, 1), 12], ["李四", datetime(2026, 3, 1, 8, 30), 0.5]]


class TestReading:
    def test_values_come_as_what_they_are_at_the_rows_that_excel_shows(self) -> None:
        sheet = read(made_by_excel([[], *ROWS]), "a.xlsx").sheets[0]
        assert sheet.rows == {
            2: {0: "姓名", 1: "日期", 2: "数"},
            3: {0: "张三", 1: date(2026, 3, 1), 2: 12},
            4: {0: "李四", 1: datetime(2026, 3, 1, 8, 30), 2: 0.5},
        }

    @pytest.mark.parametrize("code", ['yyyy"年"m"月"d"日"', "[$-804]yyyy/m/d;@", "dd/mm/yy", "m/d"])
    def test_a_number_shown_as_a_date_is_a_date(self, code: str) -> None:
        def shown_as_date(book: openpyxl.Workbook) -> None:
            book.active["A1"].number_format = code

        assert read(made_by_excel([[46082]], shown_as_date), "a.xlsx").sheets[0].rows[1][0] == date(2026, 3, 1)

    @pytest.mark.parametrize("code", ["General", "0.00", '"共"0"日"', "[Red]0", "h:mm", "[$¥-804]0"])
    def test_other_numbers_stay_numbers(self, code: str) -> None:
        def shown_otherwise(book: openpyxl.Workbook) -> None:
            book.active["A1"].number_format = code

        assert read(made_by_excel([[46082]], shown_otherwise), "a.xlsx").sheets[0].rows[1][0] == 46082

    @pytest.mark.parametrize("built_in", [14, 31, 57])
    def test_the_built_in_chinese_date_formats_are_known(self, built_in: int) -> None:
        data = made_by_excel([[date(2026, 3, 1)]])
        styles: dict[str, Callable[[str], str] | bytes] = {
            "xl/styles.xml": lambda text: re.sub(r'numFmtId="(14|16\d)"( fontId)', rf'numFmtId="{built_in}"\2', text)
        }
        assert read(repacked(data, styles), "a.xlsx").sheets[0].rows[1][0] == date(2026, 3, 1)

    def test_a_workbook_that_counts_from_1904_gives_the_same_days(self) -> None:
        def from_1904(book: openpyxl.Workbook) -> None:
            book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904

        sheet = read(made_by_excel(ROWS, from_1904), "a.xlsx").sheets[0]
        assert sheet.rows[2][1] == date(2026, 3, 1)
        assert sheet.moment(0.0) is None and sheet.moment(44620) == datetime(2026, 3, 1)

    def test_a_formula_is_known_for_one_and_its_kept_result_is_not_read(self) -> None:
        def with_result(text: str) -> str:
            return re.sub(r"</f><v ?/>", "</f><v>300</v>", text)

        data = repacked(made_by_excel([["=1+1"]]), {SHEET: with_result})
        assert b"<v>300</v>" in zipfile.ZipFile(io.BytesIO(data)).read(SHEET)
        assert read(data, "a.xlsx").sheets[0].rows[1][0] == Formula("=1+1")

    def test_a_merged_block_has_its_value_everywhere(self) -> None:
        sheet = read(
            made_by_excel([["是", 1], [None, 2], [None, 3]], lambda b: b.active.merge_cells("A1:A3")), "a.xlsx"
        ).sheets[0]
        assert [sheet.value(row, 0) for row in (1, 2, 3, 4)] == ["是", "是", "是", None]
        assert sheet.blocks == (Block(1, 0, 3, 0),)

    def test_blocks_that_overlap_are_not_merged_twice(self) -> None:
        def overlap(text: str) -> str:
            return text.replace(
                "</sheetData>", '</sheetData><mergeCells><mergeCell ref="A1:A2"/><mergeCell ref="A2:B3"/></mergeCells>'
            )

        sheet = read(repacked(made_by_excel([["是", 1], [None, 2], [None, 3]]), {SHEET: overlap}), "a.xlsx").sheets[0]
        assert sheet.blocks == (Block(1, 0, 2, 0),)

    def test_hidden_sheets_are_left_aside_and_named(self) -> None:
        def hide(book: openpyxl.Workbook) -> None:
            book.create_sheet("底稿").append(["秘密"])
            book["底稿"].sheet_state = "veryHidden"

        book = read(made_by_excel(ROWS, hide), "a.xlsx")
        assert [sheet.name for sheet in book.sheets] == ["Sheet"]
        assert any("底稿" in note for note in book.notes)

    def test_hidden_rows_are_known(self) -> None:
        def hide(book: openpyxl.Workbook) -> None:
            book.active.row_dimensions[2].hidden = True

        assert read(made_by_excel(ROWS, hide), "a.xlsx").sheets[0].hidden_rows == {2}

    def test_prefixed_and_strict_files_are_read_too(self) -> None:
        def prefixed(text: str) -> str:
            strict = text.replace(
                "schemas.openxmlformats.org/spreadsheetml/2006/main", "purl.oclc.org/ooxml/spreadsheetml/main"
            )
            return re.sub(r"<(/?)(?=[a-zA-Z])", r"<\1x:", strict).replace("xmlns=", "xmlns:x=")

        for part in (SHEET, "xl/sharedStrings.xml", "xl/workbook.xml", "xl/styles.xml"):
            data = repacked(with_shared_strings(made_by_excel(ROWS)), {part: prefixed})
            assert read(data, "a.xlsx").sheets[0].rows[2] == {0: "张三", 1: date(2026, 3, 1), 2: 12}

    def test_texts_are_the_same_wherever_the_file_keeps_them(self) -> None:
        data = made_by_excel([["张三", " 李四 ", "  ", "甲\n乙"]])
        assert read(data, "a.xlsx").sheets[0].rows == read(with_shared_strings(data), "a.xlsx").sheets[0].rows
        assert read(data, "a.xlsx").sheets[0].rows[1] == {0: "张三", 1: "李四", 3: "甲\n乙"}

    @pytest.mark.parametrize("keep", [with_shared_strings, bytes])
    def test_pinyin_above_a_name_is_no_part_of_it(self, keep: Callable[[bytes], bytes]) -> None:
        def with_pinyin(text: str) -> str:
            return text.replace(
                "<t>张三</t>", "<r><t>张</t></r><r><t>三</t></r><rPh sb='0' eb='2'><t>zhangsan</t></rPh>"
            )

        data = keep(repacked(made_by_excel(ROWS), {SHEET: with_pinyin}))
        assert read(data, "a.xlsx").sheets[0].rows[2][0] == "张三"

    def test_escaped_characters_are_read_and_those_that_no_text_can_hold_left_out(self) -> None:
        rows = read(made_by_excel([["甲_x000A_乙_xD800__x0000_丙"]]), "a.xlsx").sheets[0].rows
        assert rows[1][0] == "甲\n乙丙"

    def test_a_text_file_is_taken_by_its_name_and_a_workbook_by_its_content(self) -> None:
        assert read("姓名,数\n张三,12".encode(), "a.CSV").sheets[0].rows == {
            1: {0: "姓名", 1: "数"},
            2: {0: "张三", 1: 12},
        }
        assert read(made_by_excel(ROWS), "a.csv").sheets[0].rows[2][0] == "张三"


class TestTextFiles:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
    @pytest.mark.parametrize("delimiter", [",", "\t", ";", "，"])
    def test_encodings_and_delimiters_are_found_out(self, encoding: str, delimiter: str) -> None:
        text = f"姓名{delimiter}部门\r\n张喆{delimiter}镕工车间\r\n\r\n李四{delimiter}\r\n"
        rows = read(text.encode(encoding), "名单.csv").sheets[0].rows
        assert rows == {1: {0: "姓名", 1: "部门"}, 2: {0: "张喆", 1: "镕工车间"}, 4: {0: "李四"}}

    def test_a_number_is_one_only_where_nothing_is_lost(self) -> None:
        row = read(b"12,007,1.50,-3,1e5,12345678901234567,=1+1,0.5", "a.csv").sheets[0].rows[1]
        assert list(row.values()) == [12, "007", "1.50", -3, "1e5", "12345678901234567", Formula("=1+1"), 0.5]

    def test_a_quote_that_is_never_closed_does_not_swallow_the_rest(self) -> None:
        assert refused('姓名,备注\n张三,"没完\n李四,\n'.encode(), "a.csv").code == "damaged"

    @pytest.mark.parametrize("data", [PNG, b"\x00\x01\x02", b"%PDF-1.7\n\x00\xff"])
    def test_what_is_no_text_is_refused(self, data: bytes) -> None:
        assert refused(data, "a.csv").code == "wrong_type"


class TestRefusals:
    @pytest.mark.parametrize(
        ("data", "code", "said"),
        [
            (b"", "empty", "空"),
            (PNG, "wrong_type", "不是 Excel 表格"),
            (b"<html><table><tr><td>1</td></tr></table></html>", "wrong_type", "不是 Excel 表格"),
            (OLE + bytes(600) + "EncryptedPackage".encode("utf-16-le"), "password", "文件有密码"),
            (OLE + bytes(600) + "Workbook".encode("utf-16-le"), "old_format", "另存为"),
            (OLE + bytes(600) + "WordDocument".encode("utf-16-le"), "wrong_type", "不是 Excel 表格"),
            (b"PK\x03\x04" + bytes(100), "damaged", "损坏"),
            (bytes(spreadsheet.MAX_FILE + 1), "too_large", "5 MB"),
        ],
    )
    def test_a_file_that_is_no_workbook_is_told_what_to_do(self, data: bytes, code: str, said: str) -> None:
        error = refused(data)
        assert error.code == code and said in str(error)

    def test_a_file_that_was_cut_off_is_damaged_wherever_it_was_cut(self) -> None:
        data = made_by_excel(ROWS)
        assert {refused(data[:length]).code for length in range(40, len(data) - 22, 97)} == {"damaged"}

    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=8), st.booleans())
    def test_broken_bytes_are_read_or_refused_but_never_crash(
        self, changes: list[tuple[int, int]], inside: bool
    ) -> None:
        """Bytes of the file, or of its sheet inside a sound file."""
        whole = write(
            [
                NewSheet(
                    "名单",
                    enumerate(({0: "张三", 1: 12, 2: date(2026, 3, 1)}, {0: "李四"}), 1),
                    blocks=[Block(1, 0, 2, 0)],
                )
            ]
        )
        with zipfile.ZipFile(io.BytesIO(whole)) as archive:
            broken = bytearray(archive.read(SHEET) if inside else whole)
        for place, byte in changes:
            broken[place % len(broken)] = byte
        try:
            read(repacked(whole, {SHEET: bytes(broken)}) if inside else bytes(broken), "a.xlsx")
        except SpreadsheetError as error:
            assert error.code

    @pytest.mark.parametrize(
        ("part", "said"),
        [("word/document.xml", "Word"), ("content.xml", ".ods"), ("xl/workbook.bin", ".xlsb"), ("a.txt", "不是 Excel")],
    )
    def test_other_zip_files_are_called_by_their_name(self, part: str, said: str) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(part, "x")
        error = refused(packed.getvalue())
        assert error.code == "wrong_type" and said in str(error)

    def test_an_encrypted_zip_entry_is_a_password(self) -> None:
        data = bytearray(made_by_excel(ROWS))
        with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
            place = archive.start_dir
        data[place + 8] |= 1  # the flag bits in the first entry of the central directory
        assert refused(bytes(data)).code == "password"

    @pytest.mark.parametrize(
        "dtd",
        [
            '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>',
            '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
            '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
        ],
    )
    @pytest.mark.parametrize("part", [SHEET, "xl/sharedStrings.xml", "xl/workbook.xml", "xl/styles.xml"])
    def test_entities_are_refused_in_every_part(self, dtd: str, part: str) -> None:
        def declare(text: str) -> str:
            bare = re.sub(r"^<\?xml[^>]*\?>\s*", "", text)
            return f'<?xml version="1.0"?>{dtd}{bare}'

        error = refused(repacked(with_shared_strings(made_by_excel(ROWS)), {part: declare}))
        assert error.code == "unsafe" and "不安全" in str(error)


class TestLimits:
    def test_a_bomb_is_seen_in_the_directory(self) -> None:
        data = repacked(made_by_excel(ROWS), {"xl/media/image1.png": bytes(60 << 20)})
        assert len(data) < spreadsheet.MAX_FILE
        assert refused(data).code == "too_large"

    def test_a_small_part_that_packs_far_too_well_is_one_too(self) -> None:
        assert refused(repacked(made_by_excel(ROWS), {"xl/x.xml": bytes(2 << 20)})).code == "too_large"

    def test_a_bomb_whose_directory_lies_is_not_unpacked(self) -> None:
        data = bytearray(repacked(made_by_excel(ROWS), {SHEET: b"<worksheet>" + b" " * (900 << 10) + b"</worksheet>"}))
        with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
            place = archive.start_dir
        while data[place : place + 4] == b"PK\x01\x02":
            data[place + 24 : place + 28] = (100).to_bytes(4, "little")  # the size that the directory tells
            place += 46 + sum(int.from_bytes(data[place + i : place + i + 2], "little") for i in (28, 30, 32))
        assert refused(bytes(data)).code == "damaged"

    def test_a_part_that_many_sheets_point_to_counts_every_time_it_is_read(self) -> None:
        def many(text: str) -> str:
            sheet = re.search(r"<sheet [^>]*/>", text)[0]
            return text.replace(sheet, "".join(sheet.replace('name="Sheet"', f'name="S{i}"') for i in range(3_000)))

        filler = "".join(f"<!--{i:060}-->" for i in range(5_000))
        data = repacked(made_by_excel(ROWS), {"xl/workbook.xml": many, SHEET: lambda text: text + filler})
        assert refused(data).code == "too_large"

    def test_rows_columns_and_cells_are_counted_where_something_stands(self) -> None:
        empty_rows = "".join(f'<row r="{n}"><c r="A{n}" s="0"/></row>' for n in range(4, 20_000))
        kept = repacked(
            made_by_excel(ROWS), {SHEET: lambda text: text.replace("</sheetData>", empty_rows + "</sheetData>")}
        )
        assert len(read(kept, "a.xlsx").sheets[0].rows) == 3
        assert refused(made_by_excel([[n] for n in range(spreadsheet.MAX_ROWS + 1)])).code == "too_many_rows"
        assert refused(("x\n" * (spreadsheet.MAX_ROWS + 1)).encode(), "a.csv").code == "too_many_rows"
        assert refused(made_by_excel([[None] * spreadsheet.MAX_COLUMNS + ["x"]])).code == "too_many_columns"
        assert refused((("1," * 99 + "1\n") * 2_501).encode(), "a.csv").code == "too_many_cells"

    def test_a_long_text_that_many_cells_share_counts_in_each(self) -> None:
        assert refused(with_shared_strings(made_by_excel([["长" * 30_000] * 10] * 40))).code == "too_many_cells"

    @pytest.mark.parametrize("reference", ["A1:XFD1048576", "A1:CV5000"])
    def test_a_merged_block_over_everything_is_not_spread_out(self, reference: str) -> None:
        def merge(text: str) -> str:
            return text.replace("</sheetData>", f'</sheetData><mergeCells><mergeCell ref="{reference}"/></mergeCells>')

        far = [[], *ROWS, *[[]] * 4_000, [1] * 150]
        assert refused(repacked(made_by_excel(far), {SHEET: merge})).code == "too_many_cells"
        small = read(repacked(made_by_excel(ROWS), {SHEET: merge}), "a.xlsx").sheets[0]
        assert small.blocks == (Block(1, 0, 3, 2),)

    @pytest.mark.parametrize("row", ["0", "-1", "1048577", "9" * 30, "x"])
    def test_a_row_that_no_sheet_has_is_damage(self, row: str) -> None:
        data = repacked(made_by_excel(ROWS), {SHEET: lambda text: text.replace('<row r="2"', f'<row r="{row}"')})
        assert refused(data).code == "damaged"

    @pytest.mark.parametrize("index", ["-1", "99", "x"])
    def test_a_shared_string_that_is_not_there_is_damage(self, index: str) -> None:
        data = with_shared_strings(made_by_excel(ROWS))
        data = repacked(data, {SHEET: lambda text: re.sub(r't="s"><v>\d+', f't="s"><v>{index}', text)})
        assert refused(data).code == "damaged"


class TestNothingIsExecuted:
    def test_macros_are_noted_and_left_aside(self) -> None:
        data = repacked(made_by_excel(ROWS), {"xl/vbaProject.bin": OLE + bytes(100)})
        book = read(data, "名单.xlsm")
        assert book.sheets[0].rows[2][0] == "张三"
        assert any("宏" in note and "没有运行" in note for note in book.notes)

    def test_links_to_other_files_are_noted_and_not_followed(self) -> None:
        data = repacked(made_by_excel(ROWS), {"xl/externalLinks/externalLink1.xml": b"<externalLink/>"})
        assert any("没有打开" in note for note in read(data, "a.xlsx").notes)

    def test_a_part_outside_the_package_is_not_opened(self) -> None:
        def outside(text: str) -> str:
            return text.replace("/xl/worksheets/sheet1.xml", "../../../../etc/hostname").replace(
                "worksheets/sheet1.xml", "/etc/hostname"
            )

        assert read(repacked(made_by_excel(ROWS), {"xl/_rels/workbook.xml.rels": outside}), "a.xlsx").sheets == ()


def opened(data: bytes) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(data))


def one_sheet(*rows: dict[int, object], **more: object) -> NewSheet:
    return NewSheet("名单", list(enumerate(rows, 1)), **more)  # type: ignore[arg-type]


FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "\u3000=1",
    "\u200b=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM",
    '=HYPERLINK("http://127.0.0.1","x")',
    "=cmd|' /C calc'!A0",
    "\x00=1",
]


class TestWriting:
    def test_another_program_reads_what_was_written(self) -> None:
        day, moment = date(2026, 3, 1), datetime(2026, 3, 1, 8, 30)
        row = {0: "张三<&>", 1: 12, 2: 0.5, 3: day, 4: moment, 6: Cell("标题", Look.HEADER)}
        sheet = one_sheet(
            row, widths={0: 20}, frozen_rows=1, blocks=[Block(1, 0, 2, 0)], choices={1: ("是", "否")}, choices_to=9
        )
        written = opened(write([sheet, NewSheet("另一张", [])]))
        page = written["名单"]
        assert [c.value for c in page[1]] == ["张三<&>", 12, 0.5, datetime(2026, 3, 1), moment, None, "标题"]
        assert page["D1"].is_date and page["G1"].font.b
        assert [str(m) for m in page.merged_cells.ranges] == ["A1:A2"]
        assert page.data_validations.dataValidation[0].formula1 == '"是,否"' and page.freeze_panes == "A2"
        assert written.sheetnames == ["名单", "另一张"]

    @settings(max_examples=150, deadline=None)
    @given(
        st.dictionaries(
            st.integers(0, 30),
            st.one_of(
                st.text(st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=30),
                st.integers(-(10**14), 10**14),
                st.floats(-1e9, 1e9),
                st.dates(date(1901, 1, 1), date(2999, 1, 1)),
                st.datetimes(datetime(1901, 1, 1), datetime(2999, 1, 1)).map(lambda m: m.replace(microsecond=0)),
            ),
            min_size=1,
        )
    )
    def test_what_is_written_is_read_back_the_same(self, row: dict[int, object]) -> None:
        def expected(value: object) -> object:
            if isinstance(value, str):
                return harmless(value).replace("\r\n", "\n").replace("\r", "\n").strip() or None
            if isinstance(value, datetime) and value == datetime.combine(value.date(), datetime.min.time()):
                return value.date()
            return value

        again = read(write([one_sheet(row)]), "a.xlsx").sheets[0].rows.get(1, {})
        kept = {column: value for column, given in row.items() if (value := expected(given)) is not None}
        assert again.keys() == kept.keys()
        for column, value in kept.items():
            assert again[column] == (pytest.approx(value) if isinstance(value, float) else value)

    @pytest.mark.parametrize("text", FORMULAS)
    def test_text_that_begins_like_a_formula_stays_text_even_in_a_csv(self, text: str) -> None:
        cell = opened(write([one_sheet({0: text})]))["名单"]["A1"]
        assert cell.data_type == "s" and cell.value.startswith("'")

    def test_a_formula_that_was_read_is_written_as_its_text(self) -> None:
        cell = opened(write([one_sheet({0: Formula("=1+1")})]))["名单"]["A1"]
        assert (cell.data_type, cell.value) == ("s", "'=1+1")

    def test_negative_numbers_stay_numbers(self) -> None:
        cell = opened(write([one_sheet({0: -1})]))["名单"]["A1"]
        assert (cell.data_type, cell.value) == ("n", -1)

    @pytest.mark.parametrize("text", ["张三", "3-4 月", "a=b", "'quoted", "", "—", "1+1", "。"])
    def test_other_text_is_left_as_it_is(self, text: str) -> None:
        assert harmless(text) == text

    def test_an_escaped_equals_sign_does_not_come_back_as_a_formula(self) -> None:
        packed = write([one_sheet({0: "_x003D_1+1"})])
        assert read(packed, "a.xlsx").sheets[0].rows[1][0] == "_x003D_1+1"
        assert b"_x005F_x003D_" in zipfile.ZipFile(io.BytesIO(packed)).read(SHEET)

    def test_no_written_part_holds_a_formula_a_link_or_a_macro(self) -> None:
        packed = write([one_sheet(dict(enumerate(FORMULAS)))])
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            assert not [name for name in archive.namelist() if "externalLink" in name or name.endswith(".bin")]
            sheet = archive.read(SHEET)
        assert b"<f>" not in sheet and b"<f " not in sheet and b"hyperlink" not in sheet

    def test_the_same_sheets_give_the_same_bytes(self) -> None:
        assert write([one_sheet({0: "张三"})]) == write([one_sheet({0: "张三"})])

    def test_control_characters_do_not_break_the_file(self) -> None:
        cell = opened(write([one_sheet({0: "张\x00\x0b\ud800\uffff三"})]))["名单"]["A1"]
        assert cell.value == "张三"


@given(st.integers(0, 16_383))
def test_columns_are_named_as_excel_names_them(column: int) -> None:
    assert column_letters(column) == openpyxl.utils.get_column_letter(column + 1)
