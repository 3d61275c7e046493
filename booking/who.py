"""Who comes, out of what people say: names, a phone number, and how many they are."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from booking.contact import read_contact
from booking.dates import fold
from booking.errors import BadContact

PHONE = re.compile(r"(?<!\d)(?:(?:\+|00)?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)|(?<!\d)0\d{2,3}[- ]?\d{7,8}(?!\d)")
_DIGITS = re.compile(r"\d[\d -]{5,}\d")  # a number that somebody meant for a phone number
_SURNAMES = frozenset(
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏窦章苏潘葛奚范彭郎鲁韦昌马苗方俞任袁柳鲍史唐费廉岑薛雷贺倪汤"
    "滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄和穆萧尹姚邵汪祁毛米贝明戴宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁"
    "钟徐邱骆高夏蔡田樊胡凌霍虞万支柯管卢莫房裘缪解应宗丁宣邓郁单杭洪包左石崔吉龚程邢裴陆荣翁荀羊甄曲封储靳段富巫焦巴牧隗谷车侯全班宁仇甘厉祖武"
    "符刘景詹束龙叶幸司黎薄印白蒲从索咸赖卓蔺屠蒙池乔闻党翟谭贡劳姬申冉桑桂牛边燕尚农温庄晏柴瞿阎连习艾鱼向古易慎戈廖终暨居衡步都耿满弘匡国文"
    "寇广禄东欧利师巩聂晁勾敖冷訾辛阚那简饶曾沙鞠丰关相查后荆红游权盖益桓公岳帅亢肖闫付代冀原逯郄智要苑展降弓尉亓覃仝楚栗晋郗付佟佘初"
)
_COMPOUND = re.compile(
    "^(?:欧阳|上官|司马|诸葛|司徒|东方|独孤|南宫|皇甫|尉迟|公孙|慕容|令狐|宇文|长孙|端木|夏侯|呼延|申屠|轩辕)"
)
# Nobody is called this, though some of it begins like a name.
_NO_NAME = re.compile(
    r"^姓|[的了吗呢么吧啊您你我他她它们啥哪谁怎咋几]|多少|什么|为何|不[是行要能会知对用想去在好]|没有|有没|能不|要不|给不|收费|要钱|给钱|费用|价格|免费|"
    r"预约|约[个上场课一]|改[成期到]|取消|删除|信息|资料|报名|同意|确认|确定|实训|实习|培训|实操|考[证核试]|鉴定|课程|基地|车间|公司|单位|工厂|学校|"
    r"学[生员徒院]|老师$|教师|员工|职工|工人|同[学事]$|徒弟|厂[里长]?$|时[间候]|地[址点方]|位置|电话|手机|号码|姓名|名字|联系|周[一二三四五六日末](?:$|[的上下早晚中吧])|星期|礼拜|"
    r"今[天年]|明[天年早晚]|后天|上午|下午|晚上|早上|中午|马上|方便|谢谢|感谢|您好|你好|再见|随便|等[等一下]|稍等|知道|清楚|可以|没问题|没错|好[的了]|"
    r"安全|高[中级]|关于|都[行可是]|时常|全[部都]|和以|数控|车床|电工|电焊|焊[工接]|汽修|机器人|护理|太原|大同|朔州|忻州|阳泉|晋[中城]|吕梁|长治|临汾|运城|"
    r"停车|食堂|包[吃住]|住宿|身份|一起|两个|三个|人[数]|平时|有[空事]|应该|写错|错了|换[个成]|别的|其他|另外|还有|以后|查[看询]|文件|政策|补[贴助]|津贴|工资"
)  # fmt: skip
_INTRODUCED = re.compile(
    r"(?:我叫|名叫|名字(?:错了|不对|写错了)?[,,]?(?:应该)?(?:是|叫|改成|改为)?|姓名(?:错了|不对)?[,,]?(?:是|改成|改为)?|叫做?|我是|本人是?|联系人(?:是|叫)?|[他她娃]叫)[::\s]*"
    r"(?P<run>[㐀-鿿·•]{2,20})"
)
_LEAD = re.compile(
    r"^(?:好的?|嗯|行|同意|对|那|哦|再加上?|加上|还有|另外|以及|和|跟|分别是|有|学员|学生|徒弟|员工|工人|报名人|人员|名单|姓名|名字|联系人|联系方式|电话|手机号?码?|号码|"
    r"(?:我们?|他|她|孩子|娃)?(?:叫|是)|我(?=姓)|本人|如下|为|[::(])+"
)
_TAIL = re.compile(r"(?:先生|女士|的?(?:手机号?码?|电话号?码?|号码|联系方式|联系电话)(?:是|为)?|[::)])+$")
_BETWEEN = re.compile(r"[、,,;;。!!/|+& \t\n]+")  # not the no-break space within wang xiaoming
_LATIN_NAME = re.compile(r"[a-zA-Z][a-zA-Z.'-]*(?: [a-zA-Z][a-zA-Z.'-]*){1,3}")
_TOGETHER = re.compile(r"和|跟|与|及|还有|以及")
_INSTEAD = re.compile(
    r"(?:不是|把)?(?P<old>[㐀-鿿·]{2,8}?)(?:(?:写|打|名字)*错了|不对|,?应该|换|改)?[,,\s]*(?:应该)?(?:是|成|为)(?P<new>[㐀-鿿·]{2,8})"
)


@dataclass(frozen=True)
class Contact:
    """What is known of who comes: the names of all, the phone number, and who is to be called if it is nobody of them."""

    names: tuple[str, ...] = ()
    phone: str = ""
    person: str = ""

    def __bool__(self) -> bool:
        return bool(self.names or self.phone or self.person)

    @property
    def lines(self) -> str:
        """As the vault keeps it; `of` reads it back."""
        return "\n".join((self.phone, self.person, *self.names))

    @classmethod
    def of(cls, lines: str) -> "Contact":
        phone, person, *names = lines.split("\n") if lines else ("", "")
        return cls(tuple(names), phone, person)

    def missing(self, party: int) -> str:
        """What still has to be said for a `party`, as a Chinese sentence; empty when nothing has."""
        if self.names and party > 1 and len(self.names) > party:
            return f"一共{party}人,现在写了{len(self.names)}位。请把{party}位学员的姓名重发一遍;人数变了就说“改成{len(self.names)}个人”。"
        if len(self.names) < party and (self.names or self.phone):
            left = f"还差{party - len(self.names)}位学员的姓名" if party > 1 else "还差姓名"
            got = f"记下了{len(self.names)}位,{left}" if self.names else f"手机号记下了,{left}"
            return f"{got}。" if self.phone else f"{got}和一个手机号。"
        if self.names and not self.phone:
            return "姓名记下了,还差手机号。"
        try:
            read_contact(self.names[0], self.phone, self.names, party)
        except BadContact as error:
            return str(error)
        except IndexError:
            return "请发姓名和手机号。"
        return ""


def hear(text: str, known: Contact = Contact(), party: int = 1, asked: bool = False) -> Contact:
    """`known` with what `text` says of who comes; the same when it says nothing.

    Names are taken when they are introduced (我叫李雷) or stand beside a phone number; when they were `asked` for, also alone.
    """
    plain = unicodedata.normalize("NFKC", text)
    phone = PHONE.search(plain)
    rest = PHONE.sub(" ", plain)
    replaced = _instead(rest, known.names)
    if replaced:
        return Contact(replaced, re.sub(r"[^\d+]", "", phone[0]) if phone else known.phone, known.person)
    rest = _LATIN_NAME.sub(lambda name: name[0].replace(" ", "\u00a0"), rest) if asked or phone else rest
    named, person = _introduced(rest)
    parts = [name for part in _BETWEEN.split(rest) if part for name in _apart(part)] if asked or phone else []
    names = [name for name in parts if _is_name(name, weak=asked)]
    if asked and not phone and not all(map(_surely, names)) and len(names) < len(parts):
        names = [name for name in names if _surely(name)]  # among other words only what looks like nothing but a name
    names = [name.replace("\u00a0", " ") for name in names or named if name != person or party == 1]
    digits = re.sub(r"[^\d+]", "", phone[0]) if phone else known.phone
    return Contact(_joined(known.names, tuple(names), party), digits, person or known.person)


def wrong_number(text: str) -> bool:
    """Whether a number in `text` looks as if it should be a phone number and is none."""
    plain = unicodedata.normalize("NFKC", text)
    return bool(_DIGITS.search(PHONE.sub("", plain)))


def _joined(old: tuple[str, ...], new: tuple[str, ...], party: int) -> tuple[str, ...]:
    """A list that goes on in another message is one list; a whole list, or a name for one, replaces what was said."""
    if len(new) == party > 1:
        return new
    fresh = tuple(name for name in new if name not in old)
    if not fresh or (len(old) == party and len(new) == 1 and party > 1):
        return old if not fresh or old else fresh
    return new if party == 1 or len(new) >= party or len(old) >= party else old + fresh


def _instead(text: str, names: Sequence[str]) -> tuple[str, ...]:
    """`names` with one put right (不是李四是李思, 李四错了,是李思); empty when that is not what is said."""
    for found in _INSTEAD.finditer(text):
        old = next((name for name in names if found["old"].endswith(name)), None)
        if old and _is_name(found["new"], weak=True):
            return tuple(found["new"] if name == old else name for name in names)
    return ()


def _introduced(text: str) -> tuple[list[str], str]:
    """Names after 我叫 and the like, and who is named as 联系人."""
    names, person = [], ""
    for found in _INTRODUCED.finditer(text):
        name = _first_name(found["run"])
        if not name or (found[0].startswith(("我是", "本人", "叫")) and name != found["run"]):
            continue
        if found[0].startswith("联系人"):
            person = name
        else:
            names.append(name)
    return names, person


def _first_name(run: str) -> str:
    """The name that `run` begins with, when nothing marks its end: 李雷 of 李雷想约明天."""
    if _is_name(run, weak=False):
        return run
    for length in (4, 3, 2) if _COMPOUND.match(fold(run)) else (3, 2):
        if _surely(run[:length]) and not re.search(
            r"[想要约报订来在去今明后下这那能可有电手号码联也就先,]", run[2:length]
        ):
            return run[:length]
    return ""


def _apart(part: str) -> list[str]:
    """`part` of a list without the words around a name; two names with 和 between them are two."""
    bare = _TAIL.sub("", _LEAD.sub("", part))
    if not bare or bare.isdigit():
        return []
    if not _surely(bare):
        for word in _TOGETHER.finditer(bare):  # 李和平和张有才 are two
            first, rest = bare[: word.start()], bare[word.end() :]
            if _is_name(first, weak=True) and all(_is_name(name, weak=True) for name in _apart(rest)):
                return [first, *_apart(rest)]
    return [bare]


def _surely(name: str) -> bool:
    """Whether `name` is a Chinese name by its surname, or one with a dot."""
    plain = fold(name)
    if _NO_NAME.search(plain) or not re.fullmatch(r"[㐀-鿿]{2,4}|[㐀-鿿]{1,12}(?:[·•][㐀-鿿]{1,12})+", plain):
        return False
    return "·" in plain or "•" in plain or plain[0] in _SURNAMES or bool(_COMPOUND.match(plain))


def _is_name(part: str, weak: bool) -> bool:
    """Whether `part` may be a name; a `weak` one needs no known surname, and may be in Latin letters."""
    plain = fold(part).replace("\u00a0", " ")
    if _surely(part) or (len(plain) == 3 and plain[0] in _SURNAMES and plain.endswith(("老师", "师傅"))):
        return True
    if not weak or _NO_NAME.search(plain):
        return False
    latin = re.fullmatch(r"[a-z][a-z .'-]{2,30}", plain) and plain not in (
        "yes",
        "hello",
        "cancel",
        "quit",
        "stop",
        "cnc",
        "plc",
    )
    return bool(latin or re.fullmatch(r"[㐀-鿿]{2,4}", plain))


# --- How many --------------------------------------------------------------------------------------------------------

_CN = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"两": 2, "俩": 2, "仨": 3}
_N = r"(?:\d{1,3}|[一二两三四五六七八九十百]{1,5})"
_PEOPLE = r"(?:个|位|名|口)?\s*(?:人(?!民|社|工|才)|学[员生]|[员职]工|工人|徒弟|同[事学]|娃|孩子|伙计|老师|教师|名额|工位|位[子置]|座)"
_MORE = re.compile(rf"(?:再?(?:多|加|添)(?:上|来|去)?)(?P<n>{_N})\s*(?:个|位|名)?人?")
_FEWER = re.compile(rf"(?:少|减|去掉)(?:来|去|掉)?(?P<n>{_N})\s*(?:个|位|名)?人?")
_COUNT = re.compile(
    rf"(?<![第\d年月])(?P<a>{_N})(?:来|多)?\s*{_PEOPLE}"
    rf"|(?:改成|改为|变成|变为|一共|总共|共|我们|咱们?|人数[是为]?)(?P<b>{_N})\s*(?:个|位|名)(?![月小工星礼时钟半班课证学天周])"
    r"|(?:我们|咱们?|就|我|娘|爷|夫妻|给我留|一共)?(?P<c>[俩仨])(?:人|个)?(?!月|小时|星期)"
    rf"|人数(?:改|变|换)?(?:成|为|是)?(?P<e>{_N})(?!\d)"
    r"|(?P<d>就我(?:一个|自己|一人)?(?=[,。!\s去来约吧]|$)|我一个(?=[,。!\s]|$)|我自己去?|只有我|一个人)"
)


def party_said(text: str, now: int = 1) -> int | None:
    """How many people `text` says, `now` being known so far: 改成3个人, 我们俩, 再加一个人. None when it says nothing of it."""
    plain = fold(text)
    if more := _MORE.search(plain):
        return now + _number(more["n"])
    if (fewer := _FEWER.search(plain)) and now > _number(fewer["n"]):
        return now - _number(fewer["n"])
    found = list(_COUNT.finditer(plain))
    if not found:
        return None
    last = found[-1]
    return 1 if last["d"] else _number(last["a"] or last["b"] or last["c"] or last["e"]) or None


def _number(text: str) -> int:
    if text.isdecimal():
        return int(text)
    hundreds, hundred, rest = text.rpartition("百")
    tens, ten, ones = rest.partition("十")
    total = _CN.get(hundreds, 1) * 100 if hundred else 0
    if ten:
        return total + _CN.get(tens[-1:] or "一", 1) * 10 + _CN.get(ones, 0)
    return total + _CN.get(rest, 0)
