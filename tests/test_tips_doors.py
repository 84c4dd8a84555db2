"""Every tips command at both platforms' doors, in four languages, and what nobody should be able to break."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest

from adapters.delivering import Delivering
from chatbot.coach import Coach
from chatbot.store.database import Database
from tests.fake_identity import ANNA, running
from tests.slack_far_end import FarEnd, form, payload, slack

Door = Callable[[str], Awaitable[str]]
CHANNEL = "19:support@thread.tacv2"

#: What is typed, one after the other, and words of each answer.
SPOKEN = {
    "en": [
        ("tips", "No tips are set up"),
        ("tips on 9.30 Europe/Berlin mo-fr", "09:30, Europe/Berlin"),
        ("tips status", "Monday to Friday"),
        ("tips preview", "The next ones"),
        ("tips swap", "The next ones"),
        ("tips now", "on its way"),
        ("tips pause until 2027-12-24", "Friday 24 December"),
        ("tips why", "Paused"),
        ("tips resume", "Tips are on"),
        ("tips off", "turned off"),
        ("quiet until 2027-01-02", "Saturday 2 January"),
        ("quiet off", "write to you first"),
    ],
    "de": [
        ("tipps", "noch keine Tipps"),
        ("tipps an 9 Uhr 30 Berlin Mo–Fr holidays DE-BE", "Feiertagen (DE-BE)"),
        ("tipps stand", "Montag bis Freitag"),
        ("tipps vorschau", "Die nächsten"),
        ("tipps tauschen", "Die nächsten"),
        ("tipps jetzt", "unterwegs"),
        ("tipps pause bis 24.12.2027", "Freitag, 24. Dezember"),
        ("tipps warum", "Pause"),
        ("tipps weiter", "eingeschaltet"),
        ("tipps aus", "ausgeschaltet"),
        ("ruhe bis 2.1.2027", "Samstag, 2. Januar"),
        ("ruhe aus", "von mir aus"),
    ],
    "ru": [
        ("советы", "ещё не настроены"),
        ("советы вкл 9:30 Europe/Moscow по будням", "С понедельника по пятницу"),
        ("советы статус", "В 09:30, Europe/Moscow"),
        ("советы что дальше", "по порядку"),
        ("советы заменить", "по порядку"),
        ("советы сейчас", "отправляется"),
        ("советы пауза до 24.12.2027", "пятница, 24 декабря"),
        ("советы почему", "Пауза"),
        ("советы продолжить", "включены"),
        ("советы выкл", "выключены"),
        ("тишина до 2.1.2027", "суббота, 2 января"),
        ("тишина выкл", "писать вам первым"),
    ],
    "ka": [
        ("რჩევები", "ჯერ არ არის"),
        ("რჩევები ჩართვა 9:30 Asia/Tbilisi ორშ-პარ", "09:30, Asia/Tbilisi"),
        ("რჩევები მდგომარეობა", "ორშაბათიდან პარასკევამდე"),
        ("რჩევები წინასწარ", "რიგის მიხედვით"),
        ("რჩევები შეცვლა", "რიგის მიხედვით"),
        ("რჩევები ახლა", "იგზავნება"),
        ("რჩევები პაუზა 24.12.2027", "პარასკევი, 24 დეკემბერი"),
        ("რჩევები რატომ", "შეჩერებულია"),
        ("რჩევები გაგრძელება", "ჩართულია"),
        ("რჩევები გამორთვა", "გამორთულია"),
        ("სიჩუმე 2.1.2027", "შაბათი, 2 იანვარი"),
        ("სიჩუმე გამორთვა", "პირველმა მოგწეროთ"),
    ],
}
HOSTILE = [
    "tips on 25:61 UTC",
    "tips on 09:30 Europe/../../../etc/passwd",
    "tips on 09:30 '; DROP TABLE tip_subscriptions; --",
    "tips on 09:30 UTC not 9999-12-31..9999-12-31",
    "tips on 09:30 UTC topics " + "x" * 3_000,
    "tips pause until 9999-99-99",
    "tips drop ../../calm#1",
    "tips on 09:30 {{ 7 * 7 }}",
    "tips on 09:30 \u202eCTU",
    "tips save",
]


@pytest.fixture(params=["slack", "teams"])
async def door(request: pytest.FixtureRequest, coach: Coach, database: Database) -> AsyncIterator[Door]:
    if request.param == "slack":
        async with slack(coach, FarEnd()) as here:
            known = {"slack": here.adapter.delivery}
            delivering = Delivering(database, coach, known, known, timedelta(hours=2), lambda: 1_795_000_000.0)

            async def by_slack(text: str) -> str:
                here.far.calls.clear()
                url = f"{here.far.url}respond/command"
                content = payload("command", command="/steady", text=text, response_url=url)
                content.pop("trigger_id", None)
                status, body = await here.send(form(content))
                assert status == 200
                return json.dumps(json.loads(body) if body else await here.far.called("command"), ensure_ascii=False)

            yield by_slack
            await delivering.look_no_more()
    else:
        async with running(coach) as teams:
            teams.far.members = {CHANNEL: {ANNA}}
            in_teams = {"teams": teams.adapter.delivery}
            delivering = Delivering(database, coach, in_teams, in_teams, timedelta(hours=2), lambda: 1_795_000_000.0)
            count = 0

            async def by_teams(text: str) -> str:
                nonlocal count
                count += 1
                teams.far.calls.clear()
                activity = teams.payload("tips_channel", id=str(count), text=f"<at>Steady</at> {text}")
                assert (await teams.send(activity))[0] == 200
                return json.dumps((await teams.calls())[-1].body, ensure_ascii=False)

            yield by_teams
            await delivering.look_no_more()


@pytest.mark.parametrize("language", SPOKEN)
async def test_every_command_in_every_language(door: Door, language: str) -> None:
    await door(f"language {language}")
    for typed, said in SPOKEN[language]:
        assert said in await door(typed), typed


@pytest.mark.parametrize("typed", HOSTILE)
async def test_hostile_values_are_refused_and_change_nothing(door: Door, typed: str) -> None:
    answer = await door(typed)
    assert "went wrong" not in answer
    assert "No tips are set up" in await door("tips status")
