"""From a message to an answer, a known gap or a refusal: normalise, resolve follow-ups, route, retrieve, check, answer.

`Pipeline.ask` is the whole of it, top to bottom. It holds no state of its own: what was talked about comes in as `Context` and the
new one goes out, so a pipeline can be replaced between two messages.
"""

import json
import re
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

from policy_kb.corpus import Corpus
from policy_kb.features import Array
from policy_kb.knowledge import GAP, Answer, Gap, Knowledge
from policy_kb.model import EVIDENCE, TopicModel, Understanding
from policy_kb.normalise import clean, focus
from policy_kb.search import SearchIndex
from policy_kb.wording import OUT_OF_SCOPE, Option, Outcome, cite, say_answer, say_gap, say_quote, source_line

# Thresholds, set on cross-validated training questions (policy_kb/calibrate.py); see benchmarks/RESULTS.md.
SURE_MARGIN = 2.0  # between the first and second article: above it no alternatives are offered
NEAREST = 12  # phrasings that vote for a fact or a gap
FACT_SIMILARITY = 0.16  # a nearest phrasing below it is no evidence for a fact
# Log odds that the documents settle a question, from the margins named in model.EVIDENCE (policy_kb/calibrate.py).
_calibration = json.loads((Path(__file__).parent / "calibration.json").read_text(encoding="utf-8"))
ANSWERABLE_WEIGHTS, ANSWERABLE_BIAS = np.array(_calibration["weights"]), float(_calibration["bias"])
ANSWERABLE_ABOVE = float(_calibration["answerable_above"])
# A part of a message gets an answer of its own when its article is this clear.
PART_MARGIN = 1.2
# Cosine to the nearest answered phrasing, and its lead over the nearest gap or out-of-scope one, that mean "the same question".
SAME_QUESTION, SAME_QUESTION_LEAD, SAME_QUESTION_BONUS = 0.5, 0.2, 3.0
# An article's margin that hardly ever means another subject ("培训津贴一人多少"): then a gap needs clearer signs.
CLEAR_ARTICLE, CLEAR_ARTICLE_BONUS = 0.8, 0.7
BEST_ARTICLE = EVIDENCE.index("best article")
# In a conversation that already found its subject, it takes stronger signs that something is not stated.
CONVERSATION_ANSWERABLE_ABOVE = ANSWERABLE_ABOVE - 1.2
FOLLOW_UP_MARGIN = 4.0
FOLLOW_UP_BONUS = 2.0  # for the last answer's article, in standard deviations

_ELLIPTIC = re.compile(
    r"^(那|那么|这|这个|那个|它|他们|还有|还|另外|然后|再|如果|要是|但|可是|不过|为什么|为啥|凭什么|多少|几|谁|啥时候|什么时候|"
    r"有什么|有啥|有没有|必须|一定|能不能|可以|怎么|咋|哪|是不是|具体|详细|原文|依据|出处|比如|举例|老师|学生|企业|个人|外省|就|只|也)"
)
_TRAILING = re.compile(r"呢[?。!~]*$")
_OPENING = re.compile(
    r"^((算了|对了|不说这个|换个(话题|问题)|另外|然后|好的?|嗯+|哦+|谢谢(你|您)?|你好|您好|请问|再问(一下|个)?|我想问(一下|问)?|想问(一下|下)?)[,。!~ ]*)+(?=.{3})"
)
_SOURCE_WANTED = re.compile(
    r"原文|出处|依据|哪个文件|哪条|哪一条|第几条|文件.{0,4}怎么(写|说)|谁规定|哪里写|哪儿写|什么文件|啥文件|文号"
)
_MORE_WANTED = re.compile(
    r"^(还有(呢|吗|别的|啥|什么|没).{0,4}|继续|接着说|详细(点|说说|一点)?|多说(点|说)|展开说说?|具体(点|说说|呢)|然后呢)[?。!~]*$"
)
_ASKS = re.compile(
    r"[?吗嘛呢]|啥|甚|咋|怎|谁|多少|几|哪|什么|为何|如何|是否|能不能|可不可以|行不行|有没有|是不是|会不会|要不要|能否|可否|给不给|算不算|用不用|不$"
)
_JOINT = re.compile(r"[?!。;,\n、:]+|(?=还有|另外|再问|顺便|以及|还想问|同时|又想|一是|二是|第一|第二)")
_LISTED = re.compile(r"一是.*二是|第一.*第二|两件事|两个事|两点|两样|几件事|分别")


@dataclass(frozen=True)
class Context:
    """What the last answer was about."""

    article: str
    answer: str | None
    question: str

    def as_dict(self) -> dict[str, str | None]:
        return {"article": self.article, "answer": self.answer, "question": self.question}

    @classmethod
    def from_dict(cls, raw: object) -> "Context | None":
        """The context in `raw`, or None when it is missing or not one."""
        if not isinstance(raw, dict) or not isinstance(raw.get("article"), str):
            return None
        answer, question = raw.get("answer"), raw.get("question")
        return cls(raw["article"], answer if isinstance(answer, str) else None, str(question or "")[:120])


@dataclass(frozen=True)
class Ranking:
    """Articles from best to worst with their scores (mean 0, standard deviation 1 over articles)."""

    articles: list[str]
    scores: Array

    @property
    def margin(self) -> float:
        return float(self.scores[0] - self.scores[1])


class Pipeline:
    """Answers questions from one state of the knowledge."""

    def __init__(self, knowledge: Knowledge, model: TopicModel) -> None:
        self.knowledge, self.model = knowledge, model
        asked_about = np.array([q.article for q in knowledge.questions])
        self._phrasings_of = {a: np.flatnonzero(asked_about == a) for a in (*knowledge.corpus.articles, GAP)}
        self._article_ids = list(knowledge.corpus.articles)
        self._search = SearchIndex(
            [knowledge.corpus.articles[i].sentences() for i in self._article_ids], model.featurizer.thesaurus
        )
        self._answers_of: dict[str, list[Answer]] = {}
        for answer in knowledge.answers.values():
            self._answers_of.setdefault(answer.article, []).append(answer)

    @property
    def corpus(self) -> Corpus:
        return self.knowledge.corpus

    # -- the steps -------------------------------------------------------------------------------------------------

    def ask(self, text: str, context: Context | None, today: date) -> tuple[Outcome, Context | None]:
        """Answer one message. `today` decides which target years have passed."""
        question = focus(clean(text))
        question = _OPENING.sub("", question) or question
        if context is not None:
            about_last = self._about_the_last_answer(question, context, today)
            if about_last is not None:
                return about_last, context
        outcome = self._one(question, context, today)
        for part in split_questions(question):
            other = self._clear_part(part, today)
            if other is not None and outcome.kind != "clarify" and other.article != outcome.article:
                outcome = join(outcome, other)
                break
        if outcome.article is None:
            return outcome, context
        return outcome, Context(outcome.article, outcome.answer, question[:120])

    def _one(self, question: str, context: Context | None, today: date) -> Outcome:
        seen = self.model.understand(question)
        ranking = self._rank(seen)
        follows = context is not None and self._is_follow_up(question, ranking)
        if follows and context is not None:
            together = self.model.understand(f"{context.question} {question}")
            ranking = self._rank(seen, together, context.article)
            better = together if answerable(together) > answerable(seen) else seen
            seen = replace(better, articles=together.articles, similarity=seen.similarity + 0.5 * together.similarity)
        if context is None and self._is_bare_subject(question):
            return self._ask_back(question, seen, ranking)
        if answerable(seen) >= (ANSWERABLE_ABOVE if context is None else CONVERSATION_ANSWERABLE_ABOVE):
            return self._answer(question, seen, ranking, today)
        scope_gap, _, scope_out, _, gap, out, *_ = seen.evidence
        if out + scope_out > gap + scope_gap:
            return self._refuse()
        return self._gap(seen, ranking, today)

    def _clear_part(self, part: str, today: date) -> Outcome | None:
        """The answer to one part of a message, if it is clear by itself."""
        seen = self.model.understand(part)
        ranking = self._rank(seen)
        if ranking.margin < PART_MARGIN or answerable(seen) < CONVERSATION_ANSWERABLE_ABOVE:
            return None
        return self._answer(part, seen, ranking, today)

    def _rank(self, seen: Understanding, together: Understanding | None = None, last: str | None = None) -> Ranking:
        scores = seen.articles
        if together is not None:
            scores = scores + together.articles
            if last in self.model.articles:
                scores[self.model.articles.index(last)] += FOLLOW_UP_BONUS
        order = np.argsort(-scores)
        return Ranking([self.model.articles[i] for i in order], scores[order])

    def _is_follow_up(self, question: str, ranking: Ranking) -> bool:
        """Elliptic, or too short to mean an article by itself; a question that is clear without the last one is not."""
        if len(question) > 24:
            return False
        elliptic = bool(_ELLIPTIC.match(question) or _TRAILING.search(question))
        if elliptic or len(question) <= 6:
            return ranking.margin < FOLLOW_UP_MARGIN
        return len(question) <= 10 and ranking.margin < FOLLOW_UP_MARGIN / 2

    def _about_the_last_answer(self, question: str, context: Context, today: date) -> Outcome | None:
        """'原文怎么说' and '还有呢' ask about what was just said."""
        if len(question) > 20 or context.article not in self.corpus.articles:
            return None
        if _SOURCE_WANTED.search(question) and len(question) <= 14:
            article = self.corpus.articles[context.article]
            document = self.corpus.document_of(article.id)
            answer = self.knowledge.answers.get(context.answer or "")
            quote = answer.quote if answer else article.sentences()[0]
            text = f"原文是:“{quote}”\n{source_line(document, article)}。"
            return Outcome("answer", text, (cite(self.corpus, article.id, quote),), (), article.id, context.answer)
        if _MORE_WANTED.match(question):
            others = [a for a in self._answers_of.get(context.article, []) if a.id != context.answer]
            if others:
                text, citations = say_answer(self.corpus, others[0], today)
                options = tuple(Option(a.fact[:40], f"answer:{a.id}") for a in others[1:4])
                return Outcome("answer", text, citations, options, context.article, others[0].id)
        return None

    def _is_bare_subject(self, question: str) -> bool:
        """A word or two that name a subject and ask nothing: 津贴, 实训基地."""
        return (
            len(question) <= 4 and not _ASKS.search(question) and bool(self.model.featurizer.thesaurus.find(question))
        )

    def _ask_back(self, question: str, seen: Understanding, ranking: Ranking) -> Outcome:
        buttons = tuple(Option(self._title(seen, a), f"article:{a}") for a in ranking.articles[:3])
        return Outcome("clarify", f"您想了解“{question}”的哪一方面?", (), buttons)

    def _answer(self, question: str, seen: Understanding, ranking: Ranking, today: date) -> Outcome:
        article = ranking.articles[0]
        options = self._alternatives(seen, ranking)
        answer = self._fact(seen, article)
        if answer is not None:
            text, citations = say_answer(self.corpus, answer, today)
            return Outcome("answer", text, citations, options, article, answer.id)
        text, citations = say_quote(self.corpus, article, self._best_sentence(question, article), today)
        return Outcome("answer", text, citations, options, article)

    def _gap(self, seen: Understanding, ranking: Ranking, today: date) -> Outcome:
        article = ranking.articles[0]
        options = self._alternatives(seen, ranking)
        gap = self._known_gap(seen, article)
        if gap is not None:
            text, citations = say_gap(self.corpus, gap)
            return Outcome("no_answer", text, citations, options, article)
        answer = self._fact(seen, article) or self._answers_of[article][0]
        said, citations = say_answer(self.corpus, answer, today)
        text = f"您问的这一点,我没有找到文件的明确规定。最接近的规定是:{said}\n要问清楚,可以拨打政务服务热线12345。"
        return Outcome("no_answer", text, citations, options, article, answer.id)

    def _refuse(self) -> Outcome:
        return Outcome("no_answer", OUT_OF_SCOPE, (), tuple(EXAMPLES))

    # -- choosing --------------------------------------------------------------------------------------------------

    def _fact(self, seen: Understanding, article: str) -> Answer | None:
        """The curated answer of `article` whose phrasings are nearest, or None when none is near."""
        rows = self._phrasings_of[article]
        votes: dict[str, float] = {}
        for row in rows[np.argsort(-seen.similarity[rows])[:NEAREST]]:
            target, similarity = self.knowledge.questions[row].target, float(seen.similarity[row])
            if target and similarity >= FACT_SIMILARITY:
                votes[target] = votes.get(target, 0.0) + similarity**3
        return self.knowledge.answers[max(votes, key=lambda t: votes[t])] if votes else None

    def _known_gap(self, seen: Understanding, article: str) -> Gap | None:
        """The known gap near `article` whose phrasings are nearest, if they are near enough."""
        rows = self._phrasings_of[GAP]
        votes: dict[str, float] = {}
        for row in rows[np.argsort(-seen.similarity[rows])[:NEAREST]]:
            target, similarity = self.knowledge.questions[row].target, float(seen.similarity[row])
            if target and self.knowledge.gaps[target].near == article:
                votes[target] = votes.get(target, 0.0) + similarity**3
        if not votes:
            return None
        best = max(votes, key=lambda t: votes[t])
        return self.knowledge.gaps[best] if votes[best] >= FACT_SIMILARITY**3 else None

    def _best_sentence(self, question: str, article: str) -> str:
        own = self.corpus.articles[article].sentences()
        for hit in self._search.search(question, 10):
            if self._article_ids[hit.document] == article:
                return own[hit.sentence]
        return own[0]

    def _alternatives(self, seen: Understanding, ranking: Ranking) -> tuple[Option, ...]:
        """The next two articles as buttons ("您是不是想问"), when the first is not sure."""
        if ranking.margin >= SURE_MARGIN:
            return ()
        return tuple(Option(self._title(seen, a), f"article:{a}") for a in ranking.articles[1:3])

    def _title(self, seen: Understanding, article: str) -> str:
        answer = self._fact(seen, article)
        return (answer.fact if answer and not answer.is_overview else self.corpus.articles[article].title)[:40]

    # -- taps ------------------------------------------------------------------------------------------------------

    def open_article(self, article_id: str, context: Context | None, today: date) -> Outcome | None:
        """The answer to a tapped `article:` button: the fact nearest to the question that offered it."""
        if article_id not in self.corpus.articles:
            return None
        answer = (
            self._fact(self.model.understand(context.question), article_id) if context and context.question else None
        )
        answer = answer or next(iter(self._answers_of.get(article_id, [])), None)
        if answer is None:
            text, citations = say_quote(self.corpus, article_id, self.corpus.articles[article_id].sentences()[0], today)
            return Outcome("answer", text, citations, (), article_id)
        return self.open_answer(answer.id, today)

    def open_answer(self, answer_id: str, today: date) -> Outcome | None:
        """The answer to a tapped `answer:` button."""
        answer = self.knowledge.answers.get(answer_id)
        if answer is None:
            return None
        text, citations = say_answer(self.corpus, answer, today)
        return Outcome("answer", text, citations, (), answer.article, answer.id)


EXAMPLE_QUESTIONS = {
    "intern-pay": "实习给不给钱?",
    "training-allowance": "新招的人培训完,企业每人能领多少津贴?",
    "order-class": "订单班是啥,穷人家孩子能优先吗?",
    "base-services": "实训基地能干什么?",
}
EXAMPLES = [Option(question, f"ask:{key}") for key, question in EXAMPLE_QUESTIONS.items()]


def split_questions(question: str) -> list[str]:
    """The parts of one message that may ask about different things; none for a message with one question."""
    parts = [p.strip(" ,，") for p in _JOINT.split(question) if p and len(p.strip(" ,，")) >= 5]
    listed = bool(_LISTED.search(question))
    asking = [p for p in parts if listed or _ASKS.search(p)]
    return asking if len(asking) >= 2 else []


def join(first: Outcome, second: Outcome) -> Outcome:
    """Two answers as one."""
    if not first.citations:
        return second
    text = f"1. {first.text}\n2. {second.text}"
    citations = tuple(dict.fromkeys((*first.citations[:1], *second.citations[:1], *first.citations, *second.citations)))
    return Outcome("answer", text, citations, first.options[:2], first.article, first.answer)


def answerable(seen: Understanding) -> float:
    """Log odds that the documents settle the question. One worded much like a known answered question is taken for it."""
    odds = float(seen.evidence @ ANSWERABLE_WEIGHTS) + ANSWERABLE_BIAS
    known = (
        seen.nearest_answered >= SAME_QUESTION and seen.nearest_answered - seen.nearest_refused >= SAME_QUESTION_LEAD
    )
    clear = seen.evidence[BEST_ARTICLE] >= CLEAR_ARTICLE and seen.nearest_answered > seen.nearest_refused
    return odds + (SAME_QUESTION_BONUS if known else CLEAR_ARTICLE_BONUS if clear else 0.0)
