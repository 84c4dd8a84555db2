"""The printable handbook: all guidance, in each language, on one page that stands alone."""

import re
from html import unescape
from pathlib import Path

import pytest

from adapters.cli import main
from adapters.handbook import handbook
from chatbot.guidance import Guidance
from chatbot.lint import texts_of
from chatbot.model import Language
from chatbot.strings import Strings


@pytest.mark.parametrize("language", list(Language))
def test_everything_but_the_channel_tips_is_in_it(guidance: Guidance, strings: Strings, language: Language) -> None:
    page = unescape(handbook(guidance, strings, language, {"DE": ["Werkschutz <030>"]}))
    assert f'<html lang="{language}">' in page
    for topic in guidance.topics.values():
        for section, text in texts_of(topic, language):
            assert section == "tips" or text in page, (topic.id, section)
    for escalation in guidance.escalations.values():
        assert escalation.lead[language] in page
    assert "Werkschutz <030>" in page


def test_it_loads_nothing_and_links_within(guidance: Guidance, strings: Strings) -> None:
    page = handbook(guidance, strings, Language.EN, {"X": ["<script>alert(1)</script>"]})
    assert not re.search(r"(src|href)=\"(?!#)", page)
    assert "<script" not in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


def test_the_command_writes_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["handbook", "--lang", "ka", "--out", str(tmp_path / "h.html")]) == 0
    assert "სახელმძღვანელო" in (tmp_path / "h.html").read_text(encoding="utf-8")
    assert "h.html written" in capsys.readouterr().out
