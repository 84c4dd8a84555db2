"""The command line, as a process: what it prints and how it exits."""

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest

from adapters.cli import main
from chatbot.content import BUILT_IN_RESPONSES

ROOT = Path(__file__).parents[1]


def steady(*arguments: str, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "adapters.cli", *arguments],
        input=stdin, capture_output=True, text=True, timeout=300, cwd=ROOT, env={**os.environ, **env},
    )  # fmt: skip


def test_ask_answers_in_the_language_asked_for() -> None:
    ran = steady("ask", "pause", "--lang", "ka", "--explain")
    assert ran.returncode == 0
    assert "აიღეთ პაუზა" in ran.stdout
    assert '"kind": "topic"' in ran.stdout


def test_ask_json_is_the_whole_reply() -> None:
    reply = json.loads(steady("ask", "/archetype whiner", "--json").stdout)
    assert reply["outcome"]["topic"] == "archetype/whiner"
    assert reply["blocks"][0]["kind"] == "title"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["calm", "--json", "--explain"], "--explain: not allowed with argument --json"),
        (["calm", "--explain", "--json"], "--json: not allowed with argument --explain"),
        (["--jsonl", "--explain"], "--explain: not allowed with argument --jsonl"),
        (["--jsonl", "calm"], "--jsonl reads texts and languages from its input"),
        (["--jsonl", "--lang", "de"], "--jsonl reads texts and languages from its input"),
    ],
)
def test_ask_refuses_what_it_would_have_to_leave_out(arguments: list[str], told: str) -> None:
    ran = steady("ask", *arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert told in ran.stderr


def test_ask_jsonl_gives_a_line_for_a_line() -> None:
    lines = [
        {"text": "/calm", "lang": "en"},
        {"text": "ныТик", "lang": "ru"},
        {"text": "help"},
        {"text": "was soll ich tun", "lang": None},
    ]
    source = "\n".join(json.dumps(line) for line in lines)
    ran = steady("ask", "--jsonl", stdin=source)
    answers = [json.loads(line) for line in ran.stdout.splitlines()]
    assert ran.returncode == 0
    assert [a["topic"] for a in answers[:2]] == ["calm", "archetype/whiner"]
    assert all(set(a) == {"kind", "topic", "choices", "why"} for a in answers)


@pytest.mark.parametrize(
    "line",
    ["nonsense", "[]", '"text"', "{}", '{"text": 1}', '{"text": "a", "lang": 3}', "\x00", "[" * 100_000],
    ids=range(8),
)
def test_a_bad_line_gets_an_error_and_the_next_its_answer(line: str) -> None:
    ran = steady("ask", "--jsonl", stdin=f'{line}\n{{"text": "calm"}}\n')
    answers = [json.loads(answer) for answer in ran.stdout.splitlines()]
    assert "error" in answers[0]
    assert answers[1]["topic"] == "calm"
    assert ran.returncode == 1


def test_chat_presses_buttons_by_number() -> None:
    ran = steady("chat", "--lang", "en", stdin="calm\n2\n\n")
    assert ran.returncode == 0
    assert "[2] More" in ran.stdout
    assert "Why it works" in ran.stdout


def test_the_teams_package_takes_the_app_id_from_the_file_env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MicrosoftAppId", raising=False)
    app_id = "5e0f4a2c-0000-4000-8000-000000000001"
    (tmp_path / ".env").write_text(f"MicrosoftAppId={app_id}\nMicrosoftAppPassword=s\nMicrosoftAppTenantId=t\n")
    assert main(["manifest", "teams"]) == 0
    with zipfile.ZipFile("teams-app.zip") as package:
        assert json.loads(package.read("manifest.json"))["id"] == app_id


def test_a_file_that_cannot_be_written_is_named() -> None:
    for arguments in (("manifest", "slack"), ("handbook",)):
        ran = steady(*arguments, "--out", "/nowhere/there/file")
        assert ran.returncode == 1
        assert "/nowhere/there/file can't be written" in ran.stderr
        assert "Traceback" not in ran.stderr


def test_a_terminal_without_georgian_is_told_what_to_set() -> None:
    ran = steady("ask", "calm", "--lang", "ka", PYTHONIOENCODING="latin-1")
    assert ran.returncode == 1
    assert "PYTHONUTF8=1" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_ask_without_words_says_how() -> None:
    ran = steady("ask")
    assert ran.returncode == 2
    assert "she keeps shouting" in ran.stderr


def test_check_passes_on_the_built_in_guidance() -> None:
    ran = steady("check")
    assert ran.returncode == 0, ran.stdout


def test_check_and_serve_name_the_broken_file(tmp_path: Path) -> None:
    shutil.copytree(BUILT_IN_RESPONSES, tmp_path / "r")
    path = tmp_path / "r/topics/calm.md"
    path.write_text(path.read_text(encoding="utf-8").replace("### why", "### wry", 1), encoding="utf-8")
    for ran in (
        steady("check", str(tmp_path / "r")),
        steady("serve", "--port", "0", STEADY_RESPONSES=str(tmp_path / "r"), DATABASE_URL=f"sqlite:///{tmp_path}/s.db"),
    ):
        assert ran.returncode == 1
        assert "topics/calm.md" in ran.stdout + ran.stderr
        assert "en.wry: is no section of a move" in ran.stdout + ran.stderr
        assert "Traceback" not in ran.stderr


def test_serve_refuses_a_wrong_setting() -> None:
    ran = steady("serve", PORT="many")
    assert ran.returncode == 1
    assert "PORT" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_serve_starts_with_nothing_and_stops_on_sigterm(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "adapters.cli", "serve", "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path}/s.db"},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(address + "healthz", timeout=10) as answer:  # noqa: S310
            assert answer.status == 200
        with urllib.request.urlopen(address, timeout=10) as page:  # noqa: S310
            assert b"Steady" in page.read()
        other = steady("serve", PORT=address.rsplit(":")[-1].strip("/"), DATABASE_URL=f"sqlite:///{tmp_path}/t.db")
        assert other.returncode == 1
        assert "Is another Steady running?" in other.stderr
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0
    finally:
        process.kill()
        _, errors = process.communicate()
    assert "Traceback" not in errors
