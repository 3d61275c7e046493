"""`python -m policy_kb` as an operator runs it, on a copy of the knowledge with a few questions of each kind."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from policy_kb.knowledge import ROOT

QUESTIONS_KEPT = 2
ALLOWANCE = "培训津贴每人多少钱"


@pytest.fixture
def knowledge(tmp_path: Path) -> Path:
    """A copy of policy_kb that trains in seconds: every file, but only the first questions under each target."""
    copy = tmp_path / "policy_kb"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns("__pycache__", "paraphrased", "collected"))
    for file in (copy / "questions").rglob("*.txt"):
        kept: list[str] = []
        since_target = 0
        for line in file.read_text(encoding="utf-8").splitlines():
            since_target = 0 if line.startswith("# ") else since_target + 1
            if since_target <= QUESTIONS_KEPT:
                kept.append(line)
        file.write_text("\n".join(kept), encoding="utf-8")
    return copy


def run(knowledge: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "VAR_DIR": str(knowledge.parent / "var"), "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, "-m", "policy_kb", *arguments],
        cwd=knowledge.parent,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )


def test_check_counts_what_is_there(knowledge: Path) -> None:
    done = run(knowledge, "check")
    assert done.returncode == 0, done.stderr
    documents = len(list((knowledge / "documents").glob("*.md")))
    assert f"文件 {documents} 份" in done.stdout
    assert not (knowledge.parent / "var").exists(), "checking trains nothing"


@pytest.mark.parametrize("command", ["check", "train"])
def test_a_misquoted_answer_is_refused_with_its_file_and_line(knowledge: Path, command: str) -> None:
    file = knowledge / "answers" / "sx-2018-38" / "16.yml"
    text = file.read_text(encoding="utf-8")
    wrong = text.replace("quote: 鼓励中小微企业与职业院校合作", "quote: 要求中小微企业与职业院校合作", 1)
    assert wrong != text
    file.write_text(wrong, encoding="utf-8")
    done = run(knowledge, command)
    assert done.returncode == 1
    assert done.stderr.startswith(f"错误:{file}:3: 引文与 sx-2018-38#16 的原文不一致"), done.stderr
    assert done.stderr.count("\n") == 1


def test_training_is_done_once_and_then_questions_are_answered_with_their_clause(knowledge: Path) -> None:
    first, second = run(knowledge, "train"), run(knowledge, "train")
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "训练完成" in first.stdout
    assert "不用训练" in second.stdout
    asked = run(knowledge, "ask", ALLOWANCE)
    assert asked.returncode == 0, asked.stderr
    assert "300元" in asked.stdout
    assert "〔晋政办发〔2018〕38号（十六）" in asked.stdout
