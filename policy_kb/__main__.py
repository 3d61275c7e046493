"""`python -m policy_kb check | train | ask "问题" | assess 测算项目`: what an operator does with the knowledge and the rules."""

import argparse
import json
import sys
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from policy_kb import live
from policy_kb.corpus import load_corpus
from policy_kb.knowledge import load_knowledge
from policy_kb.rules import PROGRAMMES, InvalidInput, NotInForce, assess, explain
from policy_kb.rules.roster import annotated, assess_roster, read_roster
from policy_kb.rules.spreadsheet import SpreadsheetError
from policy_kb.yaml_lines import DataError


def main(arguments: list[str]) -> int:
    """Run one command. 0 when it is done, 1 with one Chinese line on standard error when a knowledge file is wrong."""
    parser = argparse.ArgumentParser(prog="python -m policy_kb", description="政策知识:检查、训练、试问")
    commands = parser.add_subparsers(dest="command", required=True, metavar="命令")
    commands.add_parser("check", help="检查政策文件、答案、缺口和问法,打印各有多少")
    commands.add_parser("train", help="检查并训练(没有变化就不训练)")
    ask = commands.add_parser("ask", help="直接问政策问答一个问题(不经过对话层)")
    ask.add_argument("question", metavar="问题")
    work_out = commands.add_parser("assess", help="按规则测算一项")
    work_out.add_argument("programme", metavar="项目", choices=sorted(PROGRAMMES), help="、".join(PROGRAMMES))
    work_out.add_argument("--input", type=Path, metavar="JSON文件", help="输入;写 - 从标准输入读")
    work_out.add_argument("--roster", type=Path, metavar="名单.xlsx", help="培训津贴的人员名单(.xlsx 或 .csv)")
    work_out.add_argument("--out", type=Path, metavar="结果.xlsx", help="带结果的名单写到哪里(默认在原名后加“-结果”)")
    work_out.add_argument("--sme", choices=("yes", "no"), help="名单所属企业是不是中小微企业")
    work_out.add_argument("--on", type=date.fromisoformat, metavar="日期", help="按哪天的规则,默认今天")
    work_out.add_argument("--json", action="store_true", help="打印 JSON")
    given = parser.parse_args(arguments)
    try:
        if given.command == "check":
            _check()
        elif given.command == "train":
            _train()
        elif given.command == "ask":
            _ask(given.question)
        elif given.roster is not None:
            _assess_roster(given)
        else:
            _assess(given)
    except (DataError, InvalidInput, NotInForce, SpreadsheetError, OSError, ValueError) as error:
        print(f"错误:{error}", file=sys.stderr)
        return 1
    return 0


def _check() -> None:
    knowledge = load_knowledge(load_corpus())
    corpus = knowledge.corpus
    print(
        f"没有发现错误:文件 {len(corpus.documents)} 份,条目 {len(corpus.articles)} 条,答案 {len(knowledge.answers)} 个,"
        f"缺口 {len(knowledge.gaps)} 个,问法 {len(knowledge.questions)} 个"
    )


def _train() -> None:
    steps: list[str] = []

    def say(text: str) -> None:
        steps.append(text)
        print(f"· {text}", flush=True)

    live.ensure_trained(say)
    print("训练完成,运行中的服务会自动用上" if steps else "知识没有变化,不用训练")


def _ask(question: str) -> None:
    outcome, _ = live.current().ask(question, None, _today())
    print(outcome.text)
    for citation in outcome.citations:
        print(f"  〔{citation.label}〕{citation.quote}")
    for option in outcome.options:
        print(f"  ▸ {option.title}")


def _assess(given: argparse.Namespace) -> None:
    if given.input is None:
        inputs = {}
    else:
        inputs = json.loads(sys.stdin.read() if str(given.input) == "-" else given.input.read_text(encoding="utf-8"))
    decision = assess(given.programme, inputs, given.on or _today())
    print(json.dumps(decision.as_dict(), ensure_ascii=False, indent=1) if given.json else explain(decision))
    if decision.next_input and not given.json:
        print(f"还要知道:{decision.next_input.question}(输入项 {decision.next_input.name})")


def _assess_roster(given: argparse.Namespace) -> None:
    if given.programme != "training-allowance":
        raise ValueError("名单只用于 training-allowance(新招聘人员培训津贴)")
    roster = read_roster(given.roster.read_bytes(), given.roster.name)
    result = assess_roster(roster, None if given.sme is None else given.sme == "yes", given.on or _today())
    out = given.out or given.roster.with_name(f"{given.roster.stem}-结果.xlsx")
    out.write_bytes(annotated(roster, result))
    if given.json:
        print(json.dumps(result.as_dict(), ensure_ascii=False, indent=1))
        return
    print(result.headline)
    for row in result.rows:
        for error in row.errors:
            print(f"  {error}")
    for note in result.notes:
        print(f"  {note}")
    print(f"逐人结果:{out}")


def _today() -> date:
    return datetime.now(ZoneInfo("Asia/Shanghai")).date()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
