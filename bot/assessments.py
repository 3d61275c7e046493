"""Assessments over HTTP: /api/assessments/…, the printable page of a decision, and /policies/rules/, every rule with its clauses."""

import asyncio
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader
from sanic import Blueprint
from sanic.request import Request
from sanic.response import HTTPResponse, html, raw
from sanic.response import json as json_response

from bot.assessment_links import PEOPLE_FILE, decision_address, file_address, people_address
from bot.http import HEADERS, client_address, dumps, error_response
from bot.kept_files import KeptFiles
from bot.reply import Citation, QuickReply, Reply
from bot.roster_desk import RosterDesk, RosterError, WorkedOut
from channels.rate_limit import RateLimiter
from policy_kb.corpus import Corpus
from policy_kb.rules import (
    PROGRAMMES,
    InvalidInput,
    NotInForce,
    UnknownProgramme,
    assess,
    citations,
    explain,
    rules_page,
    schema,
)
from policy_kb.rules.interview import worded
from policy_kb.rules.parameters import UNITS
from policy_kb.rules.roster import template
from policy_kb.rules.store import DecisionStore
from policy_kb.wording import cite

SIZE_QUESTION = "还差一问:贵公司是中小微企业吗?这条津贴只写了中小微企业。"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ROSTER_PROGRAMME = "training-allowance"
TEMPLATE_URL = f"/api/assessments/{ROSTER_PROGRAMME}/roster/template.xlsx"
PEOPLE_SHOWN = 50
ROWS_SAID = 10  # rows with something wrong or missing that an answer lists
MAX_ROSTER_BYTES = 5 * 1024 * 1024
OUTCOMES = {
    "met": "符合",
    "partial": "部分符合",
    "not_met": "不符合",
    "not_applicable": "不适用",
    "unknown": "还不能确定",
}
STATES = {"met": "符合", "not_met": "不符合", "unknown": "还不知道"}
_YES_NO = {
    "true": True,
    "1": True,
    "是": True,
    "false": False,
    "0": False,
    "否": False,
    "": None,
    "unknown": None,
    "不知道": None,
}
_templates = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)
_SHANGHAI = ZoneInfo("Asia/Shanghai")


class Rosters:
    """Uploaded rosters, from bytes to a Reply whose result can be opened again and whose workbook can be fetched."""

    def __init__(
        self, desk: RosterDesk, decisions: DecisionStore, files: KeptFiles, corpus: Callable[[], Corpus]
    ) -> None:
        self.desk, self.decisions, self.files, self.corpus = desk, decisions, files, corpus

    async def work_out(
        self, owner: str, data: bytes, filename: str, is_sme: bool | None
    ) -> tuple[WorkedOut, dict[str, str]]:
        """What came out, and where it can be seen: `workbook`, `people` and, when any row could be counted, `url`. Raises RosterError."""
        now = datetime.now(timezone.utc)
        done = await self.desk.work_out(data, filename, is_sme, now.astimezone(_SHANGHAI).date())
        decision = done.result["decision"]
        people = {"headline": done.result["headline"], "rows": done.result["rows"]}
        links = {
            "workbook": file_address(self.files.add(owner, "津贴测算结果.xlsx", done.workbook, now)),
            "people": people_address(self.files.add(owner, PEOPLE_FILE, dumps(people).encode(), now)),
        }
        if decision:
            links["url"] = decision_address(self.decisions.add(owner, decision, now))
        return done, links

    async def reply(self, owner: str, data: bytes, filename: str, is_sme: bool | None = None) -> Reply:
        """The answer to a roster sent in a conversation. It names nobody, for conversations are kept: people are rows of the file."""
        try:
            done, links = await self.work_out(owner, data, filename, is_sme)
        except RosterError as error:
            hint = f"{error} 空白模板:{TEMPLATE_URL}"
            return Reply(kind="notice", text=hint, attachments=[_link("下载空白模板", TEMPLATE_URL)])
        result, decision = done.result, done.result["decision"]
        incomplete = _incomplete(result["rows"])
        lines = [result["headline"], *result["notes"], *(f"· {said}" for said in incomplete[:ROWS_SAID])]
        quick = [QuickReply(title="一项一项问我", payload=f"assess:{ROSTER_PROGRAMME}")]
        asked = SIZE_QUESTION if is_sme is None and decision else None
        if asked:
            lines.append(asked)
            file_id = links["workbook"].rpartition("/")[2]
            quick[:0] = [
                QuickReply(title="是中小微企业", payload=f"roster:{file_id}:yes"),
                QuickReply(title="不是", payload=f"roster:{file_id}:no"),
            ]
        elif decision:
            lines.append(done.summary.partition("\n")[2])
        attachments = [
            _link("看每个人的结果", links["people"]),
            _link("下载逐人结果(Excel,七天内有效)", links["workbook"]),
        ]
        if decision:
            attachments.append(_link("打开、打印这份结果", links["url"]))
        card = {
            "type": "assessment",
            "title": PROGRAMMES[ROSTER_PROGRAMME].title,
            "decision": {name: value for name, value in (decision or {}).items() if name != "inputs"},
            "roster": {
                "headline": result["headline"],
                "notes": result["notes"],
                "incomplete": incomplete[:ROWS_SAID],
                "incomplete_rows": len(incomplete),
                "asked": asked,
            },
        }
        return Reply(
            kind="assessment",
            text="\n".join(lines),
            citations=[Citation(**vars(cite(self.corpus(), a, q))) for a, q in done.citations],
            quick_replies=quick,
            cards=[card] if decision else [],
            attachments=attachments,
        )

    async def again(self, owner: str, payload: str) -> list[dict[str, Any]]:
        """The roster of a `roster:<file>:yes|no` button once more, now that the firm's size is known."""
        _, file_id, answer = payload.split(":")
        kept = self.files.get(file_id, datetime.now(timezone.utc))
        if kept is None:
            return [Reply(kind="notice", text="这份名单已经过期,请再上传一次。").dict()]
        return [(await self.reply(owner, kept.content, kept.name, answer == "yes")).dict()]


def _incomplete(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is wrong or missing, row by row."""
    return [
        ";".join(row["errors"]) or f"第 {row['row']} 行:{row['missing']}"
        for row in rows
        if row["errors"] or row["missing"]
    ]


def _link(title: str, url: str) -> dict[str, str]:
    return {"type": "link", "title": title, "url": url}


def assessments(rosters: Rosters, limiter: RateLimiter) -> Blueprint:
    """The blueprint of everything about assessments that is not a conversation."""
    pages = Blueprint("assessments")
    decisions, files = rosters.decisions, rosters.files

    @pages.get("/api/assessments")
    async def programmes(request: Request) -> HTTPResponse:
        listed = [
            {"id": p.id, "title": p.title, "audience": p.audience, "clauses": list(p.clauses)}
            for p in PROGRAMMES.values()
        ]
        return _json({"programmes": listed})

    @pages.get("/api/assessments/<programme>")
    async def inputs(request: Request, programme: str) -> HTTPResponse:
        try:
            return _json(schema(programme))
        except UnknownProgramme as error:
            return error_response(404, "unknown_programme", str(error))

    @pages.post("/api/assessments/<programme>")
    async def decide(request: Request, programme: str) -> HTTPResponse:
        """The decision for the JSON input. `?on=2024-03-01` asks for the rules of another day than today."""
        if not limiter.allow(client_address(request)):
            return error_response(429, "too_many", "请求太多了,请过一会儿再试。")
        try:
            given = json.loads(request.body)
        except (ValueError, RecursionError):
            return error_response(422, "invalid_json", '请求内容应是 JSON 对象,例如 {"is_sme": true, "headcount": 8}')
        try:
            on = _day(request.args.get("on"))
            decision = await asyncio.to_thread(assess, programme, given, on)
        except UnknownProgramme as error:
            return error_response(404, "unknown_programme", str(error))
        except InvalidInput as error:
            found = [{"field": e.field, "message": e.message} for e in error.errors[:100]]
            return error_response(422, "invalid_input", str(error), errors=found)
        except NotInForce as error:
            return error_response(422, "not_in_force", str(error))
        except ValueError as error:
            return error_response(422, "invalid_date", str(error))
        explanation = explain(decision)
        id = decisions.add("api", decision.as_dict(), datetime.now(timezone.utc))
        cited = [vars(cite(rosters.corpus(), article, quote)) for article, quote in citations(decision)]
        body = {**decision.as_dict(), "explanation": explanation, "citations": cited}
        return _json({**body, "id": id, "url": decision_address(id)})

    @pages.get(TEMPLATE_URL)
    async def empty_roster(request: Request) -> HTTPResponse:
        return _download(template(), "培训津贴人员名单模板.xlsx", "roster-template.xlsx")

    @pages.post(f"/api/assessments/{ROSTER_PROGRAMME}/roster")
    async def roster(request: Request) -> HTTPResponse:
        """A roster as the form field `file`, or as the body with `?filename=`; `is_sme` says whether the firm is a 中小微企业.

        Answers with JSON, or with the annotated workbook where `Accept` asks for it.
        """
        if not limiter.allow(client_address(request)):
            return error_response(429, "too_many", "请求太多了,请过一会儿再试。")
        try:
            filename, data, said = uploaded(request)
            is_sme = _yes_no(said)
            done, links = await rosters.work_out("api", data, filename, is_sme)
        except RosterError as error:
            return error_response(413 if error.code == "too_large" else 422, error.code, str(error))
        if XLSX in request.headers.get("accept", ""):
            return _download(done.workbook, "津贴测算结果.xlsx", "roster-result.xlsx")
        return _json({**done.result, "explanation": done.explanation, **links})

    @pages.get("/assessments/<id>")
    async def decision_page(request: Request, id: str) -> HTTPResponse:
        """A decision as a clean page that prints well. Who has the link is who was given it."""
        stored = decisions.get(id)
        if stored is None:
            return _page("missing.html", status=404)
        made = stored.made_at.replace(tzinfo=timezone.utc).astimezone(_SHANGHAI)
        labels = {field.name: field for field in PROGRAMMES[stored.programme].fields}
        return _page(
            "assessment.html", stored=stored, made=made, labels=labels, said=worded, outcomes=OUTCOMES, states=STATES
        )

    @pages.get("/assessments/people/<id>")
    async def people_page(request: Request, id: str) -> HTTPResponse:
        """Everybody of a roster with their result, PEOPLE_SHOWN at once (`?page=`); `?only=incomplete` leaves out who lacks nothing."""
        kept = files.get(id, datetime.now(timezone.utc))
        if kept is None or kept.name != PEOPLE_FILE:
            return _page("missing.html", status=404)
        held = json.loads(kept.content)
        only = request.args.get("only") == "incomplete"
        rows = [row for row in held["rows"] if not only or row["errors"] or row["missing"]]
        last = max(1, -(-len(rows) // PEOPLE_SHOWN))
        said = request.args.get("page") or ""
        page = min(int(said), last) if re.fullmatch(r"[1-9]\d{0,4}", said, re.ASCII) else 1
        shown = rows[(page - 1) * PEOPLE_SHOWN : page * PEOPLE_SHOWN]
        values = {"rows": shown, "count": len(rows), "page": page, "last": last, "only": only, "outcomes": OUTCOMES}
        return _page("people.html", headline=held["headline"], **values)

    @pages.get("/files/<id>")
    async def file(request: Request, id: str) -> HTTPResponse:
        kept = files.get(id, datetime.now(timezone.utc))
        if kept is None or kept.name == PEOPLE_FILE:
            return _page("missing.html", status=404)
        return _download(kept.content, kept.name, "result.xlsx")

    @pages.get("/policies/rules/")
    async def rules(request: Request) -> HTTPResponse:
        return _page("rules.html", programmes=rules_page(), units=UNITS, roster_template=TEMPLATE_URL)

    return pages


def uploaded(request: Request) -> tuple[str, bytes, str | None]:
    """(file name, content, what is said about the firm's size) of an upload. Raises RosterError."""
    said = request.form.get("is_sme") if request.form else None
    found = request.files.get("file") if request.files else None
    if found is not None:
        name, data = found.name or "名单.xlsx", found.body
    elif (request.content_type or "").startswith("multipart/"):
        raise RosterError("no_file", "没有看到文件,请选一个 Excel 表格再上传。")
    else:
        name, data = request.args.get("filename") or "名单.xlsx", request.body
    if not data:
        raise RosterError("empty", "文件是空的,请选对文件再上传。")
    if len(data) > MAX_ROSTER_BYTES:
        raise RosterError("too_large", f"文件太大:最多 {MAX_ROSTER_BYTES // 1024 // 1024} MB。")
    return name[-200:], data, said if said is not None else request.args.get("is_sme")


def _yes_no(said: str | None) -> bool | None:
    if (said or "").strip().lower() not in _YES_NO:
        raise RosterError("invalid_is_sme", "is_sme 只能写 true(是中小微企业)、false(不是)或 unknown(不知道)。")
    return _YES_NO[(said or "").strip().lower()]


def _day(said: str | None) -> date:
    if not said:
        return datetime.now(_SHANGHAI).date()
    try:
        return date.fromisoformat(said)
    except ValueError:
        raise ValueError("on 要写成 2024-03-01 这样的日期。") from None


def _json(body: Mapping[str, Any]) -> HTTPResponse:
    return json_response(body, dumps=dumps, headers={"Cache-Control": "no-store"})


def _download(content: bytes, name: str, plain_name: str) -> HTTPResponse:
    headers = {
        "Content-Disposition": f"attachment; filename=\"{plain_name}\"; filename*=UTF-8''{quote(name)}",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return raw(content, content_type=XLSX, headers=headers)


def _page(name: str, status: int = 200, **values: Any) -> HTTPResponse:
    return html(
        _templates.get_template(name).render(**values), status=status, headers={**HEADERS, "Cache-Control": "no-store"}
    )
