"""Every setting in one table: `python -m bot settings` prints it, and docs/settings.md is what it prints."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """An environment variable: what is taken when it is not set, and what it is for, in Markdown."""

    name: str
    default: str
    meaning: str


@dataclass(frozen=True)
class Group:
    title: str
    settings: tuple[Setting, ...]


GROUPS = (
    Group(
        "启动",
        (
            Setting("PORT", "`5005`", "端口,1 到 65535"),
            Setting("HOST", "`0.0.0.0`", "监听的地址。只给本机用就设成 `127.0.0.1`"),
            Setting(
                "PUBLIC_URL",
                "`http://127.0.0.1:端口`",
                "外面的人打开网页用的网址,消息里的链接由它拼成。正式使用要写 https 网址",
            ),
            Setting("VAR_DIR", "项目里的 `var`", "数据文件夹"),
            Setting(
                "WORKERS", "`1`", "服务进程数,1 到 64。大于 1 时必须设 `REDIS_URL`;每多一个,忙的时候约多占 130 MB 内存"
            ),
            Setting(
                "DRAIN_SECONDS",
                "一个进程时 `0`,多个时 `2`",
                "停止前继续服务几秒(同时报告“未就绪”,让代理改走别处),0 到 60",
            ),
            Setting(
                "NOTIFICATIONS",
                "`1`",
                "`1`:第一个服务进程顺带发预约通知、清理过期数据;`0`:另用 `python -m bot worker` 来做",
            ),
            Setting("SANIC_PROXIES_COUNT", "无", "前面有几层反向代理。设了才按代理报的地址限速"),
        ),
    ),
    Group(
        "存储",
        (
            Setting(
                "DATABASE_URL",
                "`sqlite:///` 加 `VAR_DIR` 里的 `chanjiaotong.db`",
                "数据库:SQLite 文件,或 `postgresql://用户:密码@主机/库名`",
            ),
            Setting("REDIS_URL", "无", "Redis,如 `redis://127.0.0.1:6379/0`。几个进程或几台机器靠它排队、去重、限速"),
            Setting("CONVERSATION_DAYS", "`90`", "对话状态、聊天记录、评价和测算结果保留几天,1 到 3650"),
        ),
    ),
    Group(
        "安全",
        (
            Setting(
                "SECRET_KEY",
                "第一次启动时随机生成,存在 `VAR_DIR` 里的 `secret_key`",
                "会话签名和个人信息加密用的密钥。几台机器要用同一个",
            ),
            Setting("OLD_SECRET_KEYS", "无", "换下来的旧密钥,用逗号隔开:旧会话和旧数据仍打得开,换密钥时不用停"),
            Setting("STAFF_TOKEN", "无", "基地工作人员的签到口令,至少 16 个字符;不设就没有签到页"),
            Setting("MESSAGES_PER_MINUTE", "`30`", "一个人每分钟最多发几条,1 到 1000000"),
        ),
    ),
    Group("日志", (Setting("LOG_FORMAT", "`text`", "`text` 给人看,`json` 给日志系统收(每次回答也记一行,不含内容)"),)),
    Group(
        "微信公众号",
        (
            Setting("WECHAT_TOKEN", "无", "公众号后台填的令牌(Token)。不设就没有这个渠道"),
            Setting("WECHAT_MODE", "有密钥时 `safe`,没有时 `plain`", "消息加解密方式:`plain`、`compatible` 或 `safe`"),
            Setting("WECHAT_APP_ID", "无", "开发者 ID(AppID)。安全模式、兼容模式和认证号必填"),
            Setting("WECHAT_APP_SECRET", "无", "开发者密码(AppSecret)。认证号必填"),
            Setting("WECHAT_AES_KEY", "无", "消息加解密密钥(EncodingAESKey)"),
            Setting("WECHAT_AES_KEY_PREVIOUS", "无", "换下来的消息加解密密钥"),
            Setting("WECHAT_CERTIFIED", "`0`", "`1`:已认证,可以发客服消息"),
            Setting("WECHAT_TEMPLATE_ID", "无", "预约通知用的模板消息编号"),
            Setting("WECHAT_SUBSCRIPTION", "`0`", "`1`:预约通知用订阅通知发,不用模板消息。编号和关键词用上下两项"),
            Setting("WECHAT_TEMPLATE_KEYWORDS", "`thing1=title,thing2=text`", "模板里哪个关键词放标题、哪个放内容"),
            Setting("WECHAT_API_BASE", "`https://api.weixin.qq.com`", "微信接口的地址"),
        ),
    ),
    Group(
        "企业微信和微信客服",
        (
            Setting(
                "WECOM_CORP_ID",
                "无",
                "企业 ID。这五项都设了才有这个渠道:`WECOM_CORP_ID`、`WECOM_AGENT_ID`、`WECOM_SECRET`、`WECOM_TOKEN`、`WECOM_AES_KEY`",
            ),
            Setting("WECOM_SECRET", "无", "应用的 Secret"),
            Setting("WECOM_TOKEN", "无", "接收消息的 Token"),
            Setting("WECOM_AES_KEY", "无", "接收消息的 EncodingAESKey"),
            Setting("WECOM_AES_KEY_PREVIOUS", "无", "换下来的 EncodingAESKey"),
            Setting("WECOM_AGENT_ID", "无", "应用的 AgentId"),
            Setting("WECOM_API_BASE", "`https://qyapi.weixin.qq.com`", "企业微信接口的地址"),
        ),
    ),
    Group(
        "LINE",
        (
            Setting("LINE_CHANNEL_SECRET", "无", "Channel secret。和下一项都设了才有这个渠道"),
            Setting("LINE_CHANNEL_ACCESS_TOKEN", "无", "Channel access token"),
            Setting("LINE_API_BASE", "`https://api.line.me`", "LINE 接口的地址"),
        ),
    ),
)


def as_markdown() -> str:
    """The whole page."""
    lines = [
        "# 设置",
        "",
        "<!-- 由 `python -m bot settings > docs/settings.md` 生成,改 bot/settings_table.py -->",
        "",
        "设置都是环境变量,只在启动时读一次。写错了会用一行话说明,不启动。启动前后都可以用 `python -m bot doctor` 检查。",
        "一条消息最多 4000 个字、一个请求最多 64 KiB、平台的一次推送最多 1 MiB、一个上传的文件最多 6 MiB,这几个数写在 `bot/settings.py` 里。",
    ]
    for group in GROUPS:
        lines += ["", f"## {group.title}", "", "| 变量 | 默认值 | 说明 |", "|---|---|---|"]
        lines += [f"| `{each.name}` | {each.default} | {each.meaning} |" for each in group.settings]
    return "\n".join(lines) + "\n"
