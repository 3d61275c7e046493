"""From a message to an answer, a known gap or a refusal: normalise, resolve follow-ups, route, retrieve, check, answer.

`Pipeline.ask` is the whole of it, top to bottom. It holds no state of its own: what was talked about comes in as `Context` and the
new one goes out, so a pipeline can be replaced between two messages.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

from policy_kb import details
from policy_kb.corpus import Corpus
from policy_kb.details import asked, stated
from policy_kb.features import Array
from policy_kb.knowledge import GAP, Answer, Gap, Knowledge, Question
from policy_kb.model import BEST_ARTICLE, OUTSIDE, SETTLED, TopicModel, Understanding
from policy_kb.normalise import clean, focus
from policy_kb.search import SearchIndex
from policy_kb.wording import OUT_OF_SCOPE, Option, Outcome, cite, say_answer, say_gap, say_quote, source_line

# Thresholds, set on cross-validated training questions (policy_kb/calibrate.py); see benchmarks/RESULTS.md.
SURE_MARGIN = 3.0  # between the first and second article: above it no alternatives are offered
NEAREST = 12  # phrasings that vote for a fact or a gap
GAP_SIMILARITY = 0.16  # a nearest phrasing below it is no evidence for a gap
# From the nearest fact to the next, in cosine: with less of it the article is quoted instead. What an article says as a whole counts less.
FACT_MARGIN, OVERVIEW_LESS = 0.005, 0.02
NEAREST_SHARE, FACT_STATED = (
    0.1,
    0.04,
)  # for being what the nearest phrasings ask about, for stating the detail asked for
# Log odds that the documents settle a question, from the evidence named in model.py and details.py (policy_kb/calibrate.py).
_calibration = json.loads((Path(__file__).parent / "calibration.json").read_text(encoding="utf-8"))
ANSWERABLE_WEIGHTS, DETAIL_WEIGHTS = np.split(np.array(_calibration["weights"]), [-len(details.EVIDENCE)])
ANSWERABLE_BIAS = float(_calibration["bias"])
ANSWERABLE_ABOVE = float(_calibration["answerable_above"])
PART_LENGTH, ELLIPTIC_LENGTH = 4, 8  # characters: what is shorter is no question; what is longer stands by itself
# A part of a message gets an answer of its own when its article is this clear.
PART_MARGIN = 1.2
# In a conversation a question is read by itself and together with its subject. By itself it counts linearly in its best article's
# margin, within limits; its reading with the subject counts 1.
FOLLOW_UP_LENGTH = 24
ALONE_BASE, ALONE_SLOPE, ALONE_MOST = 1.2, 1.5, 4.0
FOLLOW_UP_BONUS = 1.0  # for the last answer's article, in standard deviations
CONVERSATION_ANSWERABLE_ABOVE = ANSWERABLE_ABOVE - 2.0
# Log odds when the article states or lacks the detail that a follow-up asks for, and per cosine between its nearest fact and gap.
DETAIL_STATED, DETAIL_LACKING, NEARER_FACT = 1.0, 5.0, 6.0
FOLLOW_UP_STATED, TOLD_LESS = (
    0.15,
    0.1,
)  # a follow-up's fact, for stating the detail asked for, and for having just been told

_CORRECTION = re.compile(
    r"^(?:(?:不是|不对|(?:我|刚才)?(?:说|问|打)?错了)[,。 ]*(?:我?(?:刚才|刚刚|其实)?想?[问说指]的)?是|我?(?:刚才|刚刚|其实)?想?[问说指]的是)"
    r"(?P<meant>.+?)(?:[,。 ]?(?:而)?不是(?P<said>.+?))?[?。!]*$"
)
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
    r"[?吗嘛呢]|啥|甚|咋|怎|谁|多少|几|哪|什么|为何|如何|是否|能不能|可不可以|行不行|有没有|是不是|会不会|要不要|能否|可否|给不给|算不算|用不用|(?P<verb>[一-鿿])不(?P=verb)|不$"
)
_JOINT = re.compile(
    r"[?!。;,\n、: ]+|(?<=[吗呢])(?=.{4})|(?=还有|另外|再问|顺便|以及|还想问|同时|又想|一是|二是|第一|第二)"
)
_AND = re.compile(r"和|跟|以及|并且|而且|又想|又")
_LISTED = re.compile(r"一是.*二是|第一.*第二|两件事|两个事|两点|两样|几件事|分别")


@dataclass(frozen=True)
class Context:
    """What the last answer was about."""

    article: str
    answer: str | None
    question: str
    subject: str = ""  # the last question that stood by itself, when `question` did not

    def as_dict(self) -> dict[str, str | None]:
        return {"article": self.article, "answer": self.answer, "question": self.question, "subject": self.subject}

    @classmethod
    def from_dict(cls, raw: object) -> "Context | None":
        """The context in `raw`, or None when it is missing or not one."""
        if not isinstance(raw, dict) or not isinstance(raw.get("article"), str):
            return None
        answer, question, subject = raw.get("answer"), raw.get("question"), raw.get("subject")
        answer = answer if isinstance(answer, str) else None
        return cls(raw["article"], answer, str(question or "")[:120], str(subject or "")[:120])


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
        targeted = np.array([q.target is not None for q in knowledge.questions])
        self._phrasings_of = {
            a: np.flatnonzero((asked_about == a) & targeted) for a in (*knowledge.corpus.articles, GAP)
        }
        near = np.array([_near(q, knowledge) for q in knowledge.questions])
        self._gaps_near = {a: np.flatnonzero(near == a) for a in knowledge.corpus.articles}
        fact_of = {q.target: fact for q, fact in zip(knowledge.questions, model.fact_of, strict=True)}
        self._facts_of: dict[str, list[tuple[Answer, int]]] = {}
        for answer in knowledge.answers.values():
            if answer.id in fact_of:
                self._facts_of.setdefault(answer.article, []).append((answer, fact_of[answer.id]))
        self._article_ids = list(knowledge.corpus.articles)
        self._search = SearchIndex(
            [knowledge.corpus.articles[i].sentences() for i in self._article_ids], model.featurizer.thesaurus
        )
        self._answers_of: dict[str, list[Answer]] = {}
        for answer in knowledge.answers.values():
            self._answers_of.setdefault(answer.article, []).append(answer)
        self._stated = {a.id: stated(a.text) for a in knowledge.corpus.articles.values()}
        self._stated_by = {a.id: stated(a.text + a.quote) for a in knowledge.answers.values()}

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
            question, context = corrected(question, context)
        outcome = self._one(question, context, today)
        for part in split_questions(question):
            other = self._clear_part(part, question, outcome, today)
            if other is not None and outcome.kind != "clarify":
                outcome = join(outcome, other)
                break
        if outcome.article is None:
            return outcome, context
        stays = context is not None and len(question) <= FOLLOW_UP_LENGTH and outcome.article == context.article
        subject = (context.subject or context.question) if context and stays else ""
        return outcome, Context(outcome.article, outcome.answer, question[:120], subject)

    def _one(self, question: str, context: Context | None, today: date) -> Outcome:
        seen, ranking, odds = self._read(question, context, self.model.understand(question))
        if (context is None or ranking.articles[0] != context.article) and self._is_bare_subject(question):
            return self._ask_back(question, seen, ranking)
        if odds >= (ANSWERABLE_ABOVE if context is None else CONVERSATION_ANSWERABLE_ABOVE):
            return self._answer(question, seen, ranking, today, context)
        if seen.evidence[OUTSIDE] > 0:
            return self._refuse()
        return self._gap(seen, ranking, today)

    def _read(
        self, question: str, context: Context | None, alone: Understanding
    ) -> tuple[Understanding, Ranking, float]:
        """What a question means, its articles, and the log odds that the first of them settles it."""
        if context is None or len(question) > FOLLOW_UP_LENGTH:
            ranking = self._rank(alone.articles)
            clearness = float(alone.evidence[BEST_ARTICLE])
            detail = details.evidence(question, self._stated[ranking.articles[0]], clearness)
            return alone, ranking, answerable(alone) + float(DETAIL_WEIGHTS @ detail)
        together = self.model.understand(f"{context.subject or context.question} {question}")
        weight = ALONE_BASE + ALONE_SLOPE * float(alone.evidence[BEST_ARTICLE])
        share = 1 - 1 / (1 + min(max(weight, 0.0), ALONE_MOST))  # of the bare question
        seen = _mixed(alone, together, share)
        scores = seen.articles.copy()
        if context.article in self.model.articles:
            scores[self.model.articles.index(context.article)] += FOLLOW_UP_BONUS * (1 - share)
        ranking = self._rank(scores)
        if alone.evidence[SETTLED] < 0 < alone.evidence[OUTSIDE]:
            return alone, ranking, answerable(alone)
        odds = share * answerable(alone) + (1 - share) * answerable(together)
        return seen, ranking, odds + self._stated_odds(question, alone, ranking.articles[0])

    def _stated_odds(self, question: str, alone: Understanding, article: str) -> float:
        """What the detail that a follow-up asks for, and the facts and gaps near it, add to the odds that `article` settles it."""
        wanted = asked(question)
        detail = 0.0 if not wanted else DETAIL_STATED if wanted <= self._stated[article] else -DETAIL_LACKING
        fact, gap = (
            float(alone.similarity[rows].max(initial=0.0))
            for rows in (self._phrasings_of[article], self._gaps_near[article])
        )
        return detail + NEARER_FACT * (fact - gap)

    def _clear_part(self, part: str, message: str, outcome: Outcome, today: date) -> Outcome | None:
        """The answer to one part of a message, if it is clear by itself or, a short one, as a follow-up to what stands before it."""
        alone = self.model.understand(part)
        before = message[: message.find(part)].strip(" ,")
        contexts: list[Context | None] = [None]
        if before and outcome.article and len(part) <= ELLIPTIC_LENGTH:
            contexts.append(Context(outcome.article, None, before))
        for context in contexts:
            seen, ranking, odds = self._read(part, context, alone)
            clear = ranking.margin >= PART_MARGIN and odds >= CONVERSATION_ANSWERABLE_ABOVE
            if not clear:
                continue
            found = self._answer(part, seen, ranking, today, context)
            other_fact = outcome.kind == "answer" and found.answer not in (None, outcome.answer)
            if found.article != outcome.article or other_fact:
                return found
        return None

    def _rank(self, scores: Array) -> Ranking:
        order = np.argsort(-scores)
        return Ranking([self.model.articles[i] for i in order], scores[order])

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

    def _answer(
        self, question: str, seen: Understanding, ranking: Ranking, today: date, context: Context | None = None
    ) -> Outcome:
        article = ranking.articles[0]
        options = self._alternatives(seen, ranking)
        answer = self._fact(seen, article, asked(question), context.answer if context else None)
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
        nearest = self._nearest(seen, article, today)
        text = f"您问的这一点,我没有找到文件的明确规定。最接近的规定是:{nearest.text}\n要问清楚,可以拨打政务服务热线12345。"
        return replace(nearest, kind="no_answer", text=text, options=options)

    def _refuse(self) -> Outcome:
        return Outcome("no_answer", OUT_OF_SCOPE, (), tuple(EXAMPLES))

    # -- choosing --------------------------------------------------------------------------------------------------

    def _facts(
        self, seen: Understanding, article: str, wanted: frozenset[str] = frozenset(), told: str | None = None
    ) -> list[tuple[float, Answer]]:
        """The curated answers of `article`, the likeliest first: how near all its phrasings are, and how many of the nearest are its own.

        One that states a `wanted` detail counts more, above all in a follow-up; `told`, the last answer, counts less.
        """
        rows = self._phrasings_of[article]
        nearest = rows[np.argsort(-seen.similarity[rows])[:NEAREST]]
        near = Counter[str | None]()
        for row in nearest:
            near[self.knowledge.questions[row].target] += seen.similarity[row]
        total = max(near.total(), 1e-9)
        facts = []
        for answer, fact in self._facts_of.get(article, []):
            score = float(seen.facts[fact] + NEAREST_SHARE * near[answer.id] / total)
            score -= OVERVIEW_LESS * answer.is_overview
            if wanted & self._stated_by[answer.id]:
                score += FOLLOW_UP_STATED if told else FACT_STATED
            facts.append((score - TOLD_LESS * (answer.id == told), answer))
        return sorted(facts, key=lambda fact: -fact[0])

    def _fact(
        self, seen: Understanding, article: str, wanted: frozenset[str] = frozenset(), told: str | None = None
    ) -> Answer | None:
        """The likeliest of `_facts`, or None when the next is about as likely and nothing was told before."""
        facts = self._facts(seen, article, wanted, told)
        if len(facts) > 1 and not told and facts[0][0] - facts[1][0] < FACT_MARGIN:
            return None
        return facts[0][1] if facts else None

    def _nearest(self, seen: Understanding | None, article: str, today: date) -> Outcome:
        """What `article` says nearest to a question, however unsure; as a whole without one."""
        facts = self._facts(seen, article) if seen else []
        answers = [answer for _, answer in facts] or self._answers_of.get(article, [])
        if answers:
            text, citations = say_answer(self.corpus, answers[0], today)
            return Outcome("answer", text, citations, (), article, answers[0].id)
        text, citations = say_quote(self.corpus, article, self.corpus.articles[article].sentences()[0], today)
        return Outcome("answer", text, citations, (), article)

    def _known_gap(self, seen: Understanding, article: str) -> Gap | None:
        """The known gap near `article` whose phrasings are nearest, if they are near enough, and nearer than those of its facts."""
        rows = self._phrasings_of[GAP]
        nearest_fact = float(seen.similarity[self._phrasings_of[article]].max(initial=0.0))
        if seen.similarity[self._gaps_near[article]].max(initial=0.0) < nearest_fact:
            return None
        votes: dict[str, float] = {}
        for row in rows[np.argsort(-seen.similarity[rows])[:NEAREST]]:
            target, similarity = self.knowledge.questions[row].target, float(seen.similarity[row])
            if target and self.knowledge.gaps[target].near == article:
                votes[target] = votes.get(target, 0.0) + similarity**3
        if not votes:
            return None
        best = max(votes, key=lambda t: votes[t])
        return self.knowledge.gaps[best] if votes[best] >= GAP_SIMILARITY**3 else None

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
        seen = self.model.understand(context.question) if context and context.question else None
        return self._nearest(seen, article_id, today)

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


def _near(question: Question, knowledge: Knowledge) -> str:
    """The article that a gap's phrasing is about, "" for other phrasings and unknown ones."""
    if question.article != GAP:
        return ""
    gap = knowledge.gaps.get(question.target or "")
    return gap.near if gap else next(iter(question.also), "")


def corrected(question: str, context: Context) -> tuple[str, Context | None]:
    """What "我问的是甲,不是乙" means: the last question with 甲 in place of 乙, asked anew, or 甲; other questions as they are."""
    found = _CORRECTION.match(question)
    if found is None:
        return question, context
    meant, said = found["meant"], found["said"]
    about = context.subject or context.question
    return (about.replace(said, meant), None) if said and said in about else (meant, context)


def split_questions(question: str) -> list[str]:
    """The parts of one message that may ask about different things; none for a message with one question."""
    parts = [p.strip(" ,，") for p in _JOINT.split(question) if p and len(p.strip(" ,，")) >= PART_LENGTH]
    listed = bool(_LISTED.search(question))
    asking = [p for p in parts if listed or _ASKS.search(p)]
    if len(asking) == 1:
        asking = [p for p in _AND.split(question) if len(p) >= PART_LENGTH and _ASKS.search(p)]
    return asking if len(asking) >= 2 else []


def join(first: Outcome, second: Outcome) -> Outcome:
    """Two answers as one."""
    if not first.citations:
        return second
    text = f"1. {first.text}\n2. {second.text}"
    citations = tuple(dict.fromkeys((*first.citations[:1], *second.citations[:1], *first.citations, *second.citations)))
    return Outcome("answer", text, citations, first.options[:2], first.article, first.answer)


def _mixed(alone: Understanding, together: Understanding, share: float) -> Understanding:
    """Both readings of a follow-up, `share` of the first. Scope is judged by the reading that is clearer about it."""
    clearer = together if answerable(together) > answerable(alone) else alone
    return replace(
        clearer,
        articles=share * alone.articles + (1 - share) * together.articles,
        similarity=share * alone.similarity + (1 - share) * together.similarity,
        facts=share * alone.facts + (1 - share) * together.facts,
    )


def answerable(seen: Understanding) -> float:
    """Log odds that the documents settle the question."""
    return float(seen.evidence @ ANSWERABLE_WEIGHTS) + ANSWERABLE_BIAS
