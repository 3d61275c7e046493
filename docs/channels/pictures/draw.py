"""Draws the pictures of the setup guides: which field of a platform's console takes which of our values. `python docs/channels/pictures/draw.py`.

They are drawings, not screenshots: nobody's console, nobody's secrets, and what changes in a console is changed here in a line.
"""

from dataclasses import dataclass
from html import escape
from pathlib import Path
from unicodedata import east_asian_width

HERE = Path(__file__).parent
SITE = "https://cjt.example.cn"
WIDTH, LABEL, BOX, NOTE = 920, 204, 220, 634
ROW, TOP, BOTTOM = 62, 92, 58
CAPTION = "这是示意图,不是截图。平台的样子会变,请按格子的名字找。"
INK, GREY, LINE, ACCENT, SOFT = "#1f2329", "#646a73", "#c9cdd4", "#0b6e4f", "#e8f3ee"
FONTS = "system-ui, 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif"


@dataclass(frozen=True)
class Text:
    """A field with `value` in it, and the `button` beside it. `note`: lines on what to do."""

    label: str
    value: str
    note: tuple[str, ...] = ()
    button: str = ""


@dataclass(frozen=True)
class Choice:
    """One of `options`."""

    label: str
    options: tuple[str, ...]
    chosen: int
    note: tuple[str, ...] = ()


@dataclass(frozen=True)
class Switch:
    label: str
    on: bool
    note: tuple[str, ...] = ()


@dataclass(frozen=True)
class Form:
    """A page of a console: the way to it, its fields, and the button that ends it."""

    name: str
    title: str
    way: str
    fields: tuple[Text | Choice | Switch, ...]
    done: str = ""


WECHAT_WAY = "mp.weixin.qq.com → 设置与开发 → 基本配置"
FORMS = (
    Form(
        "wechat-ids",
        "公众号开发信息",
        WECHAT_WAY,
        (
            Text("开发者ID(AppID)", "wx……", ("抄到 WECHAT_APP_ID",)),
            Text("开发者密码(AppSecret)", "只显示一次", ("抄到 WECHAT_APP_SECRET", "认证过的号才要"), "重置"),
            Text("IP白名单", "服务器访问外网用的 IP,一行一个", ("认证过的号才要", "每台服务器都写上"), "修改"),
        ),
    ),
    Form(
        "wechat-server",
        "服务器配置",
        f"{WECHAT_WAY} → 服务器配置 → 修改配置",
        (
            Text("服务器地址(URL)", f"{SITE}/webhooks/wechat", ("换成自己的网址",)),
            Text("令牌(Token)", "自己想的,只用字母和数字", ("和 WECHAT_TOKEN 一样",)),
            Text("消息加解密密钥\n(EncodingAESKey)", "43 个字符", ("抄到 WECHAT_AES_KEY",), "随机生成"),
            Choice("消息加解密方式", ("明文模式", "兼容模式", "安全模式"), 2, ("和 WECHAT_MODE=safe 一样",)),
        ),
        "提交,成功以后再点“启用”",
    ),
    Form(
        "wechat-template",
        "模板消息",
        "mp.weixin.qq.com → 模板消息 → 我的模板",
        (
            Text("模板ID", "43 个字符", ("抄到 WECHAT_TEMPLATE_ID",)),
            Text("详细内容", "预约:{{thing1.DATA}}  说明:{{thing2.DATA}}", ("名字写进", "WECHAT_TEMPLATE_KEYWORDS")),
        ),
    ),
    Form(
        "wecom-ids",
        "企业信息和自建应用",
        "work.weixin.qq.com → 我的企业;应用管理 → 自建",
        (
            Text("企业ID", "ww……", ("抄到 WECOM_CORP_ID", "在“我的企业”最下面")),
            Text("AgentId", "1000002", ("抄到 WECOM_AGENT_ID",)),
            Text("Secret", "在企业微信里查看", ("抄到 WECOM_SECRET",), "查看"),
            Text("可见范围", "要用的部门和人", ("不在里面的人收不到回答",)),
            Text("企业可信IP", "服务器访问外网用的 IP", ("每台服务器都写上",), "配置"),
        ),
    ),
    Form(
        "wecom-receive",
        "接收消息服务器配置",
        "应用管理 → 自建 → 产教通 → 接收消息 → 设置API接收",
        (
            Text("URL", f"{SITE}/webhooks/wecom", ("换成自己的网址",)),
            Text("Token", "字母和数字", ("抄到 WECOM_TOKEN",), "随机获取"),
            Text("EncodingAESKey", "43 个字符", ("抄到 WECOM_AES_KEY",), "随机获取"),
        ),
        "先用这些值启动服务器,再点“保存”",
    ),
    Form(
        "wecom-kf",
        "微信客服的回调配置",
        "应用管理 → 微信客服 → API",
        (
            Text("可调用接口的应用", "产教通(上面建的应用)", ("用它的 WECOM_SECRET",), "修改"),
            Text("管理的客服账号", "产教通客服", ("由这个应用管理",), "修改"),
            Text("URL", f"{SITE}/webhooks/wecom-kf", ("结尾是 wecom-kf",)),
            Text("Token", "和接收消息的一样", ("WECOM_TOKEN",)),
            Text("EncodingAESKey", "和接收消息的一样", ("WECOM_AES_KEY",)),
        ),
        "完成",
    ),
    Form(
        "line-channel",
        "Messaging API channel",
        "developers.line.biz → Provider → Channel",
        (
            Text("Channel secret", "32 个字符", ("抄到 LINE_CHANNEL_SECRET", "在“Basic settings”页")),
            Text(
                "Channel access token",
                "long-lived,点 Issue 得到",
                ("抄到", "LINE_CHANNEL_ACCESS_TOKEN"),
                "Issue",
            ),
        ),
    ),
    Form(
        "line-webhook",
        "Webhook settings",
        "developers.line.biz → Channel → Messaging API",
        (
            Text("Webhook URL", f"{SITE}/webhooks/line", ("换成自己的网址", "Verify 应显示 Success"), "Verify"),
            Switch("Use webhook", True, ("开:消息才会送来",)),
            Switch("Webhook redelivery", True, ("开:没收到的会再来一次",)),
        ),
    ),
    Form(
        "line-response",
        "Response settings(回应设置)",
        "LINE Official Account Manager → Settings → Response settings",
        (
            Switch("Chat", False, ("关:不然人也会回答",)),
            Switch("Webhooks", True, ("开:消息才会送来",)),
            Switch("Auto-response messages", False, ("关:不然一句有两个回答",)),
            Switch("Greeting message", True, ("可以开",)),
        ),
    ),
)


def breadth(text: str, size: float) -> float:
    """About how wide `text` gets, in pixels: a Chinese character is as wide as it is high."""
    return sum(size if east_asian_width(c) in "WF" or c in "…“”·→" else size * 0.56 for c in text)


def draw(form: Form) -> str:
    """`form` as an SVG picture. Raises ValueError for what would run out of its place."""
    height = TOP + ROW * len(form.fields) + (ROW if form.done else 0) + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" font-family="{FONTS}">',
        f"<title>示意图:{escape(form.title)}</title>",
        f'<rect x="1" y="1" width="{WIDTH - 2}" height="{height - 2}" rx="10" fill="#fff" stroke="{LINE}"/>',
        _words(24, 38, form.title, 19, WIDTH - 48, weight="600"),
        _words(24, 64, form.way, 14, WIDTH - 48, GREY),
        f'<line x1="0" y1="80" x2="{WIDTH}" y2="80" stroke="{LINE}"/>',
    ]
    for number, field in enumerate(form.fields):
        parts += _field(field, TOP + ROW * number)
    if form.done:
        y = TOP + ROW * len(form.fields) + 12
        parts += _button(BOX, y, form.done, "#fff", ACCENT)
    parts.append(_words(24, height - 20, CAPTION, 13, WIDTH - 48, GREY))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _field(field: Text | Choice | Switch, y: int) -> list[str]:
    middle = y + 31
    label = field.label.split("\n")
    parts = [
        _words(LABEL, middle + 5 + 19 * (n - (len(label) - 1) / 2), line, 15, LABEL - 16, anchor="end")
        for n, line in enumerate(label)
    ]
    if isinstance(field, Text):
        room = NOTE - BOX - 16 - (breadth(field.button, 14) + 40 if field.button else 0)
        parts += [
            f'<rect x="{BOX}" y="{middle - 18}" width="{room:.0f}" height="36" rx="5" fill="#fff" stroke="{LINE}"/>',
            _words(BOX + 12, middle + 5, field.value, 14, room - 24),
        ]
        if field.button:
            parts += _button(int(BOX + room + 10), middle - 18, field.button, INK, "#f2f3f5")
    elif isinstance(field, Choice):
        x = float(BOX)
        for number, option in enumerate(field.options):
            chosen = number == field.chosen
            parts.append(
                f'<circle cx="{x + 9:.0f}" cy="{middle}" r="8" fill="#fff" stroke="{ACCENT if chosen else LINE}"/>'
            )
            if chosen:
                parts.append(f'<circle cx="{x + 9:.0f}" cy="{middle}" r="4.5" fill="{ACCENT}"/>')
            parts.append(_words(x + 24, middle + 5, option, 14, 100))
            x += 44 + breadth(option, 14)
    else:
        fill, knob = (ACCENT, BOX + 34) if field.on else (LINE, BOX + 12)
        parts += [
            f'<rect x="{BOX}" y="{middle - 12}" width="46" height="24" rx="12" fill="{fill}"/>',
            f'<circle cx="{knob}" cy="{middle}" r="9" fill="#fff"/>',
            _words(BOX + 58, middle + 5, "开" if field.on else "关", 14, 60, GREY),
        ]
    return parts + _note(field.note, middle)


def _note(lines: tuple[str, ...], middle: int) -> list[str]:
    if not lines:
        return []
    height = 14 + 19 * len(lines)
    parts = [
        f'<rect x="{NOTE}" y="{middle - height / 2:.0f}" width="{WIDTH - NOTE - 20}" height="{height}" rx="5" fill="{SOFT}"/>',
        f'<path d="M{NOTE - 9} {middle} l9 -6 v12 z" fill="{SOFT}"/>',
    ]
    for number, line in enumerate(lines):
        y = middle + 5 + 19 * (number - (len(lines) - 1) / 2)
        parts.append(_words(NOTE + 10, y, line, 14, WIDTH - NOTE - 40, ACCENT))
    return parts


def _button(x: int, y: int, title: str, ink: str, fill: str) -> list[str]:
    room = breadth(title, 14) + 30
    return [
        f'<rect x="{x}" y="{y}" width="{room:.0f}" height="36" rx="5" fill="{fill}"/>',
        _words(x + room / 2, y + 23, title, 14, room, ink, anchor="middle"),
    ]


def _words(
    x: float, y: float, words: str, size: int, room: float, ink: str = INK, anchor: str = "start", weight: str = "400"
) -> str:
    if breadth(words, size) > room:
        raise ValueError(f"“{words}” is {breadth(words, size):.0f} wide, {room:.0f} at most")
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" font-weight="{weight}" fill="{ink}" text-anchor="{anchor}">'
        f"{escape(words)}</text>"
    )


if __name__ == "__main__":
    for form in FORMS:
        (HERE / f"{form.name}.svg").write_text(draw(form), encoding="utf-8")
