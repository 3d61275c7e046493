"""A quota: a part that is to be at least a percentage of a whole. Most obligations of the two plans have this form."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, Decimal

from policy_kb.rules.engine import EXACTLY, Condition, Criterion, Fact
from policy_kb.rules.inputs import Given, InputError, plain
from policy_kb.rules.parameters import Rules

FEN = Decimal("0.01")


@dataclass(frozen=True)
class Quota:
    """The criterion, and in whole units (or fen) what is `required` and `missing`; None while that is not known."""

    criterion: Criterion
    required: Decimal | None
    missing: Decimal | None
    unit: str
    open_points: tuple[str, ...]

    @property
    def facts(self) -> tuple[Fact, ...]:
        known = (("required", "至少要有", self.required), ("missing", "还差", self.missing))
        return tuple(Fact(id, label, number, self.unit) for id, label, number in known if number is not None)


def at_least(rules: Rules, parameter: str, whole: Decimal) -> Decimal:
    """The parameter's percentage of `whole` yuan, rounded up to the fen so that it is never less than the text says."""
    return (rules.number(parameter) * whole / 100).quantize(FEN, ROUND_CEILING)


def quota(condition: Condition, rules: Rules, given: Given, part: str, whole: str, unit: str, fix: str) -> Quota:
    """The input `part` against the condition's percentage of the input `whole`, in exact arithmetic.

    What is counted in 元 goes down to the fen, all else comes in whole ones. `fix` is filled with `{missing}`.
    """
    has, of = given[part], given[whole]
    threshold = f"不少于 {rules[condition.parameter]}"
    if of is None:
        return Quota(_open(condition, rules, given, threshold), None, None, unit, ())
    exact = rules.number(condition.parameter) * of / 100
    required = exact.quantize(FEN if unit == "元" else Decimal(1), ROUND_CEILING)
    rounding = f"文件没有写算出小数怎么取整;不少于 {plain(exact)} {unit},按整数就是至少 {required} {unit}。"
    open_points = (rounding,) if required != exact and unit != "元" else ()
    if not of:  # nothing is asked of nothing, however large the part is
        note = "总数是 0,按比例算也是 0。"
        criterion = condition.judge(rules, "met", threshold=threshold, margin=EXACTLY, note=note)
        return Quota(criterion, required, Decimal(0), unit, open_points)
    if has is None:
        return Quota(_open(condition, rules, given, threshold), required, None, unit, open_points)
    missing = max(required - has, Decimal(0))
    criterion = _judge(condition, rules, has, of, threshold, fix.format(missing=plain(missing)))
    return Quota(criterion, required, missing, unit, open_points)


def more_than_all(given: Given, part: str, whole: str, message: str) -> list[InputError]:
    """`message` when the input `part` is more than `whole`, of which it is a part."""
    has, of = given[part], given[whole]
    return [InputError(part, message)] if has is not None and of is not None and has > of else []


def _open(condition: Condition, rules: Rules, given: Given, threshold: str) -> Criterion:
    return condition.judge(rules, "unknown", threshold=threshold, missing=given.missing(*condition.inputs))


def _judge(
    condition: Condition, rules: Rules, has: Decimal | int, of: Decimal | int, threshold: str, fix: str
) -> Criterion:
    percent = rules.number(condition.parameter)
    over = Decimal(has) * 100 - percent * of
    # Rounded down, so that what falls short never looks as if it reached the threshold.
    shown = (Decimal(has) * 100 / of).quantize(Decimal("0.01"), ROUND_DOWN)
    value, apart = f"{plain(shown)}%", plain(abs(shown - percent))
    if over < 0:
        margin = f"还差 {apart} 个百分点"
        return condition.judge(rules, "not_met", value=value, threshold=threshold, margin=margin, fix=fix)
    margin = EXACTLY if not over else f"高出 {apart} 个百分点" if shown > percent else "高出不到 0.01 个百分点"
    return condition.judge(rules, "met", value=value, threshold=threshold, margin=margin)
