"""Draws Block Kit as HTML, as far as Steady uses it; what it does not know is shown as such, never swallowed.

Every text goes through markupsafe: nothing that a block says can become markup.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

Json = Mapping[str, Any]
#: What was typed or chosen in each block of a modal: one text, or the values of options.
Values = Mapping[str, Sequence[str]]

_EMPTY = Markup("")
#: What Slack's mrkdwn makes of a text that is already escaped: code first, so that nothing inside is styled.
_MRKDWN = re.compile(
    r"```(?P<pre>.+?)```|`(?P<code>[^`\n]+)`"
    r"|(?<![\w*])\*(?P<bold>[^*\n]+)\*(?![\w*])"
    r"|(?<![\w_])_(?P<italic>[^_\n]+)_(?![\w_])"
    r"|(?<![\w~])~(?P<strike>[^~\n]+)~(?![\w~])"
    r"|<(?P<link>https?://[^|>\s]+)(?:\|(?P<label>[^>]+))?>",
    re.DOTALL,
)
_TAGS = {"pre": "pre", "code": "code", "bold": "strong", "italic": "em", "strike": "s"}


def draw(blocks: Iterable[Any]) -> Markup:
    """Return the blocks of one message as HTML."""
    return _EMPTY.join(_block(block) for block in blocks)


def draw_text(text: str) -> Markup:
    """Return a message without blocks as HTML; its text is mrkdwn."""
    return Markup('<p class="sk-section">{}</p>').format(_mrkdwn(text))


def draw_form(
    blocks: Iterable[Any], typed: Values, errors: Mapping[str, str], form_id: str, optional: str = ""
) -> Markup:
    """Return the blocks of a modal as HTML, its inputs filled in and marked where Slack has an error for them.

    `typed` is what stands in each block's input, by `block_id`; one that is not there shows its initial value.
    `optional` is the word behind the label of an input that may stay empty.
    """
    drawn = []
    for number, block in enumerate(blocks):
        if _is(block, "input"):
            block_id = str(block.get("block_id", ""))
            known = typed[block_id] if block_id in typed else initial_of(block.get("element"))
            drawn.append(_field(block, known, errors.get(block_id, ""), f"{form_id}-{number}", optional))
        else:
            drawn.append(_block(block))
    return _EMPTY.join(drawn)


def initial_of(element: Any) -> Sequence[str]:
    """Return what stands in an input at first: the text, or the values of the options chosen."""
    if not isinstance(element, Mapping):
        return ()
    chosen = [element.get("initial_option"), *_items(element, "initial_options")]
    return [str(element.get("initial_value", ""))] if _is(element, "plain_text_input") else _values(chosen)


def options_of(element: Json) -> list[str]:
    """Return the values of an input's options."""
    return _values(_items(element, "options"))


def _values(options: Iterable[Any]) -> list[str]:
    return [str(option.get("value", "")) for option in options if isinstance(option, Mapping)]


def _block(block: Any) -> Markup:
    if not isinstance(block, Mapping):
        return _unsupported("block", block)
    match block.get("type"):
        case "header":
            return Markup('<h3 class="sk-header">{}</h3>').format(_text(block.get("text")))
        case "section":
            return _section(block)
        case "context":
            items = _EMPTY.join(
                Markup("<span>{}</span>").format(_text(element))
                if _is(element, "mrkdwn", "plain_text")
                else _unsupported("element", element)
                for element in _items(block, "elements")
            )
            return Markup('<div class="sk-context">{}</div>').format(items)
        case "actions":
            items = _EMPTY.join(_element(element, block) for element in _items(block, "elements"))
            return Markup('<div class="sk-actions">{}</div>').format(items)
        case "input":
            return _input(block)
        case "divider":
            return Markup('<hr class="sk-divider">')
        case "rich_text":
            return Markup('<div class="sk-rich">{}</div>').format(
                _EMPTY.join(_rich(element) for element in _items(block, "elements"))
            )
        case _:
            return _unsupported("block", block)


def _section(block: Json) -> Markup:
    parts = []
    if block.get("text") is not None:
        parts.append(Markup('<p class="sk-section">{}</p>').format(_text(block["text"])))
    if block.get("fields") is not None:
        fields = _EMPTY.join(Markup("<span>{}</span>").format(_text(field)) for field in _items(block, "fields"))
        parts.append(Markup('<div class="sk-fields">{}</div>').format(fields))
    if block.get("accessory") is not None:
        parts.append(Markup('<div class="sk-actions">{}</div>').format(_element(block["accessory"], block)))
    return _EMPTY.join(parts)


def _element(element: Any, block: Json) -> Markup:
    """Return something to press or to type into; its data attributes are what `press` sends back."""
    if _is(element, "button"):
        style = element.get("style")
        return Markup('<button type="button" class="sk-button{}" data-block="{}" data-action="{}">{}</button>').format(
            f" sk-{style}" if style in ("primary", "danger") else "",
            block.get("block_id", ""),
            element.get("action_id", ""),
            _text(element.get("text")),
        )
    if _is(element, "plain_text_input"):
        return _line(element, block, _text(element.get("placeholder")))
    return _unsupported("element", element)


def _input(block: Json) -> Markup:
    element = block.get("element")
    if not _is(element, "plain_text_input"):
        return _unsupported("element", element)
    assert isinstance(element, Mapping)  # noqa: S101 (for mypy: _is has just said so)
    return Markup('<label class="sk-input"><span>{}</span>{}</label>').format(
        _text(block.get("label")), _line(element, block)
    )


def _line(element: Json, block: Json, label: str | None = None) -> Markup:
    named = Markup(' aria-label="{}"').format(label) if label else _EMPTY
    enters = Markup(" data-enters") if block.get("dispatch_action") else _EMPTY
    return Markup(
        '<input type="text" data-block="{}" data-action="{}" placeholder="{}" value="{}" maxlength="{}"{}{}>'
    ).format(
        block.get("block_id", ""),
        element.get("action_id", ""),
        _plain(element.get("placeholder")),
        str(element.get("initial_value", "")),
        element["max_length"] if isinstance(element.get("max_length"), int) else 3000,
        named,
        enters,
    )


def _field(block: Json, typed: Sequence[str], error: str, name: str, optional: str) -> Markup:
    """Return an input of a modal with its label, hint and error, tied together for screen readers."""
    element = block.get("element")
    notes = {f"{name}-hint": _text(block["hint"])} if block.get("hint") is not None else {}
    if error:
        notes[f"{name}-error"] = Markup("<strong>{}</strong>").format(error)
    told = _EMPTY.join(
        Markup('<p class="sk-{}" id="{}">{}</p>').format(note.rpartition("-")[2], note, text)
        for note, text in notes.items()
    )
    described = Markup(' aria-describedby="{}"').format(" ".join(notes)) if notes else _EMPTY
    required = _EMPTY if block.get("optional") else Markup(' aria-required="true"')
    invalid = Markup(' aria-invalid="true"') if error else _EMPTY
    states = required + invalid + described
    shown = Markup('data-block="{}" data-action="{}"').format(
        block.get("block_id", ""), element.get("action_id", "") if isinstance(element, Mapping) else ""
    )
    label = _text(block.get("label"))
    if block.get("optional") and optional:
        label += Markup(' <span class="aside">({})</span>').format(optional)
    if _is(element, "plain_text_input"):
        assert isinstance(element, Mapping)  # noqa: S101 (for mypy: _is has just said so)
        drawn = _typing(element, typed, Markup('id="{}" {}{}').format(name, shown, states))
    elif _is(element, "static_select"):
        assert isinstance(element, Mapping)  # noqa: S101
        options = _EMPTY.join(
            Markup('<option value="{}"{}>{}</option>').format(value, Markup(" selected") * (value in typed), text)
            for value, text in _options(element)
        )
        empty = _plain(element.get("placeholder")) or "–"
        drawn = Markup('<select id="{}" {}{}><option value="">{}</option>{}</select>').format(
            name, shown, states, empty, options
        )
    elif _is(element, "radio_buttons", "checkboxes", "multi_static_select"):
        assert isinstance(element, Mapping)  # noqa: S101
        kind = "radio" if element["type"] == "radio_buttons" else "checkbox"
        rows = _EMPTY.join(
            Markup('<label><input type="{}" name="{}" value="{}" {}{}{}><span>{}</span></label>').format(
                kind, name, value, shown, invalid, Markup(" checked") * (value in typed), text
            )
            for value, text in _options(element)
        )
        # A long list has its own scroll bar; Slack shows it as a menu.
        long = " sk-long" if element["type"] == "multi_static_select" else ""
        return Markup(
            '<fieldset class="sk-field{}"{}><legend>{}</legend><div class="sk-options">{}</div>{}</fieldset>'
        ).format(long, described, label, rows, told)
    else:
        return _unsupported("element", element)
    return Markup('<div class="sk-field"><label for="{}">{}</label>{}{}</div>').format(name, label, drawn, told)


def _typing(element: Json, typed: Sequence[str], attributes: Markup) -> Markup:
    longest = element["max_length"] if isinstance(element.get("max_length"), int) else 3000
    text = "".join(typed)
    if element.get("multiline"):
        return Markup('<textarea {} maxlength="{}" rows="4">\n{}</textarea>').format(attributes, longest, text)
    return Markup('<input type="text" {} maxlength="{}" autocomplete="off" placeholder="{}" value="{}">').format(
        attributes, longest, _plain(element.get("placeholder")), text
    )


def _options(element: Json) -> list[tuple[str, Markup]]:
    return [
        (str(option.get("value", "")), _text(option.get("text")))
        for option in _items(element, "options")
        if isinstance(option, Mapping)
    ]


def _rich(element: Any) -> Markup:
    if not isinstance(element, Mapping):
        return _unsupported("element", element)
    match element.get("type"):
        case "rich_text_section":
            return Markup('<p class="sk-section">{}</p>').format(_runs(element))
        case "rich_text_quote":
            return Markup('<blockquote class="sk-quote">{}</blockquote>').format(_runs(element))
        case "rich_text_preformatted":
            return Markup('<pre class="sk-pre">{}</pre>').format(_runs(element))
        case "rich_text_list":
            tag = "ol" if element.get("style") == "ordered" else "ul"
            items = _EMPTY.join(Markup("<li>{}</li>").format(_runs(item)) for item in _items(element, "elements"))
            return Markup('<{0} class="sk-list">{1}</{0}>').format(tag, items)
        case _:
            return _unsupported("element", element)


def _runs(section: Any) -> Markup:
    """Return the runs of text of a rich text section, list item or quote."""
    if not isinstance(section, Mapping):
        return _unsupported("element", section)
    return _EMPTY.join(_run(run) for run in _items(section, "elements"))


def _run(run: Any) -> Markup:
    if _is(run, "text"):
        drawn = _lines(str(run.get("text", "")))
    elif _is(run, "link") and str(run.get("url", "")).startswith(("https://", "http://")):
        drawn = _anchor(str(run["url"]), str(run.get("text") or run["url"]))
    else:
        return _unsupported("element", run)
    style = run.get("style")
    for name, tag in (("code", "code"), ("strike", "s"), ("italic", "em"), ("bold", "strong")):
        if isinstance(style, Mapping) and style.get(name):
            drawn = Markup("<{0}>{1}</{0}>").format(tag, drawn)
    return drawn


def _text(composition: Any) -> Markup:
    """Return a text object; one that is neither plain_text nor mrkdwn is shown as unsupported."""
    if _is(composition, "mrkdwn"):
        return _mrkdwn(str(composition.get("text", "")))
    if _is(composition, "plain_text"):
        return _lines(_plain(composition))
    return _unsupported("text", composition)


def _plain(composition: Any) -> str:
    return str(composition.get("text", "")) if isinstance(composition, Mapping) else ""


def _mrkdwn(text: str) -> Markup:
    drawn, end = [], 0
    for match in _MRKDWN.finditer(text):
        drawn.append(_lines(_unescape(text[end : match.start()])))
        end = match.end()
        kind = match.lastgroup
        if kind in ("link", "label"):
            drawn.append(_anchor(_unescape(match["link"]), _unescape(match["label"] or match["link"])))
        elif kind:
            inner = _lines(_unescape(match[kind])) if kind in ("pre", "code") else _mrkdwn(match[kind])
            drawn.append(Markup("<{0}>{1}</{0}>").format(_TAGS[kind], inner))
    drawn.append(_lines(_unescape(text[end:])))
    return _EMPTY.join(drawn)


def _unescape(text: str) -> str:
    """Return mrkdwn without Slack's three escapes; markupsafe puts HTML's own in their place."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _lines(text: str) -> Markup:
    return Markup("<br>").join(escape(line) for line in text.split("\n"))


def _anchor(url: str, label: str) -> Markup:
    return Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(url, label)


def _is(value: Any, *kinds: str) -> bool:
    return isinstance(value, Mapping) and value.get("type") in kinds


def _items(block: Json, key: str) -> list[Any]:
    items = block.get(key)
    return items if isinstance(items, list) else [items]


def _unsupported(what: str, value: Any) -> Markup:
    kind = value.get("type") if isinstance(value, Mapping) else type(value).__name__
    detail = json.dumps(value, ensure_ascii=False, default=str)[:400]
    return Markup('<div class="sk-unsupported"><strong>Unsupported {}: {}</strong> <code>{}</code></div>').format(
        what, kind, detail
    )
