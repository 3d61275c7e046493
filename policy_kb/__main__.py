"""`python -m policy_kb check | train | ask "问题"`: what an operator does after editing the knowledge files."""

import argparse
import sys
from datetime import datetime
from zoneinfo import ZoneInfo

from policy_kb import live
from policy_kb.corpus import load_corpus
from policy_kb.knowledge import load_knowledge
from policy_kb.yaml_lines import DataError


def main(arguments: list[str]) -> int:
    """Run one command. 0 when it is done, 1 with one Chinese line on standard error when a knowledge file is wrong."""
    parser = argparse.ArgumentParser(prog="python -m policy_kb", description="政策知识:检查、训练、试问")
    commands = parser.add_subparsers(dest="command", required=True, metavar="命令")
    commands.add_parser("check", help="检查政策文件、答案、缺口和问法,打印各有多少")
    commands.add_parser("train", help="检查并训练(没有变化就不训练)")
    ask = commands.add_parser("ask", help="直接问政策问答一个问题(不经过对话层)")
    ask.add_argument("question", metavar="问题")
    given = parser.parse_args(arguments)
    try:
        if given.command == "check":
            _check()
        elif given.command == "train":
            _train()
        else:
            _ask(given.question)
    except DataError as error:
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
    outcome, _ = live.current().ask(question, None, datetime.now(ZoneInfo("Asia/Shanghai")).date())
    print(outcome.text)
    for citation in outcome.citations:
        print(f"  〔{citation.label}〕{citation.quote}")
    for option in outcome.options:
        print(f"  ▸ {option.title}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
