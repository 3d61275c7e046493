"""Booking over HTTP: /api/slots, /api/bookings, /api/waiting-list and /api/me for programs, /slots/ and /bookings/ as plain pages.

Who asks is known by the chat's session cookie, or holds a signed link to one booking (`bot.booking_links`, `?t=`). What is somebody
else's is answered like what does not exist.
"""

import asyncio
import json
import re
import secrets
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime, timezone
from functools import partial, wraps
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import pydantic
from jinja2 import Environment, FileSystemLoader
from sanic import Blueprint
from sanic.request import Request
from sanic.response import HTTPResponse, html, raw, redirect
from sanic.response import json as json_response

from actions.book import STATUS
from booking import errors, service, waiting_list
from booking.calendar import calendar_file
from booking.check_in import ticket_text
from booking.codes import qr_svg, read_code
from booking.database import reading
from booking.dates import say_day
from booking.desk import Desk
from booking.enquiry import CONSENT, when_said
from booking.errors import BookingError, BookingNotFound, NotChangeable, SlotNotFound, local
from booking.find import Found, FoundSlot, find, slot_of
from booking.models import FEE_KINDS, SHANGHAI
from booking.service import BookingView
from booking.timetable import SlotSheet, sheet
from booking.waiting_list import WaitingView
from booking.wishes import Catalogue, Wish
from bot.booking_links import opens, owner_of
from bot.http import HEADERS, client_address, dumps, error_response
from bot.own_data import OwnData
from bot.slot_search import FIELDS, LARGEST_PARTY, MAX_ID, BadSearch, Search, cleaned, read_search, whole
from bot.visitors import same_origin, session_cookie, set_session_cookie
from channels.rate_limit import RateLimiter
from channels.web.session import SessionSigner

SLOTS_LISTED, MOST_SLOTS = 20, 100
PAST_LISTED = 20
PAGE_HEADERS = {**HEADERS, "Cache-Control": "no-store"}
# A refusal not named here is a 409: the request was well-formed, but places, times or limits stand against it.
STATUSES: dict[type[BookingError], int] = {
    errors.SlotNotFound: 404,
    errors.BookingNotFound: 404,
    errors.ConsentMissing: 422,
    errors.BadContact: 422,
    errors.PartySize: 422,
    errors.TicketInvalid: 422,
}
_KEY = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_NAMES = re.compile(r"[\n\r、,,;;]+")
_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)
_KINDS = {
    "name": "姓名",
    "phone": "电话",
    "id": "身份证号",
    "contact": "正在约的人",
    "said": "聊天里说的",
    "address": "发通知的地方",
}
_templates.globals.update(when_said=when_said, local=local, say_day=say_day, status=STATUS, shanghai=SHANGHAI)
_templates.globals.update(kinds=_KINDS, at=lambda seconds: datetime.fromtimestamp(seconds, timezone.utc))
R = TypeVar("R")
Handler = Callable[..., Coroutine[Any, Any, HTTPResponse]]


class Refusal(Exception):
    """A request that is refused before any booking command: HTTP status, code for programs, Chinese sentence for people."""

    def __init__(self, status: int, code: str, message: str, **more: Any) -> None:
        self.status, self.code, self.more = status, code, more
        super().__init__(message)


class Whole(pydantic.ConstrainedInt):
    strict, ge, le = True, 1, MAX_ID


class _Body(pydantic.BaseModel):
    key: pydantic.StrictStr | None = None

    class Config:
        extra = pydantic.Extra.forbid


class ContactBody(_Body):
    """A booking, or a place on a waiting list, as programs ask for it."""

    slot_id: Whole
    name: pydantic.StrictStr
    phone: pydantic.StrictStr
    party: Whole = Whole(1)
    participants: list[pydantic.StrictStr] = []
    consent: pydantic.StrictBool = False


class MoveBody(_Body):
    slot_id: Whole


B = TypeVar("B", bound=_Body)
_EXPECTED = {
    "slot_id": "场次编号,整数",
    "name": "姓名,文字",
    "phone": "电话,文字",
    "party": "人数,整数",
    "participants": "全部学员的姓名,文字的列表",
    "consent": "是否同意保存姓名和电话,true 或 false",
    "key": "请求编号,文字",
}


def bookings(
    desk: Callable[[], Desk],
    catalogue: Callable[[], Callable[[], Catalogue]],
    own_data: OwnData,
    signer: SessionSigner,
    secret_keys: Sequence[str],
    limiter: RateLimiter,
    clock: Callable[[], datetime],
) -> Blueprint:
    """The blueprint of everything that people do about bookings outside a conversation. `clock` gives an aware datetime."""
    pages = Blueprint("bookings")  # parts of addresses are [^/]+, for Sanic takes /slots/ for an empty <number>

    async def command(work: Callable[..., R], *arguments: Any, **named: Any) -> R:
        """A service function in a thread, for the database may make it wait."""
        return await asyncio.to_thread(partial(work, desk(), *arguments, now=clock(), **named))

    async def query(read: Callable[..., R], *arguments: Any) -> R:
        def run() -> R:
            with reading(desk().engine) as connection:
                return read(connection, *arguments)

        return await asyncio.to_thread(run)

    def session(request: Request) -> str | None:
        return signer.read(session_cookie(request))

    def owner(request: Request) -> str:
        found = session(request)
        if found is None:
            raise Refusal(
                401,
                "no_session",
                "没有找到您的会话:请用预约时的浏览器,或从聊天里的链接打开;程序请先 POST /chat/sessions。",
            )
        return found

    async def whose(request: Request, code: str) -> tuple[str, str]:
        """(owner, code) for a request about one booking. Raises BookingNotFound, Refusal."""
        plain, token = read_code(code), _token(request)
        if plain is None:
            raise BookingNotFound
        if token and opens(secret_keys, plain, token):
            return await asyncio.to_thread(owner_of, desk(), plain), plain
        return owner(request), plain

    def check(request: Request) -> None:
        """Raises Refusal for too many requests, and for one that another site makes a browser send."""
        if not limiter.allow(session(request) or client_address(request)):
            raise Refusal(429, "too_many", "请求太多了,请过一会儿再试。")
        if request.method != "GET" and not same_origin(request):
            raise Refusal(403, "cross_origin", "不接受来自其他网站的请求。")

    def for_programs(handler: Handler) -> Handler:
        @wraps(handler)
        async def answered(request: Request, **parts: Any) -> HTTPResponse:
            try:
                check(request)
                return await handler(request, **parts)
            except (BookingError, Refusal, BadSearch) as error:
                return refused(error)

        return answered

    def for_people(handler: Handler) -> Handler:
        @wraps(handler)
        async def answered(request: Request, **parts: Any) -> HTTPResponse:
            try:
                if request.method != "GET":
                    check(request)
                response = await handler(request, **parts)
            except (BookingError, Refusal) as error:
                response = page("refused.html", status_of(error), problem=str(error))
            if session(request) is None:  # so that the next form has an owner
                set_session_cookie(request, response, signer.issue()[1])
            return response

        return answered

    # -- slots ---------------------------------------------------------------------------------------------------------

    async def searched(request: Request) -> tuple[Search, Found]:
        known, now = await asyncio.to_thread(catalogue()), clock()
        search = read_search(request.args.get, known, now, SLOTS_LISTED, MOST_SLOTS)
        return search, await query(find, search.wish, now, search.limit)

    async def one_slot(number: str) -> tuple[FoundSlot, SlotSheet]:
        slot_id = whole(number, MAX_ID)
        found = await query(slot_of, slot_id) if slot_id else None
        if found is None:
            raise SlotNotFound
        return found, await query(sheet, found.id)

    @pages.get("/api/slots")
    @for_programs
    async def list_slots(request: Request) -> HTTPResponse:
        search, found = await searched(request)
        others = [{**vars(other), "slots": [_slot(s) for s in other.slots]} for other in found.alternatives]
        asked = search.wish.described()
        return _json(
            {"asked": asked, "slots": [_slot(s) for s in found.slots], "reason": found.reason, "alternatives": others}
        )

    @pages.get("/api/slots/<number:[^/]+>")
    @for_programs
    async def get_slot(request: Request, number: str) -> HTTPResponse:
        found, more = await one_slot(number)
        return _json(
            {
                **_slot(found),
                "status": more.status,
                "cancelled_because": more.cancelled_because,
                "cancellation_deadline": more.cancellation_deadline,
                "base_phone": more.base_phone,
            }
        )

    @pages.get("/slots/")
    @for_people
    async def slots_page(request: Request) -> HTTPResponse:
        known, now = await asyncio.to_thread(catalogue()), clock()
        given = {name: cleaned(request.args.get(name) or "") for name in FIELDS}
        shown: dict[str, Any] = {"given": given, "known": known, "fee_kinds": FEE_KINDS, "now": now}
        try:
            search, found = await searched(request)
        except BadSearch as error:
            return page("slots.html", 422, **shown, problem=str(error), days=[], found=Found(()))
        note = search.wish.windows.note if search.wish.windows else ""
        return page("slots.html", **shown, days=_by_day(found.slots), found=found, wish=search.wish, note=note)

    async def slot_page(request: Request, number: str, status: int = 200, **more: Any) -> HTTPResponse:
        found, details = await one_slot(number)
        now = clock()
        closed = (
            f"这一场被基地取消了{f':{details.cancelled_because}' if details.cancelled_because else ''}。"
            if details.status != "open"
            else f"预约已经在{local(found.booking_deadline)}截止,请另选一场。"
            if now >= found.booking_deadline
            else ""
        )
        party = whole(request.args.get("party") or "", found.max_party) or found.min_party
        values: dict[str, Any] = {"draft": {"party": party}, "waits": found.free < found.min_party, "problem": ""}
        values |= {"consent": CONSENT.removesuffix("同意吗?"), "key": secrets.token_hex(8), **more}
        return page("slot.html", status, slot=found, details=details, closed=closed, now=now, **values)

    @pages.get("/slots/<number:[^/]+>")
    @for_people
    async def show_slot(request: Request, number: str) -> HTTPResponse:
        return await slot_page(request, number)

    @pages.post("/slots/<number:[^/]+>")
    @for_people
    async def book_slot(request: Request, number: str) -> HTTPResponse:
        """The form of a slot: `do` is book or wait. When it is refused it comes back as it was filled in."""
        draft = form(request)
        waits = draft.get("do") == "wait"
        slot, _ = await one_slot(number)
        again = partial(slot_page, request, number, draft=draft)
        mine = session(request)
        if mine is None:
            return await again(401, problem="页面放得太久了,请再点一次。", waits=waits)
        party = whole(draft.get("party", ""), LARGEST_PARTY)
        if party is None:
            return await again(422, problem=str(errors.PartySize(slot.min_party, slot.max_party)), waits=waits)
        names = [name for name in map(cleaned, _NAMES.split(draft.get("participants", ""))) if name]
        contact = {"name": draft.get("name", ""), "phone": draft.get("phone", ""), "consent": "consent" in draft}
        contact |= {"party": party, "participants": names[: LARGEST_PARTY + 1], "key": _key(draft.get("key", ""))}
        try:
            if waits:
                await command(waiting_list.join_waiting_list, mine, slot.id, **contact)
                return redirect("/bookings/#waiting", status=303)
            booked = await command(service.book, mine, slot.id, **contact)
        except errors.SlotFull as error:
            return await again(409, problem=str(error), waits=True)
        except errors.StillFree as error:
            return await again(409, problem=str(error), waits=False)
        except BookingError as error:
            held = getattr(error, "booking", None)
            return await again(status_of(error), problem=str(error), waits=waits, see=held)
        return redirect(f"/bookings/{booked.code}?new=1", status=303)

    # -- bookings for programs -----------------------------------------------------------------------------------------

    @pages.post("/api/bookings")
    @for_programs
    async def book(request: Request) -> HTTPResponse:
        mine, asked = owner(request), body(request, ContactBody)
        done = await command(service.book, mine, key=key_of(request, asked), **asked.dict(exclude={"key"}))
        return _json(_booking(done), 201)

    @pages.get("/api/bookings")
    @for_programs
    async def list_bookings(request: Request) -> HTTPResponse:
        """Those ahead and the places on waiting lists; with `?past=1` every booking there was."""
        mine = owner(request)
        found = await command(service.my_bookings, mine, past=request.args.get("past") == "1")
        waiting = await asyncio.to_thread(waiting_list.my_waiting, desk(), mine)
        return _json({"bookings": [_booking(one) for one in found], "waiting": [asdict(one) for one in waiting]})

    @pages.get("/api/bookings/<code:[A-Za-z0-9-]+>")
    @for_programs
    async def get_booking(request: Request, code: str) -> HTTPResponse:
        return _json(_booking(await theirs(request, code)))

    @pages.get(r"/api/bookings/<file:[A-Za-z0-9-]+\.ics>")
    @for_programs
    async def calendar(request: Request, file: str) -> HTTPResponse:
        found = await theirs(request, file.removesuffix(".ics"))
        headers = {**PAGE_HEADERS, "Content-Disposition": f'attachment; filename="{found.code}.ics"'}
        return raw(calendar_file([found]), content_type="text/calendar; charset=utf-8", headers=headers)

    @pages.get("/api/bookings/<code:[A-Za-z0-9-]+>/qr.svg")
    @for_programs
    async def qr_code(request: Request, code: str) -> HTTPResponse:
        found = await theirs(request, code)
        if found.status == "cancelled":
            raise NotChangeable(found.status)
        picture = qr_svg(ticket_text(desk(), found)).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
        return raw(picture.encode(), content_type="image/svg+xml", headers=PAGE_HEADERS)

    @pages.delete("/api/bookings/<code:[A-Za-z0-9-]+>")
    @for_programs
    async def cancel(request: Request, code: str) -> HTTPResponse:
        return _json(_booking(await cancelled(request, code)))

    @pages.post("/api/bookings/<code:[A-Za-z0-9-]+>/reschedule")
    @for_programs
    async def reschedule(request: Request, code: str) -> HTTPResponse:
        mine, plain = await whose(request, code)
        asked = body(request, MoveBody)
        return _json(
            _booking(await command(service.reschedule, mine, plain, asked.slot_id, key=key_of(request, asked)))
        )

    async def theirs(request: Request, code: str) -> BookingView:
        mine, plain = await whose(request, code)
        return await asyncio.to_thread(service.find_booking, desk(), mine, plain)

    async def cancelled(request: Request, code: str) -> BookingView:
        """A booking is cancelled once, so its code is key enough."""
        mine, plain = await whose(request, code)
        return await command(service.cancel, mine, plain, key=f"cancel:{plain}")

    # -- waiting list --------------------------------------------------------------------------------------------------

    async def answered_offer(request: Request, number: str, what: str) -> BookingView | WaitingView:
        """An entry ends once, so its number is key enough."""
        mine, entry = owner(request), whole(number, MAX_ID)
        if entry is None or what not in _ANSWERS:
            raise errors.OfferGone
        return await command(_ANSWERS[what], mine, entry, key=f"{what}:{entry}")

    @pages.post("/api/waiting-list")
    @for_programs
    async def join(request: Request) -> HTTPResponse:
        mine, asked = owner(request), body(request, ContactBody)
        done = await command(
            waiting_list.join_waiting_list, mine, key=key_of(request, asked), **asked.dict(exclude={"key"})
        )
        return _json(asdict(done), 201)

    @pages.post("/api/waiting-list/<number>/<what:accept|decline>")
    @for_programs
    async def answer_offer(request: Request, number: str, what: str) -> HTTPResponse:
        done = await answered_offer(request, number, what)
        return _json(_booking(done) if isinstance(done, BookingView) else asdict(done))

    @pages.delete("/api/waiting-list/<number>")
    @for_programs
    async def leave(request: Request, number: str) -> HTTPResponse:
        return _json(asdict(await answered_offer(request, number, "leave")))

    # -- everything of mine --------------------------------------------------------------------------------------------

    async def erase(request: Request, mine: str) -> Any:
        erased = await asyncio.to_thread(own_data.erase, mine, clock())
        await request.app.ctx.agent.tracker_store.delete(mine)
        return erased

    @pages.get("/api/me")
    @for_programs
    async def export(request: Request) -> HTTPResponse:
        return _json(await asyncio.to_thread(own_data.export, owner(request), clock()))

    @pages.delete("/api/me")
    @for_programs
    async def erase_me(request: Request) -> HTTPResponse:
        return _json(asdict(await erase(request, owner(request))))

    # -- pages of bookings ---------------------------------------------------------------------------------------------

    async def mine_page(request: Request, status: int = 200, problem: str = "") -> HTTPResponse:
        mine, now = session(request), clock()
        every = await command(service.my_bookings, mine, past=True) if mine else ()
        waiting = await asyncio.to_thread(waiting_list.my_waiting, desk(), mine) if mine else ()
        ahead = sorted((b for b in every if b.ends_at > now and b.status != "cancelled"), key=lambda b: b.starts_at)
        past = [b for b in every if b not in ahead][:PAST_LISTED]
        return page("bookings.html", status, ahead=ahead, past=past, waiting=waiting, now=now, problem=problem)

    @pages.get("/bookings/")
    @for_people
    async def show_mine(request: Request) -> HTTPResponse:
        return await mine_page(request)

    @pages.post("/bookings/waiting/<number>")
    @for_people
    async def answer_offer_form(request: Request, number: str) -> HTTPResponse:
        try:
            done = await answered_offer(request, number, form(request).get("do", ""))
        except BookingError as error:
            return await mine_page(request, status_of(error), str(error))
        return redirect(f"/bookings/{done.code}?new=1" if isinstance(done, BookingView) else "/bookings/", status=303)

    @pages.get("/bookings/mine")
    @for_people
    async def everything(request: Request) -> HTTPResponse:
        now = clock()
        return page("mine.html", mine=await asyncio.to_thread(own_data.export, owner(request), now), now=now)

    @pages.get("/bookings/erase")
    @for_people
    async def ask_erase(request: Request) -> HTTPResponse:
        return page("erase.html", erased=None)

    @pages.post("/bookings/erase")
    @for_people
    async def erase_form(request: Request) -> HTTPResponse:
        return page("erase.html", erased=await erase(request, owner(request)))

    async def booking_page(request: Request, code: str, status: int = 200, problem: str = "") -> HTTPResponse:
        found, now = await theirs(request, code), clock()
        ticket = qr_svg(ticket_text(desk(), found)) if found.status == "confirmed" and now < found.ends_at else ""
        changeable = found.status == "confirmed" and now < found.cancellation_deadline
        values = {"booking": found, "now": now, "link": _link(request), "problem": problem}
        new = request.args.get("new") == "1"
        return page("booking.html", status, **values, ticket=ticket, changeable=changeable, new=new)

    @pages.get("/bookings/<code:[^/]+>")
    @for_people
    async def show_booking(request: Request, code: str) -> HTTPResponse:
        return await booking_page(request, code)

    @pages.get("/bookings/<code:[^/]+>/cancel")
    @for_people
    async def ask_cancel(request: Request, code: str) -> HTTPResponse:
        return page("booking_cancel.html", booking=await theirs(request, code), now=clock(), link=_link(request))

    @pages.post("/bookings/<code:[^/]+>/cancel")
    @for_people
    async def cancel_form(request: Request, code: str) -> HTTPResponse:
        try:
            done = await cancelled(request, code)
        except BookingNotFound:
            raise
        except BookingError as error:
            return await booking_page(request, code, status_of(error), str(error))
        return redirect(f"/bookings/{done.code}{_link(request)}", status=303)

    async def moving_page(request: Request, code: str, status: int = 200, problem: str = "") -> HTTPResponse:
        found, now = await theirs(request, code), clock()
        same = Wish(fields=(found.field,), service=found.service, party_size=found.party)
        words = cleaned(request.args.get("q") or "")
        known = await asyncio.to_thread(catalogue())
        wish = same.refined(read_search({"q": words}.get, known, now, SLOTS_LISTED, MOST_SLOTS).wish)
        others = await query(find, wish, now, SLOTS_LISTED)
        free = [slot for slot in others.slots if not slot.full and slot.id != found.slot_id]
        values = {"booking": found, "days": _by_day(free), "found": others, "words": words, "problem": problem}
        values |= {"link": _link(request), "token": _token(request), "key": secrets.token_hex(8)}
        return page("booking_move.html", status, **values, now=now)

    @pages.get("/bookings/<code:[^/]+>/reschedule")
    @for_people
    async def ask_move(request: Request, code: str) -> HTTPResponse:
        return await moving_page(request, code)

    @pages.post("/bookings/<code:[^/]+>/reschedule")
    @for_people
    async def move_form(request: Request, code: str) -> HTTPResponse:
        mine, plain = await whose(request, code)
        fields = form(request)
        slot_id, key = whole(fields.get("slot_id", ""), MAX_ID), _key(fields.get("key", ""))
        try:
            if slot_id is None:
                raise SlotNotFound
            done = await command(service.reschedule, mine, plain, slot_id, key=f"{key}:{slot_id}")
        except BookingNotFound:
            raise
        except BookingError as error:
            return await moving_page(request, code, status_of(error), str(error))
        return redirect(f"/bookings/{done.code}{_link(request)}", status=303)

    return pages


_ANSWERS: dict[str, Callable[..., BookingView | WaitingView]] = {
    "accept": waiting_list.accept_offer,
    "decline": waiting_list.decline_offer,
    "leave": waiting_list.leave_waiting_list,
}


# -- what comes in -------------------------------------------------------------------------------------------------------


def form(request: Request) -> dict[str, str]:
    """The fields of a form as it was filled in. Raises Refusal for an upload, which may be larger than any form of ours."""
    if (request.content_type or "").startswith("multipart/"):
        raise Refusal(415, "no_upload", "这里不收文件。")
    return {name: values[0] for name, values in (request.form or {}).items()}


def body(request: Request, shape: type[B]) -> B:
    """The JSON of a request. Raises Refusal."""
    try:
        return shape.parse_obj(json_of(request))
    except pydantic.ValidationError as error:
        names = list(dict.fromkeys(str(one["loc"][0]) for one in error.errors()))
        said = "、".join(
            f"{name}({_EXPECTED[name]})" if name in _EXPECTED else f"不认识的 {name[:40]}" for name in names
        )
        raise Refusal(422, "invalid_input", f"这些内容缺少或不对:{said}。", fields=[n[:40] for n in names]) from None


def json_of(request: Request) -> dict[str, Any]:
    """Raises Refusal when the body is not a JSON object."""
    try:
        given = json.loads(request.body)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise Refusal(422, "invalid_json", '请求内容应是 JSON 对象,例如 {"slot_id": 42, "name": "…", "phone": "…"}。')
    return given


def key_of(request: Request, asked: _Body) -> str:
    """The idempotency key of a command: the header's, or else the body's. Raises Refusal."""
    return _key(request.headers.get("idempotency-key") or asked.key or "")


def _key(said: str) -> str:
    if not _KEY.fullmatch(said):
        message = "请用 Idempotency-Key 给这次请求编一个号(1到64个字母、数字或 _.:-),重发时用同一个。"
        raise Refusal(422, "invalid_key", message)
    return said


def _token(request: Request) -> str:
    """The signature of a signed link."""
    token = request.args.get("t") or ""
    return token if re.fullmatch(r"[\w-]{1,100}", token, re.ASCII) else ""


def _link(request: Request) -> str:
    """What keeps a signed link going from page to page."""
    return f"?t={_token(request)}" if _token(request) else ""


# -- what goes out -------------------------------------------------------------------------------------------------------


def status_of(error: Exception) -> int:
    return error.status if isinstance(error, Refusal) else STATUSES.get(type(error), 409)  # type: ignore[arg-type]


def refused(error: BookingError | Refusal | BadSearch) -> HTTPResponse:
    """The refusal for a program, with what helps it to go on: the field that is wrong, the places left, the booking in the way."""
    if isinstance(error, BadSearch):
        return error_response(422, "invalid_search", str(error), field=error.field)
    helpful = {
        name: getattr(error, name) for name in ("field", "free", "booking") if getattr(error, name, None) is not None
    }
    more = error.more if isinstance(error, Refusal) else helpful
    return error_response(status_of(error), error.code, str(error), **more)


def page(name: str, status: int = 200, /, **values: Any) -> HTTPResponse:
    return html(_templates.get_template(name).render(**values), status=status, headers=PAGE_HEADERS)


def plain(value: Any) -> Any:
    """`value` as JSON can hold it; times as people in Shanxi read them, with their offset."""
    if isinstance(value, datetime):
        return value.astimezone(SHANGHAI).isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def _json(content: Any, status: int = 200) -> HTTPResponse:
    return json_response(plain(content), status=status, dumps=dumps, headers={"Cache-Control": "no-store"})


def _slot(slot: FoundSlot) -> dict[str, Any]:
    return {**asdict(slot), "url": f"/slots/{slot.id}"}


def _booking(booking: BookingView) -> dict[str, Any]:
    api = f"/api/bookings/{booking.code}"
    return {**asdict(booking), "url": f"/bookings/{booking.code}", "calendar": f"{api}.ics", "qr": f"{api}/qr.svg"}


def _by_day(slots: Sequence[FoundSlot]) -> list[tuple[Any, list[FoundSlot]]]:
    """The slots, which are in the order of time, by their days in Asia/Shanghai."""
    return [(day, list(some)) for day, some in groupby(slots, lambda s: s.starts_at.astimezone(SHANGHAI).date())]
