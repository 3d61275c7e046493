"""One Reply on every channel: the same sources, the same choices, and its whole text or a link to it."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from bot.reply import Reply
from channels.line.messages import render
from channels.text import merge
from channels.wechat.messages import QUOTA_AFTER_EVENT, QUOTA_AFTER_MESSAGE, customer, passive
from channels.wecom.messages import in_one, to_customer, to_member
from tests.channels.replies import BASE_URL, EVERY

PAGE = f"{BASE_URL}/chat/enter?ticket=T"
CHANNELS: Mapping[str, Callable[[Reply], Any]] = {
    "wechat, passive": lambda reply: passive(reply, BASE_URL, PAGE).passive(),
    "wechat, after a message": lambda reply: [
        o.customer() for o in customer(reply, BASE_URL, PAGE, QUOTA_AFTER_MESSAGE)
    ],
    "wechat, after a tap": lambda reply: [o.customer() for o in customer(reply, BASE_URL, PAGE, QUOTA_AFTER_EVENT)],
    "wecom": lambda reply: to_member(reply, BASE_URL, PAGE),
    "wecom-kf": lambda reply: to_customer(reply, BASE_URL, PAGE),
    "wecom-kf, greeting": lambda reply: in_one(reply, BASE_URL, PAGE),
    "line": lambda reply: render(reply, BASE_URL, PAGE),
}


@pytest.mark.parametrize("name", EVERY)
def test_the_same_answer_has_the_same_sources_and_choices_on_every_channel(name: str) -> None:
    reply = merge([EVERY[name].dict()])
    sources = {
        citation.url.partition("?")[0] + "#" + citation.article.partition("#")[2] for citation in reply.citations
    }
    for channel, rendered in CHANNELS.items():
        said = json.dumps(rendered(reply), ensure_ascii=False)
        linked = {
            f"/policies/{page}#{number}" for page, number in re.findall(r"/policies/([\w-]+)[^#\s\"]*#([\d.]+)", said)
        }
        assert linked == sources, channel
        assert all(citation.label in said for citation in reply.citations), channel
        assert all(quick.title in said for quick in reply.quick_replies), channel
        sentences = [json.dumps(each, ensure_ascii=False)[1:-1] for each in re.split("(?<=。)|\n", reply.text)]
        assert PAGE in said or all(sentence in said for sentence in sentences), channel
