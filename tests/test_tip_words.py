"""What people type for tips: many spellings of the same wish, and a clear refusal of what is none."""

from datetime import date, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.errors import SteadyError
from chatbot.model import Language
from chatbot.tip_words import LONGEST, NotUnderstood, Wanted, read_request, read_until_day
from chatbot.tips import EVERY_DAY, WORKING_DAYS, Schedule

TODAY = date(2026, 11, 22)  # a Sunday
TOPICS = {
    "calm": "calm", "firm": "firm", "hand over": "hand-over", "step/listen": "step/listen", "dont": "dont",
    "ruhig bleiben": "calm", "спокойно": "calm", "твердость": "firm", "სიმშვიდე": "calm", "სიმტკიცე": "firm",
}  # fmt: skip
WEEKEND = frozenset({5, 6})


def read(text: str) -> Wanted:
    return read_request(text, TODAY, lambda name: TOPICS.get(name.replace("'", "")))


def refused(text: str) -> NotUnderstood:
    with pytest.raises(NotUnderstood) as caught:
        read(text)
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        "09:30 Europe/Berlin weekdays de",
        "9.30 berlin mo-fr de",
        "de weekdays europe/berlin 9:30 am",
        "Weekdays, Berlin, 930, German",
        "9 Uhr 30 Mo–Fr München auf deutsch",
        "werktags um 9.30 Uhr in Berlin, deutsch",
        "montags bis freitags 9h30 Frankfurt am Main deutsch",
        "в 9:30 по будням, Берлин, по-немецки",
        "пн – пт в 9 часов 30 минут Мюнхен немецкий",
        "с понедельника по пятницу 9:30 утра берлин на немецком",
        "9:30-ზე სამუშაო დღეებში ბერლინის დროით გერმანულად",
        "ორშ-პარ დილის 9:30 ბერლინი გერმანული",
        "ორშაბათიდან პარასკევამდე 9 საათი და 30 წუთი მიუნხენი გერმანულად",
        "  09:30\u00a0Europe/Berlin\nmon,tue;wed & thu fri — «de»".replace("— ", ""),
        "0930 BERLIN MO-FR DEUTSCH",
        "９：３０ Berlin Mo‑Fr de",
        "\ufeff09:30 Eu\u00adrope/Berlin week\u200bdays de",
    ],
)
def test_the_same_wish_in_many_words(text: str) -> None:
    assert read(text) == Wanted(time(9, 30), "Europe/Berlin", WORKING_DAYS, language=Language.DE)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("14", time(14)), ("9", time(9)), ("9 Uhr", time(9)), ("9uhr", time(9)), ("9h", time(9)), ("9 ч", time(9)),
        ("9 o'clock", time(9)), ("в 9", time(9)), ("um 8", time(8)), ("at 9 pm", time(21)), ("9pm", time(21)),
        ("9 p.m.", time(21)), ("12 am", time(0)), ("12 pm", time(12)), ("12:30 am", time(0, 30)), ("0:30", time(0, 30)),
        ("6 вечера", time(18)), ("8 Uhr abends", time(20)), ("საღამოს 6 საათზე", time(18)), ("23:59", time(23, 59)),
        ("9 30", time(9, 30)), ("9 : 30", time(9, 30)), ("9 часов", time(9)), ("00:00", time(0)), ("14:30 pm", time(14, 30)),
        ("1405", time(14, 5)), ("9.30.", time(9, 30)), ("12 Uhr am Montag", time(12)),
    ],
)  # fmt: skip
def test_times(text: str, at: time) -> None:
    assert read(text).at == at


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("daily", EVERY_DAY), ("Täglich", EVERY_DAY), ("ежедневно", EVERY_DAY), ("ყოველდღე", EVERY_DAY),
        ("jeden Tag", EVERY_DAY), ("каждый день", EVERY_DAY), ("every day", EVERY_DAY),
        ("workdays", WORKING_DAYS), ("Mo.-Fr.", WORKING_DAYS), ("рабочие дни", WORKING_DAYS), ("from Monday to Friday", WORKING_DAYS),
        ("mon,wed,fri", frozenset({0, 2, 4})), ("пн, ср", frozenset({0, 2})), ("mo-mi,fr", frozenset({0, 1, 2, 4})),
        ("fr-mo", frozenset({4, 5, 6, 0})), ("tuesdays and thursdays", frozenset({1, 3})), ("mon/wed", frozenset({0, 2})),
        ("am Wochenende", WEEKEND), ("по выходным", WEEKEND), ("შაბათ-კვირას", WEEKEND), ("Sa und So", WEEKEND),
        ("по средам", frozenset({2})), ("в пятницу", frozenset({4})), ("კვირას", frozenset({6})), ("ხუთშაბათს", frozenset({3})),
        ("sunday-sunday", frozenset({6})), ("вторник, четверг", frozenset({1, 3})), ("dienstags", frozenset({1})),
    ],
)  # fmt: skip
def test_weekdays(text: str, days: frozenset[int]) -> None:
    wanted = read(text)
    assert wanted.weekdays == days
    assert wanted.weekly is (False if days == EVERY_DAY else None)


@pytest.mark.parametrize(
    "text",
    ["weekly", "once a week", "wöchentlich", "einmal pro Woche", "раз в неделю", "Еженедельно", "კვირაში ერთხელ", "ყოველკვირეულად"],
)  # fmt: skip
def test_once_a_week(text: str) -> None:
    assert read(text) == Wanted(weekly=True)
    assert read(f"{text} mo 10.00") == Wanted(time(10), weekdays=frozenset({0}), weekly=True)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("en", Language.EN), ("in english", Language.EN), ("Deutsch", Language.DE), ("auf deutsch", Language.DE),
        ("по-русски", Language.RU), ("на русском", Language.RU), ("ქართულად", Language.KA), ("language ka", Language.KA),
    ],
)  # fmt: skip
def test_languages(text: str, language: Language) -> None:
    assert read(text) == Wanted(language=language)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("holidays DE", "DE"), ("holidays: de-by", "DE-BY"), ("holidays DE_BY", "DE-BY"), ("Feiertage DE/BE", "DE-BE"),
        ("feiertage NW", "DE-NW"), ("Feiertage Bayern", "DE-BY"), ("feiertage de", "DE"), ("ohne Feiertage in Berlin", "DE-BE"),
        ("праздники RU", "RU"), ("кроме праздников России", "RU"), ("праздники в Грузии", "GE"), ("დღესასწაულები GE", "GE"),
        ("not on holidays US-CA", "US-CA"), ("holidays Germany", "DE"), ("holidays Georgia", "GE"), ("Feiertage Belarus", "BY"),
        ("holidays BY", "BY"), ("holidays none", ""), ("keine feiertage ch-zh".removeprefix("keine "), "CH-ZH"),
        ("праздники нет", ""),
    ],
)  # fmt: skip
def test_holidays(text: str, code: str) -> None:
    assert read(text) == Wanted(holidays=code)
    assert read(f"9:30 {text} weekdays en").holidays == code


@pytest.mark.parametrize(
    "text",
    [
        "not 2026-12-24..2026-12-31", "except 2026-12-24 to 2026-12-31", "außer 24.12.-31.12.", "AUSSER 24.12. bis 31.12.",
        "außer vom 24.12.2026 bis 31.12.2026", "кроме 24.12 – 31.12", "кроме с 24.12.26 по 31.12.26", "не 24.12..31.12",
        "გარდა 2026-12-24-დან 2026-12-31-მდე", "გარდა 24.12.2026-31.12.2026",
    ],
)  # fmt: skip
def test_blackouts(text: str) -> None:
    christmas = (date(2026, 12, 24), date(2026, 12, 31))
    assert read(text) == Wanted(blackouts=(christmas,))
    assert read(f"{text} 9:30 berlin") == Wanted(time(9, 30), "Europe/Berlin", blackouts=(christmas,))


def test_several_blackouts() -> None:
    eve, march, new_year = date(2026, 12, 24), date(2027, 3, 9), date(2026, 12, 31)
    assert read("not 24.12., 2026-12-31 and 9.3., 9.30").blackouts == ((eve, eve), (new_year, new_year), (march, march))
    assert read("not 24.12. 9:30 not 30.12.-2.1.").blackouts == ((eve, eve), (date(2026, 12, 30), date(2027, 1, 2)))


@pytest.mark.parametrize(
    "text", ["topics calm, firm", "Topics: Calm and firm", "Themen ruhig bleiben und firm", "темы спокойно, твёрдость",
             "თემები სიმშვიდე და სიმტკიცე", "topics calm,firm,calm"],
)  # fmt: skip
def test_topics(text: str) -> None:
    assert read(text) == Wanted(topics=("calm", "firm"))
    assert (
        read(f"{text} 9:30 en")
        == read(f"9:30 en {text}")
        == Wanted(time(9, 30), language=Language.EN, topics=("calm", "firm"))
    )
    assert read(f"{text}, 9:30, en") == read(f"9:30 en {text}")


def test_more_topics() -> None:
    assert read("topics hand over weekly, en") == Wanted(weekly=True, language=Language.EN, topics=("hand-over",))
    assert read("topics step/listen, don't").topics == ("step/listen", "dont")
    assert read("темы все").topics == read("topics all").topics == ()


def test_nothing_said_is_nothing_wanted() -> None:
    assert read("") == read(" ,; . ") == Wanted()


def test_all_that_a_schedule_needs_can_be_said_at_once() -> None:
    wanted = read("9:30 Tbilisi mo-fr holidays GE not 2026-12-24..2026-12-31 topics calm weekly ka")
    assert wanted.at
    assert wanted.zone
    assert wanted.weekdays
    assert wanted.blackouts
    Schedule(
        wanted.at, wanted.zone, wanted.weekdays, wanted.holidays or "", wanted.blackouts, None, wanted.weekly or False
    )


# Refusals


@pytest.mark.parametrize(
    ("text", "kind", "word", "suggestions"),
    [
        ("25:61", "time", "25:61", ()),
        ("9:60 berlin", "time", "9:60", ()),
        ("24:00", "time", "24:00", ()),
        ("13 am", "time", "13 am", ()),
        ("9:5", "time", "9:5", ()),
        ("99999", "time", "99999", ()),
        ("9:30:00", "time", "9:30:00", ()),
        ("9:30 10:30", "time", "10:30", ()),
        ("Europe/Berlim", "zone", "Europe/Berlim", ("Europe/Berlin",)),
        ("Europe/../../etc/passwd", "zone", "Europe/../../etc/passwd", ()),
        ("../../../etc/localtime", "zone", "etc/localtime", ()),
        ("Berln", "zone", "Berln", ("Europe/Berlin",)),
        ("мюнхн", "zone", "мюнхн", ("Europe/Berlin",)),
        ("MEZ", "zone", "MEZ", ("Europe/Berlin", "Europe/Paris", "Europe/Warsaw")),
        ("9:30 CET", "zone", "CET", ("Europe/Berlin", "Europe/Paris", "Europe/Warsaw")),
        ("9:30 UTC+4", "zone", "UTC+4", ("Asia/Tbilisi",)),
        ("9:30 GMT +1", "zone", "+1", ("Europe/Berlin",)),
        ("berlin paris", "zone", "paris", ()),
        ("weekdys", "weekday", "weekdys", ("weekdays",)),
        ("понедельнек", "weekday", "понедельнек", ("понедельник",)),
        ("daily weekly", "weekday", "weekly", ()),
        ("weekly daily", "weekday", "daily", ()),
        ("deutsh", "rest", "deutsh", ("deutsch",)),
        ("en de", "rest", "de", ()),
        ("9:30 qqqq", "rest", "qqqq", ()),
        ("holidays", "holidays", "", ("DE", "RU", "GE")),
        ("holidays XX", "holidays", "XX", ("DE", "RU", "GE")),
        ("holidays germny", "holidays", "germny", ("DE",)),
        ("holidays DE-BX", "holidays", "DE-BX", None),
        ("holidays GE-TB", "holidays", "GE-TB", None),
        ("Feiertage BY", "holidays", "BY", ("DE-BY", "Belarus")),
        ("holidays DE holidays RU", "holidays", "holidays", ()),
        ("not 9999-99-99", "date", "9999-99-99", ()),
        ("not 9999-12-31", "date", "9999-12-31", ()),
        ("not 0001-01-01", "date", "0001-01-01", ()),
        ("not 2026-11-21", "date", "2026-11-21", ()),
        ("not 2029-01-01", "date", "2029-01-01", ()),
        ("not 2026-12-31..2026-12-24", "date", "2026-12-31..2026-12-24", ()),
        ("not 2026-12-24..2029-12-24", "date", "2026-12-24..2029-12-24", ()),
        ("not 30.2.", "date", "30.2.", ()),
        ("except mondays", "date", "mondays", ()),
        ("not 12/24/2026", "date", "12/24/2026", ()),
        ("2026-12-24", "date", "2026-12-24", ()),
        ("24.12.2026", "date", "24.12.2026", ()),
        ("topics calm, bogus", "topic", "bogus", ()),
        ("topics bogus", "topic", "bogus", ()),
        ("topics calm topics firm", "topic", "topics", ()),
        ("9:30\0", "rest", None, ()),
        ("9:30 \u202eBerlin", "rest", None, ()),
        ("\u200fberlin", "rest", None, ()),
        ("\ud83d", "rest", "", ()),
        ("topics " + "calm, " * 2_000, "too_long", "", ()),
        ("x" * 10_000, "too_long", "", ()),
        ("\ufdfa" * 900, "too_long", "", ()),  # one letter that is written out as eighteen
    ],
)  # fmt: skip
def test_what_is_not_understood_is_named(
    text: str, kind: str, word: str | None, suggestions: tuple[str, ...] | None
) -> None:
    error = refused(text)
    assert isinstance(error, SteadyError)
    assert error.kind == kind
    if word is not None:
        assert error.word.startswith(word)
    assert len(error.word) <= 40
    assert "\0" not in error.word
    assert "\u202e" not in error.word
    if suggestions is None:
        assert error.kind == "holidays"
    else:
        assert error.suggestions[: len(suggestions)] == suggestions
        assert len(error.suggestions) <= 3


def test_what_was_typed_is_not_in_the_errors_text() -> None:
    assert str(refused("topics mysecret")) == "topic"


@pytest.mark.parametrize("text", ["Berln", "Europe/Berlim", "weekdys", "deutsh", "MEZ", "UTC+4", "holidays germny"])
def test_a_suggestion_is_understood(text: str) -> None:
    before = "holidays " if text.startswith("holidays") else ""
    for suggestion in refused(text).suggestions:
        assert read(before + suggestion) != Wanted()


PIECES = [
    "9:30", "25:61", "9 uhr", "Europe/Berlin", "new york", "MEZ", "UTC+4", "mo-fr", "пн", "ორშ-", "weekly", "daily", "de",
    "holidays", "DE-BY", "feiertage", "not", "кроме", "2026-12-24", "..", "24.12.", "31.12.", "topics", "calm", ",", "and",
    "-", ".", ":", "/", " ", "\0", "\u202e", "ё", "İ", "ß", "9", "30", "am", "დილის", "9999-99-99", "bis", "დან", "+",
]  # fmt: skip


@given(st.text(max_size=LONGEST + 50) | st.lists(st.sampled_from(PIECES), max_size=40).map("".join) | st.lists(st.sampled_from(PIECES), max_size=40).map(" ".join))  # fmt: skip
@settings(max_examples=600)
def test_any_text_is_understood_or_refused(text: str) -> None:
    for reader in (read, lambda text: read_until_day(text, TODAY)):
        try:
            found: Any = reader(text)
        except NotUnderstood as error:
            error.word.encode()
        else:
            if isinstance(found, date):
                assert TODAY <= found <= TODAY + timedelta(days=2 * 366)
            for first, last in getattr(found, "blackouts", None) or ():
                assert TODAY <= first <= last <= TODAY + timedelta(days=2 * 366)


# Until when


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("tomorrow", 1), ("morgen", 1), ("завтра", 1), ("ხვალ", 1), ("bis morgen", 1), ("до завтра", 1), ("ხვალამდე", 1),
        ("übermorgen", 2), ("послезавтра", 2), ("ზეგ", 2), ("day after tomorrow", 2), ("3 days", 3), ("für 3 Tage", 3),
        ("Monday", 1), ("bis Montag", 1), ("понедельник", 1), ("до понедельника", 1), ("ორშაბათამდე", 1), ("on friday", 5),
        ("sunday", 7), ("კვირას", 7), ("в следующую среду", 3), ("next week", 1), ("nächste Woche", 1), ("на следующей неделе", 1),
        ("2 weeks", 14), ("2 Wochen", 14), ("2 недели", 14), ("2 კვირა", 14), ("2 კვირით", 14), ("for a week", 7),
        ("на неделю", 7), ("eine Woche", 7), ("1 month", 30), ("2 Monate", 60), ("2 месяца", 60), ("2 თვე", 60),
        ("2026-12-24", 32), ("24.12.2026", 32), ("24.12.", 32), ("24.12", 32), ("24.12.26", 32), ("bis zum 24.12.", 32),
        ("2026-12-24-მდე", 32), ("until 2026-12-24", 32), ("1.11.", 344), ("today", 0),
    ],
)  # fmt: skip
def test_pause_until(text: str, days: int) -> None:
    assert read_until_day(text, TODAY) == TODAY + timedelta(days=days)
    assert read_until_day(f"  {text.upper() if 'ß' not in text else text}! ", TODAY) == TODAY + timedelta(days=days)


@pytest.mark.parametrize(
    "text",
    ["", "until", "2026-11-21", "1.1.2020", "2029-01-01", "9999-99-99", "0000-00-00", "999 weeks", "0 days", "soon", "30.2.", "1" * 5_000, "99.99.", "24.12.2026 25.12.2026"],
)  # fmt: skip
def test_no_such_day(text: str) -> None:
    with pytest.raises(NotUnderstood) as caught:
        read_until_day(text, TODAY)
    assert caught.value.kind == ("too_long" if len(text) > LONGEST else "date")


def test_the_29th_of_february_is_the_next_that_exists() -> None:
    assert read_until_day("29.2.", TODAY) == date(2028, 2, 29)
    with pytest.raises(NotUnderstood):
        read_until_day("29.2.2027", TODAY)
