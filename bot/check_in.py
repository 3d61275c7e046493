"""Check-in for a base's staff: pages at /check-in/ behind STAFF_TOKEN, and /api/check-in for scanners that work offline.

Staff sign in with the token and their own name, under which the audit trail keeps what they do.
"""

import asyncio
import hmac
import re
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from functools import partial, wraps
from typing import Any, TypeVar

from itsdangerous import BadSignature, URLSafeTimedSerializer
from sanic import Blueprint
from sanic.request import Request
from sanic.response import HTTPResponse, redirect
from sanic.response import json as json_response

from booking import check_in as desk_work
from booking import service
from booking.codes import read_code
from booking.database import reading
from booking.desk import Desk
from booking.errors import BookingError, BookingNotFound, SlotNotFound, local
from booking.models import SHANGHAI
from booking.service import BookingView, view
from booking.timetable import sheet, sheets_of
from bot.bookings import Refusal, form, json_of, page, plain, refused, status_of
from bot.http import client_address, dumps, error_response
from bot.slot_search import MAX_ID, cleaned, whole
from bot.visitors import over_https, same_origin
from channels.rate_limit import RateLimiter

COOKIE = "cjt_staff"
SIGNED_IN_FOR = timedelta(hours=12)
# From one address; the one is for people, the other lets a scanner send all that it has kept.
SIGN_INS_PER_MINUTE, SCANS_PER_MINUTE = 20, 600
LONGEST_TICKET = 300
CLOCKS_DIFFER = timedelta(minutes=5)  # a scanner's clock may be fast by so much
SCANNER = "scanner"
_NONCE = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_COOKIE = re.compile(rf"(?:^|;)\s*{COOKIE}=([^;]*)")
R = TypeVar("R")
Handler = Callable[..., Coroutine[Any, Any, HTTPResponse]]


def check_in(
    desk: Callable[[], Desk],
    staff_token: str,
    clock: Callable[[], datetime],
    limiter: Callable[[str, int], RateLimiter] = lambda name, per_minute: RateLimiter(per_minute),
) -> Blueprint:
    """The blueprint of everything for a base's staff. Without a `staff_token` it is not to be mounted."""
    pages = Blueprint("check_in")
    # With another token everybody has to sign in again.
    signer = URLSafeTimedSerializer(staff_token, salt="staff-session")
    sign_ins, scans = limiter("sign-ins", SIGN_INS_PER_MINUTE), limiter("scans", SCANS_PER_MINUTE)

    def is_token(said: str) -> bool:
        return hmac.compare_digest(said.encode(errors="replace"), staff_token.encode())

    def staff(request: Request) -> str | None:
        """The name of who is signed in."""
        cookie = _COOKIE.search(request.headers.getone("cookie", ""))
        if cookie is None:
            return None
        try:
            name, since = signer.loads(cookie[1], return_timestamp=True)
        except (BadSignature, UnicodeError):
            return None
        # A sign-in from the future is good: another machine's clock is a little ahead.
        return str(name) if name and datetime.now(timezone.utc) - since <= SIGNED_IN_FOR else None

    async def work(command: Callable[..., R], *arguments: Any, **named: Any) -> R:
        return await asyncio.to_thread(partial(command, desk(), *arguments, **named))

    async def query(read: Callable[..., R], *arguments: Any) -> R:
        def run() -> R:
            with reading(desk().engine) as connection:
                return read(connection, *arguments)

        return await asyncio.to_thread(run)

    def for_staff(handler: Handler) -> Handler:
        """A handler with the staff's name as its second argument; others are asked to sign in."""

        @wraps(handler)
        async def answered(request: Request, **parts: Any) -> HTTPResponse:
            name = staff(request)
            if name is None:
                return page("check_in_login.html", 401, ticket=_ticket(request.args.get("ticket") or ""), problem="")
            try:
                if request.method != "GET" and not same_origin(request):
                    raise Refusal(403, "cross_origin", "不接受来自其他网站的请求。")
                return await handler(request, name, **parts)
            except (BookingError, Refusal) as error:
                return await desk_page(name, status_of(error), problem=str(error))

        return answered

    async def desk_page(name: str, status: int = 200, **values: Any) -> HTTPResponse:
        now = clock()
        today = now.astimezone(SHANGHAI).date()
        slots = await query(sheets_of, today)
        shown = {"found": None, "ticket": "", "problem": "", "done": None, "nonce": secrets.token_hex(8), **values}
        return page("check_in.html", status, staff=name, slots=slots, today=today, now=now, **shown)

    async def who(code: str) -> dict[str, Any]:
        """The booking with its line of the masked list."""
        booking = await query(view, code)
        lines = await work(desk_work.roster, booking.slot_id)
        return {"booking": booking, "line": next((line for line in lines if line.code == code), None)}

    # -- signing in ------------------------------------------------------------------------------------------------------

    @pages.post("/check-in/sign-in")
    async def sign_in(request: Request) -> HTTPResponse:
        try:
            fields = form(request)
        except Refusal as error:
            return refused(error)
        ticket, name = _ticket(fields.get("ticket", "")), cleaned(fields.get("name", ""))[:20]
        again = partial(page, "check_in_login.html", ticket=ticket, name=name)
        if not same_origin(request):
            return again(403, problem="不接受来自其他网站的请求。")
        if not sign_ins.allow(client_address(request)):
            return again(429, problem="试得太多了,请过一分钟再试。")
        if not is_token(fields.get("token", "")):
            return again(401, problem="口令不对,请再核对一下。")
        if not name:
            return again(422, problem="请写上您的姓名或工号,操作记录里要用。")
        response = redirect(f"/check-in/?ticket={ticket}" if ticket else "/check-in/", status=303)
        response.cookies[COOKIE] = str(signer.dumps(name))
        cookie = response.cookies[COOKIE]
        cookie["httponly"], cookie["samesite"], cookie["path"] = True, "Strict", "/check-in"
        cookie["max-age"] = int(SIGNED_IN_FOR.total_seconds())
        if over_https(request):
            cookie["secure"] = True
        return response

    @pages.post("/check-in/sign-out")
    async def sign_out(request: Request) -> HTTPResponse:
        response = redirect("/check-in/", status=303)
        response.cookies[COOKIE] = ""
        response.cookies[COOKIE]["path"], response.cookies[COOKIE]["max-age"] = "/check-in", 0
        return response

    # -- scanning --------------------------------------------------------------------------------------------------------

    @pages.get("/check-in/")
    @for_staff
    async def scan_page(request: Request, name: str) -> HTTPResponse:
        """The scan form. With `?ticket=` (a QR code's text or a booking code) who that is, before anything is changed."""
        ticket = _ticket(request.args.get("ticket") or "")
        if not ticket:
            return await desk_page(name)
        code = read_code(ticket) or desk().tickets.check(ticket, clock()).code
        return await desk_page(name, found=await who(code), ticket=ticket)

    @pages.post("/check-in/")
    @for_staff
    async def scan(request: Request, name: str) -> HTTPResponse:
        fields, now = form(request), clock()
        ticket = _ticket(fields.get("ticket", ""))
        done = await work(desk_work.check_in, name, ticket, nonce=_nonce(fields.get("nonce")), at=now, now=now)
        return await desk_page(name, done=done, found=await who(done.code))

    @pages.post("/check-in/undo")
    @for_staff
    async def undo(request: Request, name: str) -> HTTPResponse:
        fields = form(request)
        booking: BookingView = await work(
            desk_work.undo_check_in, name, _code(fields), now=clock(), key=_nonce(fields.get("nonce"))
        )
        return await desk_page(name, found=await who(booking.code))

    # -- a slot's list ---------------------------------------------------------------------------------------------------

    async def list_page(number: str, status: int = 200, **values: Any) -> HTTPResponse:
        slot_id = _slot_id(number)
        found, lines = await query(sheet, slot_id), await work(desk_work.roster, slot_id)
        shown = {"problem": "", "contact": None, "about": "", "key": secrets.token_hex(8), **values}
        return page("attendees.html", status, slot=found, lines=lines, now=clock(), **shown)

    def on_list(handler: Handler) -> Handler:
        """A form of the list: what is refused is said on the list."""

        @wraps(handler)
        async def answered(request: Request, name: str, number: str) -> HTTPResponse:
            try:
                return await handler(request, name, number)
            except SlotNotFound:
                raise
            except BookingError as error:
                return await list_page(number, status_of(error), problem=str(error))

        return answered

    @pages.get("/check-in/slots/<number:[^/]+>")
    @for_staff
    async def attendees(request: Request, name: str, number: str) -> HTTPResponse:
        return await list_page(number)

    @pages.post("/check-in/slots/<number:[^/]+>/contact")
    @for_staff
    @on_list
    async def contact(request: Request, name: str, number: str) -> HTTPResponse:
        """A phone number in full, shown once and noted in the audit trail."""
        code = _code(form(request))
        shown = await work(desk_work.show_contact, name, code, now=clock())
        return await list_page(number, contact=shown, about=code)

    @pages.post("/check-in/slots/<number:[^/]+>/cancel-booking")
    @for_staff
    @on_list
    async def cancel_booking(request: Request, name: str, number: str) -> HTTPResponse:
        code = _code(form(request))
        await work(service.cancel_for, name, code, now=clock(), key=f"cancel:{code}")
        return redirect(f"/check-in/slots/{_slot_id(number)}", status=303)

    @pages.post("/check-in/slots/<number:[^/]+>/close")
    @for_staff
    @on_list
    async def close(request: Request, name: str, number: str) -> HTTPResponse:
        await work(desk_work.record_no_shows, now=clock(), slot_id=_slot_id(number), staff=name)
        return redirect(f"/check-in/slots/{_slot_id(number)}", status=303)

    @pages.post("/check-in/slots/<number:[^/]+>/cancel")
    @for_staff
    @on_list
    async def cancel_slot(request: Request, name: str, number: str) -> HTTPResponse:
        """A slot that does not take place; everybody is told the reason."""
        slot_id, reason = _slot_id(number), cleaned(form(request).get("reason", ""))[:200]
        if not reason:
            return await list_page(number, 422, problem="请写明为什么取消,会原样发给约了的人。")
        await work(service.cancel_slot, name, slot_id, reason, now=clock(), key=f"cancel-slot:{slot_id}")
        return redirect(f"/check-in/slots/{slot_id}", status=303)

    # -- scanners --------------------------------------------------------------------------------------------------------

    @pages.get("/api/check-in/keys")
    async def keys(request: Request) -> HTTPResponse:
        """With these a scanner checks tickets without a network (`booking.codes.check_ticket`)."""
        public = [key.hex() for key in desk().tickets.public_keys]
        body = {"algorithm": "Ed25519", "keys": public, "ticket": "C1-<code>-<slot>-<expires>-<signature, base32>"}
        return json_response(body, dumps=dumps, headers={"Cache-Control": "public, max-age=3600"})

    @pages.post("/api/check-in")
    async def scanned(request: Request) -> HTTPResponse:
        """A scan: {"ticket", "nonce", "at"}. The same nonce gets the same answer; `at` is when it was scanned, else now."""
        said = request.headers.getone("authorization", "")
        if not scans.allow(client_address(request)):
            return error_response(429, "too_many", "请求太多了,请过一分钟再发。")
        if not is_token(said.removeprefix("Bearer ")):
            return error_response(401, "no_token", "请带上签到口令:Authorization: Bearer …")
        now = clock()
        try:
            given = json_of(request)
            ticket, at = given.get("ticket"), _scanned_at(given.get("at"), now)
            if not isinstance(ticket, str):
                raise Refusal(422, "invalid_input", "ticket 要写签到码或预约号。", fields=["ticket"])
            nonce = _nonce(given.get("nonce"))
            done = await work(desk_work.check_in, SCANNER, _ticket(ticket), nonce=nonce, at=at, now=now)
        except (BookingError, Refusal) as error:
            return refused(error)
        return json_response(plain(asdict(done)), dumps=dumps, headers={"Cache-Control": "no-store"})

    return pages


def _ticket(said: str) -> str:
    """A QR code's text or a booking code, also out of the address that a camera may have made of it."""
    text = cleaned(said)[: LONGEST_TICKET * 2].rpartition("ticket=")[2][:LONGEST_TICKET]
    return text if re.fullmatch(r"[\w\s\-－—–]*", text) else ""


def _code(fields: dict[str, str]) -> str:
    code = read_code(fields.get("code", ""))
    if code is None:
        raise BookingNotFound
    return code


def _slot_id(number: str) -> int:
    found = whole(number, MAX_ID)
    if found is None:
        raise SlotNotFound
    return found


def _nonce(said: Any) -> str:
    if not isinstance(said, str) or not _NONCE.fullmatch(said):
        raise Refusal(
            422, "invalid_nonce", "每次扫码要有自己的编号 nonce(1到64个字母、数字或 _.:-)。", fields=["nonce"]
        )
    return said


def _scanned_at(said: Any, now: datetime) -> datetime:
    if said is None:
        return now
    try:
        at = datetime.fromisoformat(said.replace("Z", "+00:00"))
        if at.tzinfo is None or not 2000 <= at.year <= 2100:
            raise ValueError
    except (ValueError, AttributeError):
        raise Refusal(422, "invalid_at", "at 要写成 2026-11-25T14:00:00+08:00 这样的时间。", fields=["at"]) from None
    if at > now + CLOCKS_DIFFER:
        raise Refusal(422, "invalid_at", f"扫码时间 {local(at)} 还没有到,请校准扫码设备的时钟。", fields=["at"])
    return min(at, now)
