"""Jieba with our domain dictionary, over normalised text, and a fingerprint that sees the dictionary."""

import hashlib
from pathlib import Path
from typing import Any

import jieba
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.nlu.tokenizers.jieba_tokenizer import JiebaTokenizer
from rasa.nlu.tokenizers.tokenizer import Token
from rasa.shared.nlu.training_data.message import Message

from policy_kb.normalise import same_length


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_TOKENIZER, is_trainable=True)
class DomainTokenizer(JiebaTokenizer):
    """Simplified, half-width, lower-case tokens at the offsets of the original text."""

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str | None:
        """The dictionary's contents: Rasa's own fingerprint sees only its path, and would reuse a stale cached tokenizer."""
        # A node whose output comes from Rasa's cache is asked with an empty config.
        files = sorted(Path(config["dictionary_path"]).glob("*")) if config.get("dictionary_path") else []
        return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()

    def tokenize(self, message: Message, attribute: str) -> list[Token]:
        text = same_length(message.get(attribute))
        return self._apply_token_pattern([Token(word, start) for word, start, _ in jieba.tokenize(text)])
