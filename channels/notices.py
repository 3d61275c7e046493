"""What any messenger says when there is no answer to give."""

from bot.reply import Reply

TOO_FAST = Reply(kind="notice", text="您发得太快了,请过一会儿再发。")
FAILED = Reply(kind="notice", text="刚才出错了,请再说一次。")
NOT_TAKEN = Reply(kind="notice", text="系统暂时忙不过来,这条消息没有收下。请过一会儿再发一次。")
