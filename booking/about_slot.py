"""What people ask about the slots before them (收费吗, 在哪, 谁教), answered with what the base has written and nothing else."""

import re
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from booking.dates import fold, say_day
from booking.errors import local
from booking.find import FoundSlot, slot_of
from booking.models import SHANGHAI, Base, Slot

LONGEST_QUESTION = 40
_ORDINAL = re.compile(r"第\s*([一二三四五六七八九十]|\d{1,2})\s*[个场项条]")
# Words that may stand around a question without making it another one.
_AROUND = re.compile(
    r"一个人|每个?人|一人|报名|请问|问一?下|我想知道|想问|麻烦|那|这|它|个|场|一|第|我们?|咱们?|俺们?|到时候?|去|来|学|交|上课|课|班|次|实训|实习|培训|训练|活动|项目|参加|预约|约|的话|的|地得|具体|大概|一般|"
    r"还|都|是|需要|需|要|用|得|会|让|给|也|就|一共|总共|最晚|最早|人家|有没有|有|没|能不能|能|可不可以|可以|可|行不行|行|什么|啥|甚|怎么|咋|多少|吗|么|嘛|呢|呀|啊|哇|嘞|哦|吧|了|不|"
    r"你们|您|你|现在|里|上|下|自己|东西|过|吗|[,.。?!?!、~\s]"
)  # fmt: skip
_WHAT = "(?:什么|啥|些什么|些啥|点啥)"
_TOPICS = {
    "deadline": (
        r"(?:什么|啥)时候(?:截止|能退|能取消|能改)|截止|(?:能不能|可以|能|怎么|咋)(?:退|取消|改期|改时间|改)",
        r"(?:退|取消|改期)了?(?:行|可以|能行)|提前(?:多久|几天)",
    ),
    "fee": (
        r"(?:收不收费|收费|收不收钱|收钱|多少钱|几块钱?|要不要钱|不?要钱|花不花钱|花钱|费用|免费|免不免费|价[格钱]|贵不贵|贵)",
        r"交钱|交费|学费|掏钱|自费|公益|有偿|怎么收|收多少",
    ),
    "unwritten": (
        rf"带(?:{_WHAT}|东西|材料|身份证|工具|工装|饭|水)?|准备{_WHAT}?|停车[场位]?|车位|食堂|管饭|饭|午餐|包吃住?|包住|吃住|吃|住宿|宿舍|住",
        r"班车|接送|公交|地铁|证书?|发证|结业证|考试|教材|书|工装|工作服|劳保|穿|衣服|鞋|安全帽|工具|材料|设备|机器|保险|厕所",
        r"wifi|空调|暖气|录像|拍照|旁听|家属|孩子|发票|迟到|请假|签到",
    ),
    "content": (rf"(?:学|教|讲|干|做){_WHAT}|内容",),
    "where": (
        r"在哪[里儿个]?(?:上课?|区|县|市|城市)?|(?:什么|啥|甚)地方|哪里|哪儿|上哪|到哪|地址|地点|位置|(?:怎么|咋|如何)(?:走|去|过去|坐车)",
        r"坐(?:几路|什么车)|远不远|远吗|哪个?(?:区|县|城市|市|基地)|导航|路线",
    ),
    "who": (
        r"是?谁来?给?(?:教|讲|带|上|授)?|(?:教|讲|带|授)课?的?是?谁|哪[个位](?:老师|师傅|教练|教师)",
        r"(?:老师|师傅|教练|讲师|教师)(?:是谁|是哪位|叫啥|叫什么|怎么样|厉害|水平)?",
    ),
    "audience": (
        r"适合(?:谁|什么人|哪些人|我)?|(?:什么|啥|哪些)人|零基础|没有?基础|没学过|不会|小白|新手|基础|要求|条件|门槛|学历|年龄|岁数|多大",
        r"女的?|男的?|学生|社会上?的?人|难不难|难|什么级别|级别|等级",
    ),
    "places": (
        r"还有几个|(?:还)?剩下?(?:几个|多少)?|(?:多少|几)名额|几个名额|名额|(?:多少|几)个?人|最多|最少|人多不多|人多",
    ),
    "phone": (
        r"(?:基地)?的?(?:联系)?(?:电话|座机)是?(?:多少|几号)?|(?:怎么|咋|如何)联系(?:你们|基地)?|打(?:哪个|什么)电话",
    ),
    "when": (
        r"几点钟?(?:开始|结束|到|上课?|下课?|完)?|(?:什么|啥|甚)时候?(?:开始|结束|上课?)?|几[号天]|哪一?天|(?:星期|周|礼拜)几",
        r"开始|结束|多久|多长时间|多长|几个?(?:小时|钟头)|时长|时间|课时|半天|一整?天",
    ),
}
_PATTERNS = {topic: re.compile("|".join(patterns)) for topic, patterns in _TOPICS.items()}  # in the order of reading


def topics_of(text: str) -> tuple[str, ...]:
    """The topics that `text` asks about a slot, when it is about nothing else: 收费吗, but not 培训津贴多少钱."""
    plain = fold(text)
    if not plain or len(plain) > LONGEST_QUESTION:
        return ()
    found, rest = [], _ORDINAL.sub(" ", plain)
    for topic, pattern in _PATTERNS.items():
        without = pattern.sub(" ", rest)
        if without != rest:
            found.append(topic)
            rest = without
    return tuple(found) if found and not _AROUND.sub("", rest) else ()


def about(connection: Any, slots: Sequence[int], topics: Sequence[str], text: str, now: Any) -> str:
    """What the bases have written on `topics` about the `slots` before somebody, or about the one that `text` numbers."""
    number = _ORDINAL.search(fold(text))
    numbered = list(enumerate(slots, start=1))
    if number and len(slots) > 1:
        wanted = "一二三四五六七八九十".find(number[1]) + 1 or int(number[1])
        numbered = [pair for pair in numbered if pair[0] == wanted] or numbered
    told: dict[str, list[int]] = {}
    for position, slot_id in numbered:
        slot = slot_of(connection, slot_id)
        if slot is not None:
            base = sa.select(Base.phone, Slot.cancellation_deadline).join(Slot, Slot.base_id == Base.id)
            phone, deadline = connection.execute(base.where(Slot.id == slot_id)).one()
            answer = "".join(_ANSWERS[topic](slot, phone, deadline, now) for topic in topics)
            told.setdefault(answer, []).append(position)
    if len(told) < 2:
        return "".join(told)
    return "\n".join(f"第{'、'.join(map(str, which))}场:{answer}" for answer, which in told.items())


def _ask(what: str, phone: str) -> str:
    return f"{what},基地没有写,请打基地电话问:{phone}。"


def _fee(slot: FoundSlot, phone: str, deadline: Any, now: Any) -> str:
    price = f"基地写的价格是:{slot.price}。" if slot.price else _ask("具体收不收钱、收多少", phone)
    return f"这一场标的是“{slot.fee_kind}”。{price}"


def _where(slot: FoundSlot, phone: str, deadline: Any, now: Any) -> str:
    return f"在{slot.base_name}({slot.city}),地址:{slot.address}。怎么走可以打基地电话问:{phone}。"


def _when(slot: FoundSlot, phone: str, deadline: Any, now: Any) -> str:
    begins, ends = slot.starts_at.astimezone(SHANGHAI), slot.ends_at.astimezone(SHANGHAI)
    minutes = int((slot.ends_at - slot.starts_at).total_seconds()) // 60
    hours = f"{minutes // 60}小时" if minutes >= 60 else ""
    rest = f"{minutes % 60}分钟" if minutes % 60 else ""
    day = say_day(begins.date(), now.astimezone(SHANGHAI).date())
    return f"{day}{begins:%H:%M}开始,{ends:%H:%M}结束,一共{hours}{rest}。"


def _who(slot: FoundSlot, phone: str, deadline: Any, now: Any) -> str:
    return f"带教老师:{slot.trainer}。" if slot.trainer else _ask("谁来教", phone)


def _audience(slot: FoundSlot, phone: str, deadline: Any, now: Any) -> str:
    written = [f"级别是“{slot.level}”"] if slot.level else []
    written += [f"对象是“{slot.audience}”"] if slot.audience else []
    if written:
        return f"基地写的{','.join(written)}。别的要求没有写,可以打基地电话问:{phone}。"
    return _ask("要什么条件、适合什么人", phone)


def _places(slot: FoundSlot, phone: str, deadline: Any, now: Any) -> str:
    span = f"{slot.min_party}人" if slot.min_party == slot.max_party else f"{slot.min_party}到{slot.max_party}人"
    return f"一共{slot.capacity}个名额,还剩{max(slot.free, 0)}个;一次可以约{span}。"


def _deadline(slot: FoundSlot, phone: str, deadline: Any, now: Any) -> str:
    return (
        f"{local(slot.booking_deadline)}前可以约;约好以后,{local(deadline)}前可以取消或改期,过后请打基地电话:{phone}。"
    )


def _phone(slot: FoundSlot, phone: str, deadline: Any, now: Any) -> str:
    return f"{slot.base_name}的电话:{phone}。"


def _content(slot: FoundSlot, phone: str, deadline: Any, now: Any) -> str:
    return f"课程是“{slot.title}”,属于{slot.field}、{slot.service}。{_ask('更细的内容', phone)}"


def _unwritten(slot: FoundSlot, phone: str, deadline: Any, now: Any) -> str:
    return _ask("这一点", phone)


_ANSWERS = {
    "fee": _fee,
    "where": _where,
    "when": _when,
    "who": _who,
    "audience": _audience,
    "places": _places,
    "deadline": _deadline,
    "phone": _phone,
    "content": _content,
    "unwritten": _unwritten,
}
