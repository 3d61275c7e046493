"""Why a command was not carried out: one class per reason, `str()` a Chinese sentence for the person, `code` for programs."""

from datetime import datetime

from booking.models import SHANGHAI


class BookingError(Exception):
    """A command that could not be carried out; nothing was changed."""

    code = "booking_error"


class SlotNotFound(BookingError):
    code = "slot_not_found"

    def __init__(self) -> None:
        super().__init__("没有找到这一场,可能已经下架。请重新选一场。")


class SlotCancelled(BookingError):
    code = "slot_cancelled"

    def __init__(self) -> None:
        super().__init__("这一场已经被基地取消了,请另选一场。")


class SlotFull(BookingError):
    """Fewer than the wanted places are free. `free` is how many are."""

    code = "slot_full"

    def __init__(self, free: int) -> None:
        self.free = max(free, 0)
        rest = f"这一场只剩{self.free}个名额,不够了。" if self.free else "这一场已经约满了。"
        super().__init__(f"{rest}您可以排队等候(候补),或者换一场。")


class DeadlinePassed(BookingError):
    """It is too late to `what` (预约, 取消, 改期). `deadline` is when it would have been in time."""

    code = "deadline_passed"

    def __init__(self, what: str, deadline: datetime, phone: str = "") -> None:
        self.deadline = deadline
        ask = f"有事请打基地电话{phone}。" if phone else "请另选一场。"
        super().__init__(f"这一场的{what}已经在{local(deadline)}截止。{ask}")


class PartySize(BookingError):
    """The course takes from `least` to `most` people at once."""

    code = "party_size"

    def __init__(self, least: int, most: int) -> None:
        self.least, self.most = least, most
        span = f"{least}人" if least == most else f"{least}到{most}人"
        super().__init__(f"这门课一次可以约{span},请改一下人数。")


class AlreadyBooked(BookingError):
    """The person has this slot already, as `booking`."""

    code = "already_booked"

    def __init__(self, booking: str | None = None) -> None:
        self.booking = booking
        super().__init__(f"您已经约了这一场{f',预约号是{booking}' if booking else ''}。")


class Overlap(BookingError):
    """The person is elsewhere at that time, with `booking`."""

    code = "overlap"

    def __init__(self, booking: str | None, starts_at: datetime) -> None:
        self.booking = booking
        which = f"(预约号{booking})" if booking else ""
        super().__init__(f"您在{local(starts_at)}已经有一场预约{which},时间冲突了。可以先取消或改期那一场,再约这一场。")


class LimitReached(BookingError):
    """The person has as many as one may have."""

    code = "limit_reached"

    def __init__(self, what: str, limit: int) -> None:
        self.limit = limit
        super().__init__(f"每人最多同时有{limit}个{what},您已经满了。用过或取消一个之后就能再约。")


class ConsentMissing(BookingError):
    code = "consent_missing"

    def __init__(self) -> None:
        super().__init__("预约要用到您的姓名和电话,需要您先同意。")


class BadContact(BookingError):
    """Name, phone number or list of names cannot be used. `field` is name, phone or participants."""

    code = "bad_contact"

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


class BookingNotFound(BookingError):
    code = "booking_not_found"

    def __init__(self) -> None:
        super().__init__("没有找到这个预约,请核对预约号。")


class NotChangeable(BookingError):
    """The booking is cancelled, or has been attended or missed."""

    code = "not_changeable"

    def __init__(self, status: str) -> None:
        self.status = status
        what = {"cancelled": "已经取消了", "attended": "已经签到了", "no_show": "已记为没有到场"}[status]
        super().__init__(f"这个预约{what},不能再改。")


class AlreadyWaiting(BookingError):
    code = "already_waiting"

    def __init__(self) -> None:
        super().__init__("您已经在这一场的候补名单里了。")


class StillFree(BookingError):
    code = "still_free"

    def __init__(self) -> None:
        super().__init__("这一场还有名额,可以直接预约,不用排队。")


class OfferGone(BookingError):
    """There is no such place on the waiting list, or its offer was answered or has expired."""

    code = "offer_gone"

    def __init__(self) -> None:
        super().__init__("这个候补名额已经不在了(过了时间、已处理或已让给下一位)。您可以重新排队。")


class KeyReused(BookingError):
    code = "key_reused"

    def __init__(self) -> None:
        super().__init__("这个请求编号已经用于另一项操作,请换一个新的编号。")


class TicketInvalid(BookingError):
    code = "ticket_invalid"


class TooEarly(BookingError):
    """Check-in has not opened. `opens_at` is when it does."""

    code = "too_early"

    def __init__(self, opens_at: datetime) -> None:
        self.opens_at = opens_at
        super().__init__(f"还没到签到时间,{local(opens_at)}开始签到。")


def local(moment: datetime) -> str:
    """`moment` as people read it: 11月25日14:30, Asia/Shanghai."""
    there = moment.astimezone(SHANGHAI)
    return f"{there.month}月{there.day}日{there:%H:%M}"
