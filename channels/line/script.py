"""Which script a person on LINE reads: the one of the last text that shows it, else the language of the LINE profile."""

from collections.abc import Callable

from channels.kept import Kept
from channels.line.client import LineClient, LineError

KEEP_SECONDS = 30 * 24 * 3600.0
ASK_AGAIN_SECONDS = 3600.0
_TRADITIONAL = ("zh-tw", "zh-hk", "zh-mo", "zh-hant")


class Scripts:
    """`is_traditional` judges a text, `to_traditional` converts one; policy_kb has both and the server passes them in."""

    def __init__(
        self,
        client: LineClient,
        kept: Kept,
        is_traditional: Callable[[str], bool],
        to_traditional: Callable[[str], str],
    ) -> None:
        self.client, self.kept = client, kept
        self.is_traditional, self.to_traditional = is_traditional, to_traditional

    async def words(self, user_id: str | None, said: str = "") -> Callable[[str], str]:
        """How to say something to this person, who just said `said`: a function from our words to theirs."""
        traditional = self._shown_by(said)
        key = f"line-script:{user_id}"
        if user_id and traditional is not None:
            await self.kept.put(key, traditional, KEEP_SECONDS)
        elif user_id:
            traditional = await self.kept.get(key)
            if traditional is None:
                traditional = await self._by_profile(key, user_id)
        return self._say_traditional if traditional else str

    def _shown_by(self, said: str) -> bool | None:
        """Many a short text, such as 你好, is the same in both scripts."""
        if self.is_traditional(said):
            return True
        return False if self.to_traditional(said) != said else None

    async def _by_profile(self, key: str, user_id: str) -> bool:
        """LINE tells the language of friends who agreed to it; where it does not, it is not asked again for an hour."""
        try:
            language = await self.client.language(user_id)
        except LineError:
            language = None
        traditional = (language or "").lower().startswith(_TRADITIONAL)
        await self.kept.put(key, traditional, KEEP_SECONDS if language else ASK_AGAIN_SECONDS)
        return traditional

    def _say_traditional(self, text: str) -> str:
        """What is Traditional already stays: converting it again would change a word here and there (制 into 製)."""
        return text if self.is_traditional(text) else self.to_traditional(text)
