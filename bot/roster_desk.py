"""Rosters that people upload, read and assessed in a process of its own: what a stranger's file does there costs nobody else.

`python -m bot.roster_desk` is that process: a JSON order and the file on standard input, a JSON result on standard output.
"""

import asyncio
import json
import resource
import sys
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

SECONDS = 30
MEMORY = 1536 * 1024 * 1024  # bytes of address space
AT_ONCE = 1  # the others wait: a small server has better things to do


class RosterError(Exception):
    """A roster that cannot be taken; `str()` is a Chinese sentence, `code` a short word for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class WorkedOut:
    """A roster's result: as JSON, the decision in Chinese, the same without the people, the clauses it rests on, the annotated workbook."""

    result: Mapping[str, Any]
    explanation: str
    summary: str
    citations: tuple[tuple[str, str], ...]
    workbook: bytes


class RosterDesk:
    """Hands files to the process and waits for it, so many at once."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def work_out(self, data: bytes, filename: str, is_sme: bool | None, on: date) -> WorkedOut:
        """The roster in `data` assessed by the rules of `on`. Raises RosterError."""
        order = {"filename": filename, "is_sme": is_sme, "on": on.isoformat(), "data": b64encode(data).decode()}
        async with self._turns:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-W",
                "ignore",
                "-m",
                "bot.roster_desk",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
            try:
                said, _ = await asyncio.wait_for(process.communicate(json.dumps(order).encode()), SECONDS)
            except asyncio.TimeoutError:
                raise RosterError("too_slow", "这个表格处理得太久了。请只留下名单那一张工作表,再上传一次。") from None
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        try:
            done = json.loads(said)
        except ValueError:
            raise RosterError("damaged", "这个表格打不开。请另存为新的 .xlsx 文件,再上传一次。") from None
        if "error" in done:
            raise RosterError(done["code"], done["error"])
        pairs = tuple((article, quote) for article, quote in done["citations"])
        return WorkedOut(done["result"], done["explanation"], done["summary"], pairs, b64decode(done["workbook"]))


def _work() -> dict[str, Any]:
    from policy_kb.rules import NotInForce, citations, explain
    from policy_kb.rules.roster import annotated, assess_roster, read_roster
    from policy_kb.rules.spreadsheet import SpreadsheetError

    order = json.load(sys.stdin)
    try:
        roster = read_roster(b64decode(order["data"]), order["filename"])
        result = assess_roster(roster, order["is_sme"], date.fromisoformat(order["on"]))
    except SpreadsheetError as error:
        return {"code": error.code, "error": str(error)}
    except NotInForce as error:
        return {"code": "not_in_force", "error": str(error)}
    decision = result.decision
    return {
        "result": result.as_dict(),
        "explanation": explain(decision) if decision else result.headline,
        "summary": explain(replace(decision, people=())) if decision else result.headline,
        "citations": citations(decision) if decision else [],
        "workbook": b64encode(annotated(roster, result)).decode(),
    }


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    json.dump(_work(), sys.stdout, ensure_ascii=False)
