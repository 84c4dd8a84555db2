"""The command line: `steady serve`, `check`, `ask`, `chat`, `manifest`, `handbook`, `import` and `audit`.

Standard library and the core only, and each command imports what it needs: `steady ask` must answer at once.
"""

import argparse
import asyncio
import json
import logging
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatbot.errors import SteadyError
from chatbot.model import Language, Message, Reply, plain_text

if TYPE_CHECKING:
    from chatbot.coach import Coach
    from chatbot.recognition.recogniser import Recogniser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 something to mend, 2 not understood."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except SteadyError as error:
        print(f"steady: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader went away (`steady ask … | head`); keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # a folder that isn't there, a full disk
        print(f"steady: {error.filename or 'the output'} can't be written or read: {error.strerror}.", file=sys.stderr)
        return 1
    except (UnicodeDecodeError, UnicodeEncodeError) as error:  # a terminal without Georgian, a file from long ago
        told = f"a text can't be read or shown as {error.encoding}: keep files and the terminal to UTF-8 (PYTHONUTF8=1)"
        print(f"steady: {told}.", file=sys.stderr)
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="steady", description="Coaches customer-support agents in the moment.")
    parser.add_argument("--version", action="version", version=f"steady {version('steady-coach')}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="run the bot; without credentials, the playground page")
    serve.add_argument("--playground", action="store_true", default=None, help="serve the playground too")
    serve.add_argument("--port", type=int, help="port to listen on (default: PORT, or 3978)")
    serve.set_defaults(run=_serve)

    check = commands.add_parser("check", help="check the guidance and say what to mend")
    check.add_argument("folder", nargs="?", type=Path, help="folder of the guidance (default: the built-in one)")
    check.add_argument("--guides", type=Path, help="folder of the source guides: report what is copied from them")
    check.add_argument(
        "--dictionaries",
        type=Path,
        default=Path(__file__).parent / "web/node_modules",
        help="folder of the hunspell dictionaries, as npm lays them out",
    )
    check.set_defaults(run=_check)

    ask = commands.add_parser("ask", help="ask once, as an agent would")
    ask.add_argument("text", nargs="*", help="what the agent types")
    ask.add_argument("--lang", type=_language, help="language of the person: en, de, ru or ka")
    shown = ask.add_mutually_exclusive_group()
    shown.add_argument("--explain", action="store_true", help="say how the text was understood")
    shown.add_argument("--json", action="store_true", help="print the whole reply as JSON, its outcome with it")
    shown.add_argument("--jsonl", action="store_true", help='read {"text", "lang"} a line, print the outcome a line')
    ask.set_defaults(run=_ask)

    chat = commands.add_parser("chat", help="talk to the coach in the terminal")
    chat.add_argument("--lang", type=_language, help="language of the person: en, de, ru or ka")
    chat.set_defaults(run=_chat)

    manifest = commands.add_parser("manifest", help="write what Slack or Teams needs to install the app")
    manifest.add_argument("platform", choices=["slack", "teams"])
    manifest.add_argument("--out", type=Path, help="file to write (slack: default standard output; teams: a zip)")
    manifest.add_argument("--url", help="Slack: your server's address, for HTTP instead of Socket Mode")
    manifest.add_argument("--app-id", help="the Teams bot's app id (default: MicrosoftAppId)")
    manifest.set_defaults(run=_manifest)

    book = commands.add_parser("handbook", help="write all guidance of a language as one page to print")
    book.add_argument("--lang", type=_language, default=Language.EN, help="en, de, ru or ka")
    book.add_argument("--out", type=Path, required=True, help="the HTML file to write")
    book.set_defaults(run=_handbook)

    brought = commands.add_parser("import", help="publish a team's own guidance from files")
    brought.add_argument("path", type=Path, help="a topic file, or a folder of them (docs/leads.md)")
    brought.add_argument("--workspace", required=True, help="where: slack:TEAM-ID or teams:TENANT-ID")
    brought.add_argument("--as", dest="name", required=True, help="in whose name")
    brought.set_defaults(run=_import)

    audit = commands.add_parser("audit", help="write what leads and admins did as CSV")
    audit.add_argument("--out", type=Path, required=True, help="the CSV file to write")
    audit.add_argument("--workspace", help="of one workspace only")
    audit.set_defaults(run=_audit)
    return parser


def _language(tag: str) -> Language:
    language = Language.from_tag(tag)
    if language is None:
        raise argparse.ArgumentTypeError(f"{tag!r} is not one of en, de, ru, ka")
    return language


def _serve(options: argparse.Namespace) -> int:
    from adapters.app import serve
    from chatbot.settings import load_settings

    wanted = {"playground": options.playground, "port": options.port}
    settings = load_settings(**{name: value for name, value in wanted.items() if value is not None})
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")

    def ready(address: str) -> None:
        surfaces = [*settings.platforms, *(["the playground"] if settings.serves_playground else [])]
        page = "playground" if settings.serves_playground and settings.platforms else ""
        print(f"Steady serves {' and '.join(surfaces)} on {address}{page}", flush=True)
        if settings.serves_playground:
            print("Open that page in a browser and type /calm. Ctrl-C stops.", flush=True)

    asyncio.run(serve(settings, ready))
    return 0


def _check(options: argparse.Namespace) -> int:
    from chatbot import lint
    from chatbot.commands import Parser
    from chatbot.content import BUILT_IN_RESPONSES, read_guidance
    from chatbot.strings import read_strings

    folder: Path = options.folder or BUILT_IN_RESPONSES
    guidance, problems = read_guidance(folder, {})
    strings, wrong_strings = read_strings(folder)
    problems += wrong_strings
    notes: list[str] = []
    # The other rules need a library that can be read.
    if not problems and guidance is not None and strings is not None:
        from adapters.measures import check_sizes
        from chatbot.recognition.safety import load_patterns

        load_patterns(folder)
        problems += lint.check_style(guidance)
        problems += lint.check_strings(strings)
        problems += lint.check_aliases(guidance, Parser(strings).words)
        problems += check_sizes(guidance, strings)
        if options.guides:
            problems += lint.check_quotations(guidance, options.guides)
        lookups, note = _dictionaries(options.dictionaries)
        notes.append(note)
        problems += lint.check_spelling(guidance, lookups, folder / "spelling")
    by_file: dict[str, list[str]] = {}
    for problem in problems:
        by_file.setdefault(problem.file, []).append(f"  {problem.where}: {problem.what}")
    for file, lines in sorted(by_file.items()):
        print(file, *sorted(lines), sep="\n")
    for note in filter(None, notes):
        print(note)
    if guidance is not None:
        print(*lint.coverage(guidance), sep="\n")
    print(f"{len(problems)} problem(s)." if problems else "No problem found.")
    return 1 if problems else 0


def _dictionaries(folder: Path) -> tuple[dict[Language, Callable[[str], bool]], str]:
    """Return a word look-up for each language that has a hunspell dictionary, and a note on those that have none."""
    names = {language: f"dictionary-{'en-gb' if language is Language.EN else language}" for language in Language}
    found = {language: folder / name / "index" for language, name in names.items() if (folder / name).is_dir()}
    missing = [names[language] for language in Language if language not in found]
    try:
        from spylls.hunspell import Dictionary
    except ImportError:
        return {}, "Spelling is not checked: it needs the package spylls (the extra `dev`)."
    lookups: dict[Language, Callable[[str], bool]] = {
        language: Dictionary.from_files(str(path)).lookup for language, path in found.items()
    }
    if not missing:
        return lookups, ""
    return (
        lookups,
        f"Spelling is not checked in full: {folder} lacks {', '.join(missing)}; --dictionaries names the folder.",
    )


def _coach() -> "Coach":
    from chatbot.coach import Coach
    from chatbot.content import load_guidance
    from chatbot.settings import load_settings
    from chatbot.store.memory import MemoryPreferences
    from chatbot.strings import load_strings

    settings = load_settings()
    guidance = load_guidance(settings.responses, {"minutes": settings.pause_minutes})

    def load() -> "Recogniser":
        from chatbot.recognition.recogniser import load_recogniser

        return load_recogniser(settings.responses, guidance.owners)

    strings = load_strings(settings.responses)
    return Coach(guidance, strings, MemoryPreferences(), load, settings.escalation_contacts)


async def _reply(coach: "Coach", text: str, language: Language | None, *, pressed: bool = False) -> Reply:
    return await coach.reply(Message(text, "terminal", "terminal", language, pressed))


def _ask(options: argparse.Namespace) -> int:
    if options.jsonl and (options.text or options.lang):
        print("steady ask: --jsonl reads texts and languages from its input: give neither beside it", file=sys.stderr)
        return 2
    if options.jsonl:
        return asyncio.run(_ask_lines(_coach()))
    if not options.text:
        print('steady ask: say what happened, for example: steady ask "she keeps shouting at me"', file=sys.stderr)
        return 2
    coach, text = _coach(), " ".join(options.text)
    reply = asyncio.run(_reply(coach, text, options.lang))
    if options.json:
        print(json.dumps(asdict(reply), ensure_ascii=False, indent=2))
        return 0
    print(plain_text(reply))
    if options.explain:
        print(f"\nanswered with: {json.dumps(asdict(reply.outcome), ensure_ascii=False)}\nlanguage: {reply.language}")
        print(*asyncio.run(coach.recogniser()).explain(text, _phrases()), sep="\n")
    return 0


def _phrases() -> dict[tuple[Language, int], str]:
    """Return the corpus by language and line."""
    from chatbot.content import BUILT_IN_RESPONSES

    found: dict[tuple[Language, int], str] = {}
    for language in Language:
        path = BUILT_IN_RESPONSES / "phrases" / f"{language}.jsonl"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found[language, number] = json.loads(line)["text"]
    return found


async def _ask_lines(coach: "Coach") -> int:
    """Answer each line of standard input with one line; a line that is no question gets an error and goes on."""
    code = 0
    for line in sys.stdin.buffer:
        if not line.strip():
            continue
        answer: dict[str, Any]
        try:
            question = json.loads(line)
            text, tag = question["text"], question.get("lang")
            if not isinstance(text, str) or not isinstance(tag, str | None):
                raise TypeError
            answer = asdict((await _reply(coach, text, Language.from_tag(tag))).outcome)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            answer, code = {"error": 'not a JSON object of the form {"text": "…", "lang": "en"}'}, 1
        print(json.dumps(answer, ensure_ascii=False), flush=True)
    return code


def _chat(options: argparse.Namespace) -> int:
    coach = _coach()
    print("Type what happens, or `help`. An empty line or Ctrl-D ends.")
    reply: Reply | None = None
    while True:
        try:
            text = input("you> ").strip()
        except EOFError:
            print()
            return 0
        if not text:
            return 0
        # A number presses a button of the last answer.
        buttons = reply.buttons if reply else ()
        if text.isascii() and text.isdigit() and 1 <= int(text) <= len(buttons):
            assert reply is not None  # noqa: S101 - it has buttons
            reply = asyncio.run(_reply(coach, buttons[int(text) - 1].command, reply.language, pressed=True))
        else:
            reply = asyncio.run(_reply(coach, text, options.lang))
        lines = plain_text(reply).splitlines()
        body = lines[: len(lines) - len(reply.buttons)]
        print("\n".join(body))
        print("   ".join(f"[{number}] {button.label}" for number, button in enumerate(reply.buttons, 1)))


def _manifest(options: argparse.Namespace) -> int:
    if options.platform == "slack":
        from adapters.slack import slack_manifest

        text = json.dumps(slack_manifest(options.url), indent=2, ensure_ascii=False) + "\n"
        if options.out:
            options.out.write_text(text, encoding="utf-8")
        else:
            print(text, end="")
        return 0

    from adapters.teams import write_teams_package
    from chatbot.settings import load_settings

    named = options.app_id or os.environ.get("MicrosoftAppId", "")  # noqa: SIM112 - Microsoft's own spelling
    app_id = named or load_settings().microsoft_app_id  # from .env
    if not app_id:
        raise SteadyError("The Teams package needs the bot's app id: give --app-id, or set MicrosoftAppId.")
    path = options.out or Path("teams-app.zip")
    write_teams_package(path, app_id)
    print(f"{path} written; upload it in the Teams admin centre or under Apps > Manage your apps.")
    print("Its developer, privacy and terms addresses are example.com: put your own into its manifest.json first.")
    return 0


def _handbook(options: argparse.Namespace) -> int:
    from adapters.handbook import handbook
    from chatbot.content import load_guidance
    from chatbot.settings import load_settings
    from chatbot.strings import load_strings

    settings = load_settings()
    guidance = load_guidance(settings.responses, {"minutes": settings.pause_minutes})
    page = handbook(guidance, load_strings(settings.responses), options.lang, settings.escalation_contacts)
    options.out.write_text(page, encoding="utf-8")
    print(f"{options.out} written; open it in a browser to read or print it.")
    return 0


def _import(options: argparse.Namespace) -> int:
    from adapters.team_files import import_topics
    from chatbot.settings import load_settings

    if not re.fullmatch(r"[a-z]+:\S+", options.workspace) or not options.name.strip():
        raise SteadyError("--workspace must be like slack:T024BE7LD or teams:TENANT-ID, and --as a name.")
    done = asyncio.run(import_topics(load_settings(), options.path, options.workspace, options.name.strip()))
    for made in done:
        print(f"{made.written.topic}: version {made.number} published in {options.workspace}")
    return 0


def _audit(options: argparse.Namespace) -> int:
    from adapters.team_files import export_audit
    from chatbot.settings import load_settings

    count = asyncio.run(export_audit(load_settings(), options.out, options.workspace))
    print(f"{options.out} written: {count} action(s).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
