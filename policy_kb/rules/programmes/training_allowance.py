"""培训津贴: what a small firm may get for training the people it hired, person by person."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from policy_kb.rules.engine import (
    EXACTLY,
    Change,
    Condition,
    Criterion,
    Decision,
    Fact,
    Group,
    Outcome,
    PersonDecision,
    State,
    all_of,
    remedies,
    undecided,
)
from policy_kb.rules.inputs import (
    Given,
    InputError,
    InputField,
    InvalidInput,
    choice,
    count,
    day,
    months,
    plain,
    read,
    yes_no,
)
from policy_kb.rules.parameters import Rules, rulebooks, rules_on
from policy_kb.rules.periods import ONE_DAY, chinese_date, last_day_of_term, last_day_within, length, months_of_term
from policy_kb.rules.programme import Programme

MOST_ENTRIES = 5000
NOTHING = Decimal(0)

_IS_SME = yes_no(
    "is_sme",
    "是不是中小微企业",
    "贵公司是中小微企业吗?",
    "文件没有写怎么划型;不清楚可以问当地工信部门或统计部门。",
)
PERSON_FIELDS = {
    field.name: field
    for field in (
        count("count", "人数", "情况相同的有几个人?", "人", minimum=1, maximum=MOST_ENTRIES),
        yes_no("new_hire", "是不是新招聘人员", "是新招聘的人吗?"),
        yes_no("trained_with_school", "是不是和职业院校合作培训", "这次培训是和职业院校合作开展的吗?"),
        day("contract_start", "劳动合同开始日期", "劳动合同从哪天开始?"),
        day("contract_end", "劳动合同结束日期", "劳动合同到哪天结束?"),
        months(
            "contract_months",
            "劳动合同几个月",
            "劳动合同签了几个月?",
            "一年填 12。180 天不等于 6 个月,按天数签的请填起止日期。",
        ),
        choice(
            "qualification",
            "证书或等级",
            "取得职业技能证书,或者提升一个技能等级了吗?",
            {"certificate": "取得了相应职业技能证书", "grade_up": "提升了一个技能等级", "none": "都没有"},
        ),
        day("qualified_on", "取得证书或提升等级的日期", "证书是哪天取得的(等级是哪天提升的)?"),
        day("performing_since", "开始履行劳动合同的日期", "从哪天开始履行劳动合同(上班)?"),
        yes_no(
            "qualified_within_year",
            "是不是在期限内取得",
            "是在开始履行劳动合同后 {qualification_limit}内取得证书或提升等级的吗?",
        ),
    )
}
SUMMARY_FIELDS = {
    field.name: field
    for field in (
        _IS_SME,
        count("headcount", "人数", "这次一共算几个人?", "人", maximum=MOST_ENTRIES),
        yes_no("new_hire", "是不是新招聘人员", "这些人都是新招聘的吗?", "有的是、有的不是的,人数只算新招聘的。"),
        yes_no(
            "trained_with_school",
            "是不是和职业院校合作培训",
            "这些人的培训是和职业院校合作开展的吗?",
            "有的是、有的不是的,人数只算合作培训的。",
        ),
        months(
            "contract_months",
            "劳动合同几个月",
            "这些人的劳动合同签了几个月?",
            "一年填 12;长短不一的,请填 Excel 名单或分批算。180 天不等于 6 个月。",
        ),
        count(
            "qualified_count",
            "取得证书或提升等级的人数",
            "其中有几个人取得了职业技能证书,或者提升了一个技能等级?",
            "人",
            maximum=MOST_ENTRIES,
        ),
        yes_no(
            "qualified_within_year",
            "是不是在期限内取得",
            "这几个人都是在开始履行劳动合同后 {qualification_limit}内取得证书或提升等级的吗?",
            "有的超过期限的,只数期限内的人数。",
        ),
    )
}

ENTERPRISE = Condition(
    "is_sme", "中小微企业", "enterprise", ("is_sme",), "企业是中小微企业。文件这一条写的是中小微企业,没有写其他企业。"
)
NEW_HIRE = Condition("new_hire", "新招聘人员", "trained_new_hire", ("new_hire",), "参加培训的是新招聘人员。")
TRAINED = Condition(
    "trained_with_school",
    "和职业院校合作培训",
    "trained_new_hire",
    ("trained_with_school",),
    "企业和职业院校合作,给这些人做职业培训。",
    fix="和职业院校合作开展这些人的培训",
)
CONTRACT = Condition(
    "contract_term",
    "劳动合同期限",
    "contract_term",
    ("contract_start", "contract_end", "contract_months"),
    "培训人员和企业签了劳动合同,期限够长。按日历上的月算,“以上”包括本数;按天数不能折算成月。",
    exact=True,
)
QUALIFICATION = Condition(
    "qualification",
    "证书或技能等级",
    "qualification",
    ("qualification",),
    "取得相应职业技能证书,或者提升一个技能等级,两样占一样就行。",
)
IN_TIME = Condition(
    "qualified_within_year",
    "取得证书或提升等级的时间",
    "qualification_limit",
    ("performing_since", "qualified_on", "qualified_within_year"),
    "在开始履行劳动合同后的期限内取得。开始当天不计入,到期月的对应日是最后一天,没有对应日的是那个月的最后一天(民法典第二百零一、二百零二条)。",
    exact=True,
)


@dataclass(frozen=True)
class Person:
    """One entry of the input: `count` people in the same situation; None where that is not known.

    `answered` holds the names of the inputs that were answered, also with 不知道. `path` is where the entry stands in `people`;
    empty for a group made from the summary form.
    """

    name: str | None
    count: int | None
    values: Mapping[str, Any]
    answered: frozenset[str]
    path: str = ""

    def __getitem__(self, field: str) -> Any:
        return self.values.get(field)

    def to_ask(self, missing: tuple[str, ...]) -> str | None:
        """The first of `missing` that this entry's form has a question for and that was not answered 不知道."""
        for name in missing:
            asked = name if self.path else _SUMMARY_NAME.get(name, name)
            if asked not in self.answered and (self.path or asked in SUMMARY_FIELDS):
                return asked
        return None


@dataclass(frozen=True)
class Roster:
    """The checked input. `raw` is what was given, for the record."""

    is_sme: bool | None
    people: tuple[Person, ...]
    answered: frozenset[str]
    raw: Mapping[str, Any]


class TrainingAllowance(Programme):
    """晋政办发〔2018〕38号(十六): 鼓励中小微企业与职业院校合作,开展新招聘人员职业培训。培训人员与企业签订6个月以上劳动合同的,政府部门按每人
    300元给予企业职业培训津贴,履行劳动合同1年内取得相应职业技能证书或提升一个技能等级的,再给予300元职业培训津贴。

    “再给予”: the second allowance is due only where the first is.
    """

    id = "training-allowance"
    title = "新招聘人员培训津贴"
    audience = "给中小微企业:新招的人培训以后,能领多少职业培训津贴。"
    clauses = ("sx-2018-38#16",)
    fields = tuple(SUMMARY_FIELDS.values())
    conditions = (ENTERPRISE, NEW_HIRE, TRAINED, CONTRACT, QUALIFICATION, IN_TIME)
    office = "文件只写“政府部门”,没有写是哪个部门;可以问当地人力资源和社会保障部门(12333)。"
    open_points = ("文件没有写申请表、材料、办理地点、截止日期和到账时间。",)

    def assess(self, inputs: Any, on: date) -> Decision:
        """The decision for a list of `people` or for the summary form. Raises InvalidInput and NotInForce."""
        roster = read_roster(inputs)
        return self.decide_roster(roster, rules_on(self.id, self.version, on))

    def decide(self, given: Given, rules: Rules) -> Decision:
        return self.decide_roster(_from_summary(given), rules)

    def decide_roster(self, roster: Roster, rules: Rules) -> Decision:
        """The firm's sum: what is certain, and what it can still become."""
        enterprise = ENTERPRISE.yes(rules, roster.is_sme)
        people = _people(roster, enterprise, rules)
        highest = rules.number("first_allowance") + rules.number("second_allowance")
        outcome = _outcome(enterprise.state, people, highest)
        amount = sum((p.amount * p.count for p in people if p.count), NOTHING)
        possible: Decimal | None = NOTHING
        for p in people:
            if p.count is None and p.amount_possible:
                possible = None
            elif p.count and possible is not None:
                possible += p.amount_possible * p.count
        applies = outcome != "not_applicable"
        return Decision(
            programme=self.id,
            title=self.title,
            outcome=outcome,
            headline=_headline(outcome, amount, possible, people, rules),
            on=rules.on,
            rule_version=rules.version,
            amount=amount,
            amount_possible=possible,
            criteria=(enterprise,),
            people=people if applies else (),
            facts=_facts(people) if applies else (),
            open_points=(*_late_on_rest_day(roster, rules), *self.open_points),
            changes=_changes(people, rules) if applies else (),
            office=self.office,
            notes=(*_notes(roster, rules.on), *rules.notes),
            also=(rules["first_allowance"].value.citation, rules["second_allowance"].value.citation),
            inputs=roster.raw,
            next_input=self._next(roster, enterprise, people, outcome, rules),
        )

    def _next(
        self,
        roster: Roster,
        enterprise: Criterion,
        people: tuple[PersonDecision, ...],
        outcome: Outcome,
        rules: Rules,
    ) -> InputField | None:
        """The firm's size, then how many people, then person by person what can still change the sum."""
        if outcome == "not_applicable":
            return None
        if enterprise.state == "unknown" and "is_sme" not in roster.answered:
            return _IS_SME
        open_people = [(e, p) for e, p in zip(roster.people, people, strict=True) if _is_open(p)]
        if any(p.count is None and not e.path for e, p in open_people) and "headcount" not in roster.answered:
            return SUMMARY_FIELDS["headcount"]
        for entry, decided in open_people:
            for criterion in _undecided(decided):
                name = entry.to_ask(criterion.missing) if criterion is not enterprise else None
                if name:
                    return _question(entry, name, decided, rules)
        return None

    def schema(self) -> dict[str, Any]:
        """Either `people`, or the summary form for one group of people."""
        numbers = rulebooks()[self.id].newest(self.version).texts()
        entry = {"name": {"title": "姓名或称呼", "type": ["string", "null"], "maxLength": 100}}
        entry |= {name: field.filled(numbers).schema() for name, field in PERSON_FIELDS.items()}
        whole = super().schema()
        whole["properties"]["people"] = {
            "title": "人员",
            "description": "每人一项;情况相同的人可以合成一项,用 count 写人数。写了 people 就不写 headcount 等汇总项。",
            "type": "array",
            "maxItems": MOST_ENTRIES,
            "items": {"type": "object", "properties": entry, "additionalProperties": False},
        }
        summary = [name for name in SUMMARY_FIELDS if name != "is_sme"]
        whole["dependencies"] = {"people": {"not": {"anyOf": [{"required": [name]} for name in summary]}}}
        return whole


# -- the conditions ----------------------------------------------------------------------------------------------------


def _people(roster: Roster, enterprise: Criterion, rules: Rules) -> tuple[PersonDecision, ...]:
    """Everybody's part; the first allowance is judged once for all who were hired and trained alike."""
    firsts: dict[tuple[Any, ...], Group] = {}
    decided = []
    for person in roster.people:
        alike = tuple(person[name] for name in _FIRST_INPUTS)
        if alike not in firsts:
            firsts[alike] = _first_allowance(person, enterprise, rules)
        decided.append(_decide(person, firsts[alike], rules))
    return tuple(decided)


def _first_allowance(person: Person, enterprise: Criterion, rules: Rules) -> Group:
    """中小微企业与职业院校合作,开展新招聘人员职业培训,签订6个月以上劳动合同."""
    return Group(
        "first_allowance",
        "第一笔津贴",
        "all",
        (
            enterprise,
            NEW_HIRE.yes(rules, person["new_hire"]),
            TRAINED.yes(rules, person["trained_with_school"]),
            _contract(person, rules),
        ),
    )


_FIRST_INPUTS = ("new_hire", "trained_with_school", *CONTRACT.inputs)


def _decide(person: Person, first: Group, rules: Rules) -> PersonDecision:
    """What is due for one person: the first allowance, and the second (“再给予”) only where the first is."""
    second = Group("second_allowance", "第二笔津贴", "all", (_qualification(person, rules), _in_time(person, rules)))
    second_due = all_of((first.state, second.state))
    once, again = rules.number("first_allowance"), rules.number("second_allowance")
    certain = (once if first.state == "met" else NOTHING) + (again if second_due == "met" else NOTHING)
    possible = (once if first.state != "not_met" else NOTHING) + (again if second_due != "not_met" else NOTHING)
    outcome: Outcome = "unknown"
    if certain == possible:
        outcome = "met" if second_due == "met" else "partial" if first.state == "met" else "not_met"
    return PersonDecision(person.name, person.count, outcome, certain, possible, (first, second))


def _contract(person: Person, rules: Rules) -> Criterion:
    """签订6个月以上劳动合同: the term by its dates, both included, or by whole months."""
    wanted = int(rules.number("contract_term"))
    threshold = f"{wanted} 个月以上"
    start, end, whole_months = person["contract_start"], person["contract_end"], person["contract_months"]
    if start and end:
        last = last_day_of_term(start, wanted)
        value = f"{chinese_date(start)}至{chinese_date(end)},{length(start, end)}"
        short = length(end + ONE_DAY, last) if end < last else ""
        over = length(last + ONE_DAY, end) if end > last else ""
    elif whole_months is not None:
        value = f"{whole_months} 个月"
        short = f"{wanted - whole_months} 个月" if whole_months < wanted else ""
        over = f"{whole_months - wanted} 个月" if whole_months > wanted else ""
    else:
        missing = _either("contract_months", ("contract_start", "contract_end"), person)
        return CONTRACT.judge(rules, "unknown", threshold=threshold, missing=missing)
    if short:
        fix = f"把劳动合同签到 {wanted} 个月以上(还差 {short})"
        return CONTRACT.judge(rules, "not_met", value=value, threshold=threshold, margin=f"还差 {short}", fix=fix)
    return CONTRACT.judge(rules, "met", value=value, threshold=threshold, margin=f"高出 {over}" if over else EXACTLY)


def _qualification(person: Person, rules: Rules) -> Criterion:
    """取得相应职业技能证书或提升一个技能等级. Who has neither can still get one until the time limit ends."""
    has = person["qualification"]
    if has is None:
        return QUALIFICATION.judge(rules, "unknown", missing=("qualification",))
    if has != "none":
        return QUALIFICATION.judge(rules, "met", value=_HAS[has])
    limit = _limit(person, rules)
    if limit and limit < rules.on:
        note = f"期限到{chinese_date(limit)}为止,已经过了。"
        return QUALIFICATION.judge(rules, "not_met", value=_HAS[has], note=note)
    by = f"在{chinese_date(limit)}以前" if limit else f"在开始履行劳动合同后 {rules['qualification_limit']}内"
    fix = f"{by}取得相应职业技能证书或提升一个技能等级"
    return QUALIFICATION.judge(rules, "not_met", value=_HAS[has], fix=fix)


_SUMMARY_NAME = {"qualification": "qualified_count"}
_HAS = {
    "certificate": "取得了证书",
    "grade_up": "提升了一个等级",
    "either": "取得了证书或提升了等级",
    "none": "都没有",
}


def _in_time(person: Person, rules: Rules) -> Criterion:
    """履行劳动合同1年内: from the day performance began to the corresponding day, that day included."""
    threshold = f"{rules['qualification_limit']}内"
    since, got, within = person["performing_since"], person["qualified_on"], person["qualified_within_year"]
    limit = _limit(person, rules)
    if since and got and limit:
        value = f"{chinese_date(since)}起履行合同,{chinese_date(got)}取得"
        if got < since:
            margin = "早于开始履行合同"
            return IN_TIME.judge(rules, "not_met", value=value, threshold=threshold, margin=margin)
        note = f"期限的最后一天是{chinese_date(limit)}。"
        if got > limit:
            margin = f"晚了 {(got - limit).days} 天"
            return IN_TIME.judge(rules, "not_met", value=value, threshold=threshold, margin=margin, note=note)
        early = (limit - got).days
        margin = f"提前 {early} 天" if early else EXACTLY
        return IN_TIME.judge(rules, "met", value=value, threshold=threshold, margin=margin, note=note)
    if within is None:
        missing = _either("qualified_within_year", ("qualified_on", "performing_since"), person)
        return IN_TIME.judge(rules, "unknown", threshold=threshold, missing=missing)
    value = f"{threshold}取得" if within else f"不是{threshold}取得"
    return IN_TIME.judge(rules, "met" if within else "not_met", value=value, threshold=threshold)


def _limit(person: Person, rules: Rules) -> date | None:
    """The last day to get a certificate on, where it is known since when the contract is performed."""
    since = person["performing_since"]
    return last_day_within(since, 12 * int(rules.number("qualification_limit"))) if since else None


def _either(short_form: str, dates: tuple[str, str], person: Person) -> tuple[str, ...]:
    """What to ask where one answer or two dates will do: the other date when one is known, else the one answer first."""
    known = [name for name in dates if person[name]]
    unknowable = [name for name in dates if name in person.answered and not person[name]]
    wanted = () if unknowable else tuple(name for name in dates if not person[name])
    return (*wanted, short_form) if known else (short_form, *wanted)


# -- the firm ----------------------------------------------------------------------------------------------------------


def _outcome(enterprise: State, people: tuple[PersonDecision, ...], highest: Decimal) -> Outcome:
    """Not applicable to other firms; partial when some of what could be due is due and some certainly is not."""
    if enterprise == "not_met":
        return "not_applicable"
    if enterprise == "unknown":
        return "unknown"
    if all(p.outcome == "not_met" for p in people):
        return "not_met"
    if any(p.count is None and p.outcome != "not_met" for p in people):
        return "unknown"
    if all(p.outcome == "met" for p in people):
        return "met"
    gained, lost = any(p.amount for p in people), any(p.amount_possible < highest for p in people)
    return "partial" if gained and lost else "unknown"


def _is_open(person: PersonDecision) -> bool:
    return person.amount != person.amount_possible or (person.count is None and person.outcome != "not_met")


def _undecided(person: PersonDecision) -> Iterator[Criterion]:
    """The first allowance's criteria, and the second's while that can still be due."""
    first, _ = person.criteria
    if first.state != "not_met":
        yield from undecided(person.criteria)


def _question(entry: Person, name: str, decided: PersonDecision, rules: Rules) -> InputField:
    """The field that asks for `name` in this entry: of the summary form, or 'people[3].new_hire' with the person's name."""
    if not entry.path:
        return SUMMARY_FIELDS[name].filled(rules.texts())
    asked = PERSON_FIELDS[name].filled(rules.texts())
    return replace(asked, name=f"{entry.path}.{name}", question=f"{decided.who}:{asked.question}")


def _facts(people: tuple[PersonDecision, ...]) -> tuple[Fact, ...]:
    """How many people there are, and for how many each allowance is certainly due."""
    if any(p.count is None for p in people):
        return ()
    first, second = _paid(people)
    everyone = sum(p.count or 0 for p in people)
    return (
        Fact("people", "一共", everyone, "人"),
        Fact("first_allowance_people", "可得第一笔", first, "人"),
        Fact("second_allowance_people", "可得第二笔", second, "人"),
    )


def _paid(people: tuple[PersonDecision, ...]) -> tuple[int, int]:
    """For how many people the first allowance is certainly due, and for how many the second."""
    return (
        sum(p.count or 0 for p in people if p.amount),
        sum(p.count or 0 for p in people if p.outcome == "met"),
    )


def _headline(
    outcome: Outcome, amount: Decimal, possible: Decimal | None, people: tuple[PersonDecision, ...], rules: Rules
) -> str:
    if outcome == "not_applicable":
        return "不适用:这一条津贴写的是中小微企业,没有写其他企业。"
    if outcome == "not_met":
        return "按文件的条件,现在领不到这项津贴。"
    if outcome == "unknown" and not possible and possible is not None:
        return "按已经知道的情况,领不到这项津贴;是不是中小微企业还不知道。"
    if amount != possible:
        most = f"最多 {plain(possible)} 元" if possible is not None else "最多多少要看人数"
        return f"现在能确定的是 {plain(amount)} 元,{most},还要看没有答的条件。"
    first, second = _paid(people)
    parts = [f"{first} 人各 {plain(rules.number('first_allowance'))} 元"]
    if second:
        parts.append(f"其中 {second} 人再各 {plain(rules.number('second_allowance'))} 元")
    return f"按文件,可以领 {plain(amount)} 元:{','.join(parts)}。津贴是给企业的。"


def _changes(people: tuple[PersonDecision, ...], rules: Rules) -> tuple[Change, ...]:
    """What would bring more, people with the same to do together; the fewest steps first, then the most money."""
    gains: dict[tuple[str, int], tuple[int, Decimal]] = {}

    def could(person: PersonDecision, steps: tuple[Criterion, ...] | None, gain: Decimal) -> None:
        if steps and person.count:
            key = (";".join(step.fix or "" for step in steps), len(steps))
            number, sum_so_far = gains.get(key, (0, NOTHING))
            gains[key] = (number + person.count, sum_so_far + gain * person.count)

    for person in people:
        if person.amount_possible == rules.number("first_allowance") + rules.number("second_allowance"):
            continue
        first, second = person.criteria
        if first.state == "not_met":
            could(person, remedies((first,)), rules.number("first_allowance"))
        elif second.state == "not_met":
            could(person, remedies((second,)), rules.number("second_allowance"))
    ordered = sorted(gains.items(), key=lambda item: (item[0][1], -item[1][1]))
    return tuple(
        Change(f"{number} 人:{text},可以再得 {plain(gain)} 元。", gain, steps)
        for (text, steps), (number, gain) in ordered
    )


def _late_on_rest_day(roster: Roster, rules: Rules) -> tuple[str, ...]:
    """Article 203 of the Civil Code may move the last day; said where a certificate came after it."""
    late = any(p["qualified_on"] and (limit := _limit(p, rules)) and limit < p["qualified_on"] for p in roster.people)
    text = "期限的最后一天如果是法定休假日,会顺延到休假日结束的次日(民法典第二百零三条);这里没有放假日历,没有算顺延。"
    return (text,) if late else ()


def _notes(roster: Roster, on: date) -> tuple[str, ...]:
    if any(p["qualified_on"] and p["qualified_on"] > on for p in roster.people):
        return (f"有人取得证书的日期在{chinese_date(on)}之后,这里按到时取得来算。",)
    return ()


# -- reading the input -------------------------------------------------------------------------------------------------


def read_roster(raw: Any) -> Roster:
    """The input, checked. Raises InvalidInput with every mistake and where it stands ('people[2].contract_end')."""
    if not isinstance(raw, Mapping) or "people" not in raw:
        given = read(SUMMARY_FIELDS, raw)
        headcount, qualified = given["headcount"], given["qualified_count"]
        if headcount is not None and qualified is not None and qualified > headcount:
            message = f"取得证书或提升等级的有 {qualified} 人,比总人数 {headcount} 人还多。"
            raise InvalidInput([InputError("qualified_count", message)])
        return _from_summary(given)
    errors: list[InputError] = []
    top = Given({}, frozenset())
    try:
        top = read({"is_sme": _IS_SME}, {name: value for name, value in raw.items() if name != "people"})
    except InvalidInput as error:
        for one in error.errors:
            mixed = one.field in SUMMARY_FIELDS and one.field != "is_sme"
            message = f"写了人员(people)就不要再写“{SUMMARY_FIELDS[one.field].label}”。" if mixed else one.message
            errors.append(InputError(one.field, message))
    entries = raw["people"]
    if not isinstance(entries, (list, tuple)):
        raise InvalidInput([*errors, InputError("people", "人员(people)要写成一个列表。")])
    if len(entries) > MOST_ENTRIES:
        raise InvalidInput([*errors, InputError("people", f"一次最多算 {MOST_ENTRIES} 人,现在有 {len(entries)} 项。")])
    people = [_person(f"people[{i}]", entry, errors) for i, entry in enumerate(entries)]
    if (everyone := sum(person.count or 0 for person in people)) > MOST_ENTRIES:
        errors.append(InputError("people", f"一次最多算 {MOST_ENTRIES} 人,现在一共 {everyone} 人。"))
    if errors:
        raise InvalidInput(errors)
    shown = {**top.values, "people": [{"name": p.name, "count": p.count, **p.values} for p in people]}
    if not people:  # an empty list says nothing about how many there are
        return _from_summary(top)
    return Roster(top["is_sme"], tuple(people), top.answered, shown)


def _person(path: str, raw: Any, errors: list[InputError]) -> Person:
    """One entry of `people`; mistakes are added to `errors`."""
    if not isinstance(raw, Mapping):
        errors.append(InputError(path, f"{path} 应是一组“名称: 值”。"))
        return Person(None, 1, {}, frozenset(), path)
    values: dict[str, Any] = {}
    name = raw.get("name")
    who = name if isinstance(name, str) and name else path
    if name is not None and (not isinstance(name, str) or len(name) > 100):
        errors.append(InputError(f"{path}.name", f"{path}:“姓名”要填文字,不超过 100 个字。"))
        who = name = path
    for key, answer in raw.items():
        if key == "name":
            continue
        known = PERSON_FIELDS.get(key)
        if known is None:
            errors.append(InputError(f"{path}.{str(key)[:40]}", f"{who}:不认识的输入项“{str(key)[:40]}”。"))
            continue
        try:
            values[key] = known.parse(answer)
        except ValueError as error:
            errors.append(InputError(f"{path}.{key}", f"{who}:{error}"))
    number = values.pop("count", 1)  # one person unless said otherwise; null: nobody knows how many
    errors.extend(InputError(f"{path}.{field}", f"{who}:{text}") for field, text in _contradictions(values))
    return Person(name or None, number, values, frozenset(raw), path)


def _contradictions(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Answers about one person that cannot be true together."""
    start, end, whole_months = (values.get(n) for n in ("contract_start", "contract_end", "contract_months"))
    if start and end:
        if end < start:
            yield "contract_end", "劳动合同结束日期早于开始日期。"
        elif whole_months is not None and whole_months != months_of_term(start, end):
            yield "contract_months", f"劳动合同按日期是 {length(start, end)},和填的 {whole_months} 个月不一致。"
    if values.get("qualification") == "none" and (values.get("qualified_on") or values.get("qualified_within_year")):
        yield "qualification", "填了没有证书也没有升级,又填了取得的时间。"


def _from_summary(given: Given) -> Roster:
    """The summary form as groups: those with a certificate or a higher grade, and the rest."""
    headcount, qualified = given["headcount"], given["qualified_count"]
    shared = {
        name: given[name] for name in ("new_hire", "trained_with_school", "contract_months") if name in given.values
    }

    def group(number: int | None, **more: Any) -> Person:
        return Person(None, number, shared | more, given.answered)

    if qualified is None:
        groups = [group(headcount, qualified_within_year=given["qualified_within_year"])]
    else:
        rest = None if headcount is None else headcount - qualified
        groups = [
            group(qualified, qualification="either", qualified_within_year=given["qualified_within_year"]),
            group(rest, qualification="none"),
        ]
    people = tuple(person for person in groups if person.count != 0)
    return Roster(given["is_sme"], people, given.answered, given.values)
