"""What a question looks like to the classifiers: characters, pinyin syllables and thesaurus concepts as sparse numeric features.

Every feature is one exact 64-bit number (no hashing): a tag for the view and length, then up to three 16-bit symbols. Pinyin makes
homophone typos and pinyin typed in place of characters look like the word that was meant; concepts make lay words look like the
official ones.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from operator import add
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from pypinyin.pinyin_dict import pinyin_dict

Array = npt.NDArray[Any]

THESAURUS = Path(__file__).parent / "lexicon" / "thesaurus.txt"

_BREAK = re.compile(r"[^0-9a-z\u3400-\u9fff%.]+")
_RUN = re.compile(r"[a-z]+|[^a-z]")
_TONES = str.maketrans("āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜüńňǹḿ", "aaaaeeeeiiiioooouuuuvvvvvnnnm")
RECENT = 64  # texts
_CHARS, _PINYIN, _CONCEPT = 0, 1, 2
_SEPARATOR = 32


def _tag(view: int, length: int) -> int:
    return (view * 4 + length) << 48


@lru_cache(maxsize=1)
def _syllables() -> tuple[Array, dict[str, int]]:
    """Syllable number of every BMP character (0 where it has none), shape (65536,), and of every spelling."""
    spellings: dict[str, int] = {}
    table = np.zeros(65536, dtype=np.int64)
    for code, readings in pinyin_dict.items():
        if code < 65536:
            spelling = readings.split(",")[0].translate(_TONES)
            table[code] = spellings.setdefault(spelling, 256 + len(spellings))
    return table, spellings


def _spelled(letters: str) -> list[int]:
    """Syllable numbers of a run of Latin letters, longest syllable first; letters that fit none stand for themselves."""
    _, spellings = _syllables()
    found, start = [], 0
    while start < len(letters):
        for length in range(min(6, len(letters) - start), 1, -1):
            syllable = spellings.get(letters[start : start + length])
            if syllable:
                found.append(syllable)
                start += length
                break
        else:
            found.append(ord(letters[start]))
            start += 1
    return found


class Thesaurus:
    """Lay words and the concepts they stand for, found as substrings."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.concepts: list[str] = []
        of_word: dict[str, list[int]] = {}
        for line in lines:
            name, colon, words = line.strip().partition(":")
            if not colon or name.startswith("#"):
                continue
            number = len(self.concepts)
            self.concepts.append(name.strip())
            for word in {name.strip(), *words.split()}:
                of_word.setdefault(word.lower(), []).append(number)
        self._single = [(word, concepts) for word, concepts in of_word.items() if len(word) == 1]
        # By their first two characters, which few places of a text share with any word.
        self._words: dict[str, list[tuple[str, list[int]]]] = {}
        for word, concepts in of_word.items():
            if len(word) > 1:
                self._words.setdefault(word[:2], []).append((word, concepts))

    def find(self, text: str) -> list[int]:
        """Numbers of the concepts in cleaned `text`, any order, with repeats. Words may overlap: 实习工资 is 实习 too."""
        found: list[int] = []
        for start, pair in enumerate(map(add, text, text[1:] + " ")):
            for word, concepts in self._words.get(pair, ()):
                if text.startswith(word, start):
                    found += concepts
        for word, concepts in self._single:
            found += concepts * text.count(word)
        return found


class Featurizer:
    """From cleaned text to feature numbers."""

    def __init__(self, thesaurus: Thesaurus) -> None:
        self.thesaurus = thesaurus
        self._recent = lru_cache(RECENT)(self._numbers)

    @staticmethod
    def load(path: Path = THESAURUS) -> "Featurizer":
        """The one over the thesaurus as it stands: what both classifiers ask of a message is worked out once."""
        return _featurizer(path.read_text(encoding="utf-8"))

    def numbers(self, text: str) -> Array:
        """The features of cleaned `text` with repeats, int64, any order; not to be written to."""
        return self._recent(text)

    def _numbers(self, text: str) -> Array:
        kept = " " + _BREAK.sub(" ", text).strip() + " "
        chars = np.frombuffer(kept.encode("utf-16-le", "replace"), dtype=np.uint16).astype(np.int64)
        table, _ = _syllables()
        if re.search("[a-z]", kept):
            sounds_list: list[int] = []
            for run in _RUN.findall(kept):
                if run.isalpha() and run.isascii():
                    sounds_list += _spelled(run)
                else:
                    code = ord(run) & 0xFFFF
                    sounds_list.append(int(table[code]) or code)
            sounds = np.array(sounds_list, dtype=np.int64)
        else:
            sounds = table[chars]
            sounds = np.where(sounds == 0, chars, sounds)
        concepts = np.array(self.thesaurus.find(text), dtype=np.int64)
        return np.concatenate(
            [
                chars[chars != _SEPARATOR] + _tag(_CHARS, 1),
                _pairs(chars) + _tag(_CHARS, 2),
                ((chars[:-2] << 32) | (chars[1:-1] << 16) | chars[2:]) + _tag(_CHARS, 3),
                _pairs(sounds) + _tag(_PINYIN, 2),
                concepts + _tag(_CONCEPT, 1),
            ]
        )


@lru_cache(maxsize=2)
def _featurizer(thesaurus: str) -> Featurizer:
    return Featurizer(Thesaurus(thesaurus.splitlines()))


def _pairs(symbols: Array) -> Array:
    pairs: Array = (symbols[:-1] << 16) | symbols[1:]
    return pairs


class Vectorizer:
    """TF-IDF over feature numbers: log term frequency, smoothed idf, rows of unit length."""

    def __init__(self, known: Array, idf: Array) -> None:
        self.known, self.idf = known, idf

    @classmethod
    def fit(cls, documents: Sequence[Array], min_documents: int) -> tuple["Vectorizer", sp.csr_matrix]:
        """Learn the features that at least `min_documents` of `documents` have; also the rows, shape (documents, known features)."""
        owner = np.repeat(np.arange(len(documents)), [len(d) for d in documents])
        seen, column = np.unique(np.concatenate(documents), return_inverse=True)
        cells, counts = np.unique(owner * len(seen) + column, return_counts=True)
        rows, columns = np.divmod(cells, len(seen))
        frequency = np.bincount(columns, minlength=len(seen))
        kept = frequency >= min_documents
        idf = (np.log((1 + len(documents)) / (1 + frequency[kept])) + 1).astype(np.float32)
        hit = kept[columns]
        rows, columns = rows[hit], (np.cumsum(kept) - 1)[columns[hit]]
        values = (1 + np.log(counts[hit])) * idf[columns]
        lengths = np.sqrt(np.bincount(rows, values * values, len(documents)))
        starts = np.searchsorted(rows, np.arange(len(documents) + 1))
        matrix = sp.csr_matrix(
            ((values / lengths[rows]).astype(np.float32), columns, starts), shape=(len(documents), len(idf))
        )
        return cls(seen[kept], idf), matrix

    def row(self, numbers: Array) -> tuple[Array, Array]:
        """(columns, values) of one document; values have unit length (empty when nothing is known)."""
        unique, counts = np.unique(numbers, return_counts=True)
        columns = np.searchsorted(self.known, unique)
        columns[columns == len(self.known)] = 0
        hit = self.known[columns] == unique
        columns = columns[hit]
        values = (1 + np.log(counts[hit])).astype(np.float32) * self.idf[columns]
        length = np.sqrt((values * values).sum())
        return columns, values / length if length else values
