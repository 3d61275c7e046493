"""What is logged and how: lines for people or JSON for a collector, each with the turn it belongs to, none with what people said.

Errors are told by their kind and the lines of code they came through. Their texts are left out: those of a database or of a validation
repeat the values, which are messages, names and numbers.
"""

import json
import logging
import traceback
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

from booking.outbox import origin
from bot.privacy import mask

ROOT = str(Path(__file__).resolve().parent.parent)
OURS = ("bot", "channels", "booking", "actions", "policy_kb")
LONGEST_TRACE = 12


class _Formatter(logging.Formatter):
    def facts(self, record: logging.LogRecord) -> dict[str, object]:
        at = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
        facts: dict[str, object] = {"at": at, "level": record.levelname, "logger": record.name}
        facts["message"] = mask(record.getMessage())
        if origin.get():
            facts["turn"] = origin.get()
        if record.exc_info and record.exc_info[1] is not None:
            facts["error"], facts["trace"] = _kinds(record.exc_info[1]), _trace(record.exc_info[1])
        return facts


class JsonFormatter(_Formatter):
    """One JSON object a line: at (UTC), level, logger, message, turn, error, trace."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(self.facts(record), ensure_ascii=False)


class TextFormatter(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        facts = self.facts(record)
        turn = f" [{facts['turn']}]" if "turn" in facts else ""
        lines = [f"{facts['at']} {facts['level']} {facts['logger']}{turn} {facts['message']}"]
        if "error" in facts:
            lines += [f"  {facts['error']}", *(f"    {line}" for line in facts["trace"])]  # type: ignore[attr-defined]
        return "\n".join(lines)


def set_up_logs(form: Literal["text", "json"], level: int = logging.WARNING) -> None:
    """All logs to standard error at `level`; as JSON also what our own code tells of every turn (INFO)."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in OURS:
        logging.getLogger(name).setLevel(min(level, logging.INFO) if form == "json" else level)


def _kinds(error: BaseException) -> str:
    """The error and what it came from: `Unavailable < OperationalError`."""
    kinds, cause = [type(error).__name__], error.__cause__ or error.__context__
    while cause is not None and len(kinds) < 5:
        kinds.append(type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    return " < ".join(kinds)


def _trace(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)[-LONGEST_TRACE:]
    return [f"{frame.filename.removeprefix(ROOT).lstrip('/')}:{frame.lineno} {frame.name}" for frame in frames]
