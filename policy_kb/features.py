"""What a question looks like to the classifiers: characters, pinyin syllables and thesaurus concepts as sparse numeric features.

Every feature is one exact 64-bit number (no hashing): a tag for the view and length, then up to three 16-bit symbols. Pinyin makes
homophone typos and pinyin typed in place of characters look like the word that was meant; concepts make lay words look like the
official ones; two characters in their order, with others between them, or a concept and a character, tell what only words together
mean.
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
from numpy.lib.stride_tricks import as_strided
from pypinyin.pinyin_dict import pinyin_dict

Array = npt.NDArray[Any]
Flat = tuple[Array, Array]  # features of many texts: the number of the text, and the feature

THESAURUS = Path(__file__).parent / "lexicon" / "thesaurus.txt"

_BREAK = re.compile(r"[^0-9a-z\u3400-\u9fff%.]+")
_RUN = re.compile(r"[a-z]+|[^a-z]")
_TONES = str.maketrans("āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜüńňǹḿ", "aaaaeeeeiiiioooouuuuvvvvvnnnm")
RECENT = 64  # texts
_CHARS, _PINYIN, _CONCEPT = 0, 1, 2
_SEPARATOR = 32
_CONCEPTS = 0xE000  # concepts as symbols of pairs: Unicode's private use area, of which no text keeps a character
SPAN = 20  # characters from the first to the second of a pair


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
    """Lay words and the concepts they stand for, found as substrings.

    In one text by a dictionary of words; in many by a trie that all their places walk together, a quarter of the time for each of
    thousands and four times as much for one alone.
    """

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
        states = {"": 0}  # by the characters that lead there
        steps: dict[int, int] = {}  # from a state << 16 | a character to a state
        for word in of_word:
            for end, code in enumerate(_codes(word).tolist(), 1):
                if word[:end] not in states:
                    states[word[:end]] = steps[states[word[: end - 1]] << 16 | code] = len(states)
        self._steps = np.array(sorted(steps), dtype=np.int64)
        self._next = np.array([steps[step] for step in self._steps.tolist()], dtype=np.int64)
        self._start = np.zeros(1 << 16, dtype=np.int64)
        first = self._steps < 1 << 16
        self._start[self._steps[first]] = self._next[first]
        meant = [of_word.get(characters, []) for characters in states]
        self._meant = np.array([concept for concepts in meant for concept in concepts], dtype=np.int64)
        self._count = np.array([*map(len, meant)], dtype=np.int64)
        self._offset = np.cumsum(self._count) - self._count

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

    def find_all(self, texts: Sequence[str]) -> Flat:
        """Likewise for many texts."""
        chars = _codes("".join(f"{text}\n" for text in texts)).astype(np.int64)  # no word goes over a line's end
        owner = _owners(len(text) + 1 for text in texts)
        state = self._start[chars]
        places, states = [], []
        place = np.flatnonzero(state)
        state, depth = state[place], 0
        while len(place):
            ends = np.flatnonzero(self._count[state])
            places.append(place[ends])
            states.append(state[ends])
            depth += 1
            step = state << 16 | chars[place + depth]
            at = np.searchsorted(self._steps, step)
            at[at == len(self._steps)] = 0
            there = np.flatnonzero(self._steps[at] == step)
            place, state = place[there], self._next[at[there]]
        where = owner[np.concatenate([*places, place])]
        order = np.argsort(where, kind="stable")
        found = np.concatenate([*states, state])[order]
        times = self._count[found]
        which = np.arange(times.sum()) + np.repeat(self._offset[found] - np.cumsum(times) + times, times)
        return np.repeat(where[order], times), self._meant[which]


class Featurizer:
    """From cleaned text to feature numbers."""

    def __init__(self, thesaurus: Thesaurus) -> None:
        self.thesaurus = thesaurus
        self._concepts = lru_cache(RECENT)(lambda text: flat([np.array(thesaurus.find(text), dtype=np.int64)]))
        self._recent = lru_cache(RECENT)(lambda text: self.numbers_of_all([text], self._concepts(text))[1])

    @staticmethod
    def load(path: Path = THESAURUS) -> "Featurizer":
        """The one over the thesaurus as it stands: what both classifiers ask of a message is worked out once."""
        return _featurizer(path.read_text(encoding="utf-8"))

    def numbers(self, text: str) -> Array:
        """The features of cleaned `text` with repeats, int64, any order; not to be written to."""
        return self._recent(text)

    def pairs(self, text: str) -> Array:
        """The pairs in cleaned `text` with repeats: first << 16 | second, uint32.

        Every two characters in their order, SPAN apart at most; every concept and every character.
        """
        return self.pairs_in_all([text], self._concepts(text))[1]

    @staticmethod
    def pairs_in_all(texts: Sequence[str], concepts: "Flat") -> "Flat":
        """The pairs in every cleaned text, as `pairs` gives them for one; `concepts` are those that the thesaurus finds."""
        kept = [_BREAK.sub("", text) for text in texts]
        owner, chars = _owners(map(len, kept)), _codes("".join(kept))
        same = _following(owner, -1) == owner[:, None]
        found = (chars[:, None] << 16) | _following(chars, 0)
        of_concept, found_concepts = concepts
        of_concept, symbols = np.divmod(np.unique(of_concept.astype(np.int64) << 16 | found_concepts), 1 << 16)
        lengths = np.array([*map(len, kept)], dtype=np.int64)
        each = lengths[of_concept]
        first = np.repeat(_CONCEPTS + symbols, each).astype(np.uint32)
        place = np.arange(len(first)) + np.repeat(
            (np.cumsum(lengths) - lengths)[of_concept] - np.cumsum(each) + each, each
        )
        owners = [np.broadcast_to(owner[:, None], same.shape)[same], np.repeat(of_concept, each)]
        return np.concatenate(owners), np.concatenate([found[same], (first << 16) | chars[place]])

    @staticmethod
    def numbers_of_all(texts: Sequence[str], concepts: "Flat") -> "Flat":
        """The features of every cleaned text, as `numbers` gives them for one; `concepts` are those that the thesaurus finds."""
        kept = [" " + _BREAK.sub(" ", text).strip() + " " for text in texts]
        chars = _codes("".join(kept)).astype(np.int64)
        of_char = _owners(map(len, kept))
        of_sound, sounds = _sounds(kept, chars, of_char)
        letters = chars != _SEPARATOR
        of_concept, found = concepts
        of_pair, pairs = _runs(of_char, chars, 2)
        of_triple, triples = _runs(of_char, chars, 3)
        of_sound, sounds = _runs(of_sound, sounds, 2)
        owners = [of_char[letters], of_pair, of_triple, of_sound, of_concept]
        numbers = [
            chars[letters] + _tag(_CHARS, 1),
            pairs + _tag(_CHARS, 2),
            triples + _tag(_CHARS, 3),
            sounds + _tag(_PINYIN, 2),
            found + _tag(_CONCEPT, 1),
        ]
        return np.concatenate(owners), np.concatenate(numbers)


@lru_cache(maxsize=2)
def _featurizer(thesaurus: str) -> Featurizer:
    return Featurizer(Thesaurus(thesaurus.splitlines()))


def _codes(text: str) -> Array:
    """Of every character its number, uint32; those beyond the basic plane, which no feature needs, share the last one."""
    return np.minimum(np.frombuffer(text.encode("utf-32-le", "replace"), dtype=np.uint32), np.uint32(0xFFFF))


def _following(symbols: Array, none: int) -> Array:
    """The SPAN symbols after each, shape (symbols, SPAN); `none` stands for those after the last."""
    padded = np.concatenate([symbols, np.full(SPAN, none, dtype=symbols.dtype)])
    return as_strided(padded[1:], (len(symbols), SPAN), padded.strides * 2)  # sliding_window_view checks for 60 µs


def _owners(lengths: Iterable[int]) -> Array:
    """The number of its text for everything that texts of these lengths hold."""
    each = list(lengths)
    return np.repeat(np.arange(len(each), dtype=np.int32), each)


def _sounds(kept: Sequence[str], chars: Array, of_char: Array) -> "Flat":
    """The syllables of all texts; `chars` are their characters in a row."""
    table, _ = _syllables()
    sounds = table[chars]
    sounds = np.where(sounds == 0, chars, sounds)
    if not re.search("[a-z]", "".join(kept)):
        return of_char, sounds
    starts = np.cumsum([0, *map(len, kept)])
    each = [
        np.array(_with_spelled(text), dtype=np.int64) if re.search("[a-z]", text) else sounds[start : start + len(text)]
        for text, start in zip(kept, starts)
    ]
    return _owners(map(len, each)), np.concatenate(each)


def _with_spelled(text: str) -> list[int]:
    """The syllables of a text with Latin letters in it."""
    table, _ = _syllables()
    found: list[int] = []
    for run in _RUN.findall(text):
        if run.isalpha() and run.isascii():
            found += _spelled(run)
        else:
            code = ord(run) & 0xFFFF
            found.append(int(table[code]) or code)
    return found


def _runs(owner: Array, symbols: Array, length: int) -> "Flat":
    """Every `length` neighbours of one text as one number."""
    last = len(symbols) - length + 1
    whole = owner[:last] == owner[length - 1 :]
    numbers = symbols[:last]
    for place in range(1, length):
        numbers = (numbers << 16) | symbols[place : last + place]
    return owner[:last][whole], numbers[whole]


class Vectorizer:
    """TF-IDF over feature numbers: log term frequency, smoothed idf, rows of unit length."""

    def __init__(self, known: Array, idf: Array) -> None:
        self.known, self.idf = known, idf

    @classmethod
    def fit(cls, documents: int, features: Flat, min_documents: int) -> tuple["Vectorizer", sp.csr_matrix]:
        """Learn the features that at least `min_documents` of so many documents have; also the rows, shape (documents, known)."""
        owner, numbers = features
        seen, columns = np.unique(numbers, return_inverse=True)
        kept, idf, matrix = _weighted(owner, columns, (documents, len(seen)), min_documents)
        return cls(seen[kept], idf), matrix

    @classmethod
    def fit_pairs(cls, documents: int, pairs: Flat, min_documents: int) -> tuple["Vectorizer", sp.csr_matrix]:
        """Likewise for pairs, which are so many that they are found in a table and not sorted."""
        owner, codes = pairs
        present = np.zeros(1 << 16, dtype=bool)
        present[codes >> 16] = present[codes & 0xFFFF] = True
        symbols = np.flatnonzero(present)
        number = (np.cumsum(present) - 1).astype(np.int32)
        columns = number[codes >> 16] * np.int32(len(symbols)) + number[codes & 0xFFFF]
        kept, idf, matrix = _weighted(owner, columns, (documents, len(symbols) ** 2), min_documents)
        first, second = np.divmod(kept, len(symbols))
        return cls(((symbols[first] << 16) | symbols[second]).astype(np.uint32), idf), matrix

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


def flat(documents: Sequence[Array]) -> Flat:
    """The features of `documents` in a row."""
    return _owners(map(len, documents)), np.concatenate(documents)


def _weighted(
    owner: Array, columns: Array, shape: tuple[int, int], min_documents: int
) -> tuple[Array, Array, sp.csr_matrix]:
    """The columns that at least `min_documents` documents have, their idf, and the documents' rows."""
    # By column first: a column's documents come in order, so that repeats are found without sorting.
    counts = sp.coo_matrix((np.ones(len(owner), dtype=np.float32), (owner, columns)), shape=shape).tocsc()
    frequency = np.diff(counts.indptr)
    kept = np.flatnonzero(frequency >= min_documents)
    idf = (np.log((1 + shape[0]) / (1 + frequency[kept])) + 1).astype(np.float32)
    matrix = counts[:, kept].tocsr()
    values = idf[matrix.indices]
    repeated = np.flatnonzero(matrix.data > 1)
    values[repeated] *= 1 + np.log(matrix.data[repeated])
    squares = np.add.reduceat(
        np.append(values * values, np.float32(0)), matrix.indptr[:-1]
    )  # of an empty row: anything
    matrix.data = values / np.repeat(np.sqrt(squares), np.diff(matrix.indptr))
    return kept, idf, matrix


def beside(left: sp.csr_matrix, right: sp.csr_matrix) -> sp.csr_matrix:
    """Both matrices' columns side by side, float64, which liblinear wants (scipy's hstack takes a detour that costs seconds)."""
    indptr = left.indptr + right.indptr
    data, indices = np.empty(indptr[-1], dtype=np.float64), np.empty(indptr[-1], dtype=np.int32)
    for part, before, offset in ((left, right.indptr[:-1], 0), (right, left.indptr[1:], left.shape[1])):
        place = np.arange(part.nnz) + np.repeat(before, np.diff(part.indptr))
        data[place], indices[place] = part.data, part.indices + offset
    return sp.csr_matrix((data, indices, indptr), shape=(left.shape[0], left.shape[1] + right.shape[1]))
