"""Block Kit drawn as HTML: all that Steady sends, and nothing that a text can break out of."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from adapters.slack import to_slack
from adapters.web.blockkit import draw, draw_text
from chatbot.coach import Coach
from chatbot.model import Language, Message

XSS = '<img src=x onerror="alert(1)">'


def plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> str:
    return str(draw([{"type": "section", "text": {"type": "mrkdwn", "text": text}}]))


def rich(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text", "elements": list(elements)}


def section(text: str, **style: bool) -> dict[str, Any]:
    return {"type": "rich_text_section", "elements": [{"type": "text", "text": text, "style": style}]}


BLOCKS: list[tuple[dict[str, Any], str]] = [
    ({"type": "header", "text": plain("Hi")}, '<h3 class="sk-header">Hi</h3>'),
    ({"type": "divider"}, '<hr class="sk-divider">'),
    ({"type": "section", "fields": [plain("a"), plain("b")]}, "<span>a</span><span>b</span>"),
    ({"type": "context", "elements": [plain("small")]}, '<div class="sk-context"><span>small</span></div>'),
    (rich(section("x", bold=True)), "<strong>x</strong>"),
    (rich({"type": "rich_text_quote", "elements": [{"type": "text", "text": "q"}]}), ">q</blockquote>"),
    (rich({"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "p"}]}), ">p</pre>"),
    (
        rich({"type": "rich_text_list", "style": "ordered", "elements": [section("one")]}),
        '<ol class="sk-list"><li>one</li></ol>',
    ),
    (
        {
            "type": "actions",
            "block_id": "b",
            "elements": [{"type": "button", "action_id": "a", "style": "danger", "text": plain("Go")}],
        },
        '<button type="button" class="sk-button sk-danger" data-block="b" data-action="a">Go</button>',
    ),
    (
        {
            "type": "input",
            "block_id": "b",
            "dispatch_action": True,
            "label": plain("Label"),
            "element": {"type": "plain_text_input", "action_id": "a", "placeholder": plain("Hint")},
        },
        'data-block="b" data-action="a" placeholder="Hint" value="" maxlength="3000" data-enters>',
    ),
]


@pytest.mark.parametrize(("block", "html"), BLOCKS, ids=lambda value: value["type"] if isinstance(value, dict) else "")
def test_a_block_is_drawn(block: dict[str, Any], html: str) -> None:
    assert html in draw([block])


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*b* _i_ ~s~ `c`", "<strong>b</strong> <em>i</em> <s>s</s> <code>c</code>"),
        ("`*c*`", "<code>*c*</code>"),
        ("a_b_c 2*3*4", "a_b_c 2*3*4"),
        ("one\ntwo", "one<br>two"),
        ("&lt;b&gt; &amp;amp;", "&lt;b&gt; &amp;amp;"),
        (
            "<https://example.com/?a=1&amp;b=2|here>",
            '<a href="https://example.com/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer">here</a>',
        ),
        ("<javascript:alert(1)|here>", "&lt;javascript:alert(1)|here&gt;"),
    ],
)
def test_mrkdwn_is_read(text: str, html: str) -> None:
    assert mrkdwn(text) == f'<p class="sk-section">{html}</p>'


@pytest.mark.parametrize(
    "strange",
    [
        None,
        7,
        "text",
        [],
        {},
        {"type": "video"},
        {"type": "actions", "elements": [{"type": "datepicker"}]},
        {"type": "actions", "elements": None},
        {"type": "input", "element": {"type": "checkboxes"}},
        {"type": "section", "text": {"type": "markdown", "text": "x"}},
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "emoji"}]}]},
        {"type": "context", "elements": [{"type": "image"}]},
        {"type": "header"},
    ],
    ids=str,
)
def test_what_is_not_known_is_shown_as_such(strange: object) -> None:
    assert "Unsupported" in draw([strange])


@given(st.text())
def test_no_text_becomes_markup(text: str) -> None:
    hostile = f"{text}{XSS}{text}"
    blocks = [
        {"type": "header", "text": plain(hostile)},
        {"type": "section", "text": {"type": "mrkdwn", "text": hostile}},
        rich(section(hostile), {"type": hostile}),
        {"type": hostile},
        {
            "type": "actions",
            "block_id": hostile,
            "elements": [{"type": "button", "action_id": hostile, "text": plain(hostile), "style": hostile}],
        },
        {
            "type": "input",
            "block_id": hostile,
            "label": plain(hostile),
            "element": {"type": "plain_text_input", "action_id": hostile, "placeholder": plain(hostile)},
        },
    ]
    html = str(draw(blocks) + draw_text(hostile))
    assert "<img" not in html
    assert f'<h3 class="sk-header">{escape(hostile).replace(chr(10), "<br>")}</h3>' in html or "\n" in text


@pytest.mark.parametrize("language", list(Language))
async def test_every_topic_is_drawn_whole(coach: Coach, language: Language) -> None:
    for topic in coach.guidance.topics:
        for text in (topic, f"more {topic}", f"next {topic}"):
            reply = await coach.reply(Message(text, "test:w", "test:p", language, pressed=True))
            message = to_slack(reply)
            html = draw(message["blocks"])
            assert "Unsupported" not in html
            for button in reply.buttons:
                assert escape(button.label) in html
