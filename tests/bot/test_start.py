"""Starting: a mistake that an operator can mend is one Chinese line, and the terminal answers like the server."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.settings import Settings, SettingsError, read_settings
from policy_kb import live
from policy_kb.corpus import DOCUMENTS, load_corpus
from policy_kb.knowledge import load_knowledge
from policy_kb.yaml_lines import DataError
from tests.conftest import QUESTION, ROOT, environment, trained_folder


def bot(*arguments: str, env: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=400,
    )


# -- the command line --------------------------------------------------------------------------------------------------


def test_a_taken_port_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        run = bot("run", env=environment(tmp_path, HOST="127.0.0.1", PORT=port))
    assert run.returncode == 1 and run.stdout == ""
    [line] = run.stderr.splitlines()
    assert line.startswith("错误:端口") and port in line and "PORT=" in line


def test_the_terminal_answers_with_a_citation(tmp_path: Path) -> None:
    run = bot("ask", QUESTION, env=environment(trained_folder(tmp_path)))
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    assert "〔" in run.stdout and "依据" in run.stdout
    assert not (tmp_path / "chanjiaotong.db").exists()  # a question on the terminal is kept nowhere


def test_a_wrong_setting_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    monkeypatch.setenv("PORT", "八千")
    assert main(["run"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("错误:环境变量 PORT") and "八千" in line


def test_a_mistake_in_a_data_file_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def broken(say: object) -> Path:
        raise DataError("policy_kb/documents/sx-2018-38.md", 12, "条目标题末尾缺少 {#编号}")

    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    monkeypatch.delenv("PORT", raising=False)
    monkeypatch.setattr(live, "ensure_trained", broken)
    assert main(["train"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line == "错误:policy_kb/documents/sx-2018-38.md:12: 条目标题末尾缺少 {#编号}"


# -- settings ----------------------------------------------------------------------------------------------------------


def settings(folder: Path, **given: str) -> Settings:
    return read_settings({"VAR_DIR": str(folder), **given})


@pytest.mark.parametrize(
    "port", ["0", "65536", "-1", "80.5", "5e3", "abc", " 5005", "５００５", "99999999999999999999"]
)
def test_a_port_is_a_number_from_1_to_65535(tmp_path: Path, port: str) -> None:
    with pytest.raises(SettingsError, match="PORT"):
        settings(tmp_path, PORT=port)


def test_unset_and_empty_settings_have_their_defaults(tmp_path: Path) -> None:
    default = settings(tmp_path, SECRET_KEY="s")
    assert (default.port, default.redis_url, default.messages_per_minute) == (5005, None, 30)
    assert default.database_url == f"sqlite:///{tmp_path / 'chanjiaotong.db'}"
    assert settings(tmp_path, SECRET_KEY="s", PORT="", DATABASE_URL="", REDIS_URL="") == default


def test_given_settings_are_taken(tmp_path: Path) -> None:
    given = settings(
        tmp_path,
        PORT="5006",
        DATABASE_URL="postgresql://x/y",
        REDIS_URL="redis://x",
        SECRET_KEY="s",
        MESSAGES_PER_MINUTE="7",
    )
    assert (given.port, given.database_url, given.redis_url) == (5006, "postgresql://x/y", "redis://x")
    assert (given.secret_key, given.messages_per_minute) == ("s", 7)


def test_the_secret_is_made_once_kept_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    first, second = settings(tmp_path), settings(tmp_path)
    assert len(first.secret_key) >= 40 and first.secret_key == second.secret_key
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600
    assert settings(tmp_path / "other").secret_key != first.secret_key


# -- documents ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "put", "told"),
    [
        ("{#18}", "", "缺少 {#编号}"),
        ("slug: cn-intern-2021-4", "slug: another", "与文件名不一致"),
        ("kind: summary", "kind: law", "kind 只能是"),
        ("kind: summary", "kind: summary\nkind: policy", "重复"),
        ("kind: summary", "kind: summary\ncolour: red", "不认识的键"),
        ("status: ", "status: maybe # ", "status 只能是"),
        ("{#18}", "{#16}", "编号重复"),
        ("---\n", "", "元数据"),
    ],
)
def test_a_broken_document_is_told_with_file_and_line(tmp_path: Path, found: str, put: str, told: str) -> None:
    name = "cn-intern-2021-4.md"
    text = (DOCUMENTS / name).read_text(encoding="utf-8")
    assert found in text
    (tmp_path / name).write_text(text.replace(found, put, 1), encoding="utf-8")
    with pytest.raises(DataError) as mistake:
        load_corpus(tmp_path)
    message = str(mistake.value)
    assert message.startswith(f"{tmp_path / name}:{mistake.value.line}: ") and told in message and "\n" not in message


def test_the_line_of_a_mistake_is_the_line_in_the_file(tmp_path: Path) -> None:
    name = "cn-intern-2021-4.md"
    lines = (DOCUMENTS / name).read_text(encoding="utf-8").split("\n")
    wrong = next(i for i, line in enumerate(lines) if line.endswith("{#18}"))
    lines[wrong] = lines[wrong].removesuffix(" {#18}")
    (tmp_path / name).write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(DataError) as mistake:
        load_corpus(tmp_path)
    assert mistake.value.line == wrong + 1


def test_no_documents_at_all_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="没有找到任何政策文件"):
        load_corpus(tmp_path)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"quote": "这句话原文里没有"}, "原文不一致"),
        ({"answer": "每人补9876元。"}, "数字没有出处"),
        ({"nature": "rumour"}, "nature 不对"),
        ({"colour": "red"}, "不认识的键"),
    ],
)
def test_a_claim_that_its_article_does_not_bear_is_a_mistake(tmp_path: Path, wrong: dict[str, str], told: str) -> None:
    corpus = load_corpus()
    article = corpus.articles["sx-2018-38#16"]
    right = {"id": "a.b", "fact": "f", "nature": "info", "answer": "有规定。", "quote": article.sentences()[0]}
    file = tmp_path / "answers" / "16.yml"
    file.parent.mkdir()

    def write(answer: dict[str, str]) -> None:
        rows = "\n    ".join(f'{key}: "{value}"' for key, value in answer.items())
        file.write_text(f"article: {article.id}\nanswers:\n  - {rows}\n", encoding="utf-8")

    write(right)
    assert list(load_knowledge(corpus, tmp_path).answers) == ["a.b"]
    write({**right, **wrong})
    with pytest.raises(DataError) as mistake:
        load_knowledge(corpus, tmp_path)
    assert str(mistake.value).startswith(f"{file}:3: ") and told in str(mistake.value)
