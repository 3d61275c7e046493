"""What a programme asks: fields with their Chinese questions, the check of what was answered, and the JSON schema of it.

An input that is absent has not been asked yet; `null` is the answer "不知道". Neither is ever replaced by a default.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

Kind = Literal["boolean", "choice", "count", "amount", "percentage", "date", "months"]

FIRST_DAY, LAST_DAY = date(1950, 1, 1), date(2100, 12, 31)
MOST = 100_000_000
MOST_MONTHS = 1200
MOST_YUAN = Decimal(10) ** 13


@dataclass(frozen=True)
class InputError:
    """One input that cannot be used: where it stands ('people[2].contract_end') and why, in a Chinese sentence."""

    field: str
    message: str


class InvalidInput(ValueError):
    """Inputs that cannot be used. `errors` holds all of them, `str()` is their sentences."""

    def __init__(self, errors: Iterable[InputError]) -> None:
        self.errors = tuple(errors)
        super().__init__(" ".join(error.message for error in self.errors[:5]))


@dataclass(frozen=True)
class Choice:
    value: str
    label: str


@dataclass(frozen=True)
class InputField:
    """One question. `{parameter_id}` in its texts stands for that parameter's value; `minimum` and `maximum` are included."""

    name: str
    kind: Kind
    label: str
    question: str
    help: str = ""
    options: tuple[Choice, ...] = ()
    unit: str = ""
    minimum: Decimal | None = None
    maximum: Decimal | None = None

    def filled(self, numbers: Mapping[str, str]) -> "InputField":
        """The field with the parameters' values in its texts."""
        if "{" not in self.question + self.help:
            return self
        return replace(self, question=self.question.format_map(numbers), help=self.help.format_map(numbers))

    def said(self, value: str) -> str:
        """How the choice `value` is called."""
        return next(option.label for option in self.options if option.value == value)

    def parse(self, raw: Any) -> Any:
        """`raw` as bool, str, int, Decimal or date; None stays None. Raises ValueError with a Chinese sentence."""
        if raw is None:
            return None
        if self.kind == "boolean":
            if raw is True or raw is False:
                return raw
            raise ValueError(f"“{self.label}”只能填是(true)或否(false)。")
        if self.kind == "choice":
            if isinstance(raw, str) and any(raw == option.value for option in self.options):
                return raw
            raise ValueError(f"“{self.label}”只能从这些里选:{'、'.join(option.label for option in self.options)}。")
        if self.kind == "date":
            return self._date(raw)
        if self.kind in ("count", "months"):
            if type(raw) is not int:
                raise ValueError(f"“{self.label}”要填整数。")
            self._bounds(raw)
            return raw
        return self._decimal(raw)

    def _date(self, raw: Any) -> date:
        try:
            day = raw if type(raw) is date else date.fromisoformat(raw)
        except (TypeError, ValueError):
            day = None
        if day is None:
            raise ValueError(f"“{self.label}”要填日期,写成 2024-03-01 这样。")
        if not FIRST_DAY <= day <= LAST_DAY:
            raise ValueError(f"“{self.label}”要在 {FIRST_DAY.year} 年到 {LAST_DAY.year} 年之间。")
        return day

    def _decimal(self, raw: Any) -> Decimal:
        """Numbers and numerals, exactly; a float is taken as it is written, not as it is stored."""
        try:
            if isinstance(raw, bool) or not isinstance(raw, (int, float, str, Decimal)) or len(str(raw)) > 24:
                raise ValueError
            number = Decimal(str(raw))
        except (ValueError, InvalidOperation):
            number = Decimal("NaN")
        if not number.is_finite():
            raise ValueError(f"“{self.label}”要填数字。")
        self._bounds(number)
        if number != round(number, 2):
            raise ValueError(f"“{self.label}”最多写两位小数。")
        return number

    def _bounds(self, number: int | Decimal) -> None:
        if self.minimum is not None and number < self.minimum:
            raise ValueError(f"“{self.label}”不能小于 {self.minimum:f}{self.unit}。")
        if self.maximum is not None and number > self.maximum:
            raise ValueError(f"“{self.label}”不能大于 {self.maximum:f}{self.unit}。")

    def schema(self) -> dict[str, Any]:
        """The field as a draft-07 JSON schema; null says 不知道."""
        schema: dict[str, Any] = {"title": self.label, "description": f"{self.question}{self.help}"}
        if self.kind == "choice":
            chosen = [{"const": option.value, "title": option.label} for option in self.options]
            return schema | {"oneOf": [*chosen, {"type": "null", "title": "不知道"}]}
        if self.kind == "boolean":
            return schema | {"type": ["boolean", "null"]}
        if self.kind == "date":
            return schema | {"type": ["string", "null"], "format": "date"}
        whole = self.kind in ("count", "months")
        schema["type"] = ["integer", "null"] if whole else ["number", "string", "null"]
        if self.minimum is not None:
            schema["minimum"] = int(self.minimum) if whole else float(self.minimum)
        if self.maximum is not None:
            schema["maximum"] = int(self.maximum) if whole else float(self.maximum)
        return schema


def yes_no(name: str, label: str, question: str, help: str = "") -> InputField:
    return InputField(name, "boolean", label, question, help)


def choice(name: str, label: str, question: str, options: Mapping[str, str], help: str = "") -> InputField:
    return InputField(name, "choice", label, question, help, tuple(Choice(v, t) for v, t in options.items()))


def count(
    name: str, label: str, question: str, unit: str, minimum: int = 0, maximum: int = MOST, help: str = ""
) -> InputField:
    return InputField(name, "count", label, question, help, (), f" {unit}", Decimal(minimum), Decimal(maximum))


def months(name: str, label: str, question: str, help: str = "") -> InputField:
    return InputField(name, "months", label, question, help, (), " 个月", Decimal(0), Decimal(MOST_MONTHS))


def day(name: str, label: str, question: str, help: str = "") -> InputField:
    return InputField(name, "date", label, question, help)


def amount(name: str, label: str, question: str, minimum: str = "0", help: str = "") -> InputField:
    return InputField(name, "amount", label, question, help, (), " 元", Decimal(minimum), MOST_YUAN)


@dataclass(frozen=True)
class Given:
    """Checked answers. A name in `answered` with the value None was answered 不知道."""

    values: Mapping[str, Any]
    answered: frozenset[str]

    def __getitem__(self, name: str) -> Any:
        return self.values.get(name)

    def missing(self, *names: str) -> tuple[str, ...]:
        """Those of `names` that have no value, in order."""
        return tuple(name for name in names if self.values.get(name) is None)


def read(fields: Mapping[str, InputField], raw: Any) -> Given:
    """`raw` checked against `fields`. Raises InvalidInput naming every input that is unknown or cannot be used."""
    if not isinstance(raw, Mapping):
        raise InvalidInput([InputError("", "输入应是一组“名称: 值”(JSON 对象)。")])
    values: dict[str, Any] = {}
    errors: list[InputError] = []
    for name, answer in raw.items():
        known = fields.get(name)
        if known is None:
            errors.append(InputError(str(name)[:40], f"不认识的输入项“{str(name)[:40]}”。"))
            continue
        try:
            values[name] = known.parse(answer)
        except ValueError as error:
            errors.append(InputError(name, str(error)))
    if errors:
        raise InvalidInput(errors)
    return Given(values, frozenset(values))


def as_json(value: Any) -> Any:
    """`value` for JSON: amounts as plain numerals, dates in ISO form, the rest as it is."""
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: as_json(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(inner) for inner in value]
    return value


def plain(number: Decimal) -> str:
    """3300 -> '3300', 3300.50 -> '3300.5'; never an exponent."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
