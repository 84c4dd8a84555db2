"""The channel's tips in a real browser: set up on both platforms, come by a moved clock, survive failures, told why."""

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from chatbot.model import Language
from chatbot.strings import Strings
from tests.browser.pages import DESKTOP, PANES, PHONE, last, opened, type_in, violations
from tests.playground_program import Program

pytestmark = pytest.mark.asyncio(loop_scope="module")
IN_CHANNEL = "/?lang=en&persona=sam&place=channel"
#: What is looked for after a failure takes some seconds.
PATIENT = 25_000


async def open_desk(page: Page) -> Locator:
    await page.locator("#desk > summary").click()
    return page.locator("#desk")


async def set_up(page: Page, command: str = "/steady tips on 09:30 Europe/Berlin") -> None:
    """Type a command that sets tips up in both channels, and wait for their introductions."""
    await type_in(page, command)
    for pane in PANES:
        await expect(in_channel(page, pane, "Tips for this channel")).to_have_count(1)
        await expect(page.locator(f"#schedules .{pane}")).to_contain_text("Next tip: ")
    await settled(page, "intro", ("sent", "sent"))


def in_channel(page: Page, pane: str, words: str) -> Locator:
    """Return the messages that everybody in the channel sees, with some words."""
    public = page.locator(f"#{pane} .post.steady", has_text="#support-desk").filter(has_not_text="only Sam Carter")
    return public.filter(has_text=words)


async def settled(page: Page, kind: str, states: tuple[str, str]) -> None:
    """Wait until the ledger's rows of a kind stand as said, Slack's first."""
    for platform, state in zip(("Slack", "Microsoft Teams"), states, strict=True):
        row = page.locator("#ledger tr", has_text=f":{kind}:").filter(has_text=platform).first
        await expect(row.locator(".state")).to_have_text(state, timeout=PATIENT)


async def to_next_tip(page: Page) -> None:
    await page.get_by_role("button", name="Just before the next tip").click()


async def break_both(page: Page, what: str, count: str = "1") -> None:
    for pane in PANES:
        form = page.locator(f"[data-break={pane}]")
        await form.get_by_label("Failure").select_option(label=what)
        await form.get_by_label("How often").fill(count)
        await form.get_by_role("button", name="Switch on").click()
        await expect(form).to_contain_text(f"{what} – still to come: {count}")


async def tab_to(page: Page, wanted: Locator, most: int = 60) -> None:
    for _ in range(most):
        if await wanted.evaluate("it => it === document.activeElement"):
            return
        await page.keyboard.press("Tab")
    await expect(wanted).to_be_focused()


@pytest.mark.parametrize(("scheme", "viewport"), [("light", DESKTOP), ("dark", PHONE)], ids=["light", "dark phone"])
async def test_a_tip_comes_is_tried_and_taken_out(
    here: Program, browser: Browser, scheme: str, viewport: dict[str, int]
) -> None:
    async with opened(browser, here, IN_CHANNEL, color_scheme=scheme, viewport=viewport) as page:
        desk = await open_desk(page)
        await set_up(page, "/steady tips on 09:30 Europe/Berlin weekdays")
        for pane in PANES:
            await expect(in_channel(page, pane, "Tips for this channel")).to_contain_text("Monday to Friday")
        await to_next_tip(page)
        await settled(page, "tip", ("sent", "sent"))
        await expect(desk.locator("#schedules")).to_contain_text("sent at 09:30")
        for pane in PANES:
            if viewport is PHONE:
                await page.locator(f"[data-show={pane}]").click()
            tip = in_channel(page, pane, "Not for us")
            await expect(tip).to_have_count(1)
            card = page.locator(f"#{await tip.get_attribute('id')}")
            await card.get_by_role("button", name="Try it").click()
            alone = "only Sam Carter sees this" if pane == "slack" else "Direct message"
            opened_card = page.locator(f"#{pane} .post.steady", has_text=alone).filter(
                has=page.get_by_role("button", name="Not for me", exact=True)  # not every card has a phrase to say
            )
            await expect(opened_card).to_be_visible()
            await expect(card).to_contain_text("Tip of the day")
            await card.get_by_role("button", name="Not for us").click()
            await expect(card).to_contain_text("Taken out")
            await card.get_by_role("button", name="Bring it back").click()
            await expect(card.get_by_role("button", name="Not for us")).to_be_visible()
            assert await violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize("language", list(Language))
async def test_the_modal_is_filled_in_by_keyboard(
    here: Program, browser: Browser, strings: Strings, language: Language
) -> None:
    async with opened(browser, here, f"/?lang={language}&place=channel") as page:
        await page.locator("#text").fill("/steady tips form")
        await page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name=strings("tips.form_title", language))
        time = dialog.get_by_label(strings("tips.form_time", language), exact=True)
        await expect(time).to_be_focused()
        await expect(dialog.locator("input[type=checkbox]").first).to_be_checked()
        assert await violations(page) == []
        await page.keyboard.press("ControlOrMeta+A")
        await page.keyboard.type("25:61")
        save = dialog.get_by_role("button", name=strings("tips.form_submit", language))
        await tab_to(page, save)
        await page.keyboard.press("Enter")
        await expect(time).to_have_attribute("aria-invalid", "true")
        await expect(time).to_be_focused()
        await expect(time).to_have_accessible_description(strings("tips.bad_time", language, word="25:61"))
        assert await violations(page) == []
        await page.keyboard.press("ControlOrMeta+A")
        await page.keyboard.type("9.45")
        await page.keyboard.press("Enter")
        await expect(dialog).to_have_count(0)
        await expect(last(page, "slack")).to_contain_text("09:45")
        await expect(page.locator("#text")).to_be_focused()


async def test_escape_closes_the_modal_and_the_focus_stays_in_it_until_then(here: Program, browser: Browser) -> None:
    async with opened(browser, here, IN_CHANNEL, viewport=PHONE) as page:
        await type_in(page, "/steady tips on")
        dialog = page.get_by_role("dialog")
        await expect(dialog.get_by_label("Time", exact=True)).to_be_focused()
        for _ in range(60):
            await page.keyboard.press("Tab")
            inside = "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
            assert await page.evaluate(inside)
        await dialog.get_by_label("Time", exact=True).fill("")
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog.get_by_label("Time", exact=True)).to_have_accessible_description(
            "Please complete this required field."
        )
        await page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
        await expect(page.get_by_label("Message to Steady")).to_be_focused()
        await open_desk(page)
        await expect(page.locator("#schedules .slack")).to_contain_text("No tips are set up here yet.")


async def test_the_form_in_teams_says_what_is_wrong_and_sets_up_the_channel(here: Program, browser: Browser) -> None:
    async with opened(browser, here, IN_CHANNEL) as page:
        await open_desk(page)
        await type_in(page, "@Steady tips form")
        card = page.locator(f"#{await (await once(last(page, 'teams'), 'Save')).get_attribute('id')}")
        await expect(card).to_contain_text("Direct message")
        await card.get_by_label("Time zone").focus()
        await page.keyboard.press("ControlOrMeta+A")
        await page.keyboard.type("Europe/Berlni")
        await tab_to(page, card.get_by_role("button", name="Save"))
        await page.keyboard.press("Enter")
        await expect(card).to_contain_text("There is no time zone “Europe/Berlni”")
        await expect(card).to_contain_text("Did you mean Europe/Berlin")
        assert await violations(page) == []
        await card.get_by_label("Time zone").fill("Europe/Berlin")
        await card.get_by_label("Saturday").check()
        await card.get_by_role("button", name="Save").click()
        await expect(card).to_contain_text("Tips are on")
        introduction = in_channel(page, "teams", "Tips for this channel")
        await expect(introduction).to_contain_text("Sam Carter has set up")
        await expect(introduction).to_contain_text("Saturday")
        await expect(page.locator("#schedules .teams")).to_contain_text("(Europe/Berlin)")


async def once(locator: Locator, words: str) -> Locator:
    await expect(locator).to_contain_text(words)
    return locator


async def test_the_next_run_is_right_over_a_change_of_the_clocks(here: Program, browser: Browser) -> None:
    async with opened(browser, here, IN_CHANNEL) as page:
        desk = await open_desk(page)
        await set_up(page, "/steady tips on 09:30 Europe/Berlin daily")
        await page.get_by_role("button", name="The day before the clocks change").click()
        await expect(page.locator("#said")).to_contain_text("The clock was moved: Saturday")
        for pane in PANES:
            why = desk.locator(f"#schedules .{pane}")
            await expect(why).to_contain_text("Next tip: Saturday")
            await expect(why).to_contain_text("09:30 (Europe/Berlin)")
            await expect(why).to_contain_text("by 60 minutes")
        came = []
        for day in ("Sunday", "Monday"):
            await to_next_tip(page)
            for pane in PANES:
                await expect(desk.locator(f"#schedules .{pane}")).to_contain_text(f"Next tip: {day}", timeout=PATIENT)
            await settled(page, "tip", ("sent", "sent"))
            came.append(await page.locator("#ledger tr").first.locator("td").nth(5).text_content())
        hours = {str(moment).split(" ")[-1][:5] for moment in came}
        assert hours == {"07:30", "08:30"}, "09:30 in Berlin, by both clocks"
        await expect(desk.locator("#schedules")).to_contain_text("sent at 09:30")
        for pane in PANES:
            await expect(in_channel(page, pane, "Not for us")).to_have_count(2)


async def test_a_failure_neither_loses_nor_doubles_a_tip(here: Program, browser: Browser) -> None:
    async with opened(browser, here, IN_CHANNEL) as page:
        await open_desk(page)
        await set_up(page)
        await break_both(page, "Refuse with 429 (again in 2 s)", "2")
        await to_next_tip(page)
        await settled(page, "tip", ("sent", "sent"))
        for pane in PANES:
            await expect(in_channel(page, pane, "Not for us")).to_have_count(1)
            await expect(page.locator(f"[data-break={pane}]")).to_contain_text("Works as it should.")
        await break_both(page, "Take it, then hang up")
        await to_next_tip(page)
        for pane in PANES:
            await expect(in_channel(page, pane, "Not for us")).to_have_count(2, timeout=PATIENT)
        # Teams does not let us look whether it arrived: it stays unknown, and is not sent again.
        await settled(page, "tip", ("sent", "unknown"))
        for pane in PANES:
            await expect(in_channel(page, pane, "Not for us")).to_have_count(2)
        assert await violations(page) == []


async def test_a_kill_in_the_middle_of_sending_doubles_nothing(here: Program, browser: Browser) -> None:
    async with opened(browser, here, IN_CHANNEL) as page:
        await open_desk(page)
        await set_up(page)
        await break_both(page, "Take it, answer after 5 s")
        await to_next_tip(page)
        for pane in PANES:
            await expect(in_channel(page, pane, "Not for us")).to_have_count(1, timeout=PATIENT)
        await settled(page, "tip", ("being sent", "being sent"))
        await page.get_by_role("button", name="Kill the delivery").click()
        await expect(page.locator("#said")).to_have_text("The delivery was killed and runs again.")
        await settled(page, "tip", ("sent", "unknown"))
        for pane in PANES:
            await expect(in_channel(page, pane, "Not for us")).to_have_count(1)
            await expect(page.locator(f"#schedules .{pane}")).to_contain_text("Next tip: ")
        await expect(page.locator("#ledger")).to_contain_text("it can’t be read back")
        assert await violations(page) == []


@pytest.mark.parametrize("language", ["de", "ru", "ka"])
async def test_the_desk_in_other_languages(here: Program, browser: Browser, strings: Strings, language: str) -> None:
    async with opened(browser, here, f"/?lang={language}&place=channel", viewport=PHONE, color_scheme="dark") as page:
        desk = await open_desk(page)
        refused = strings("web.clock_nothing", Language(language))
        await page.locator("[data-to=tip]").click()
        await expect(desk.get_by_role("alert")).to_have_text(refused)
        await type_in_any(page, "/steady tips on 09:30 Europe/Berlin")
        await expect(page.locator("#schedules .teams")).to_contain_text("Europe/Berlin")
        await expect(page.locator("#clock")).to_contain_text("Europe/Berlin")
        moment = page.locator("#move input")
        await moment.fill("2001-01-01T00:00")
        await page.evaluate("document.querySelector('#move').noValidate = true")
        await page.locator("#move button").click()
        await expect(desk.get_by_role("alert")).to_have_text(strings("web.clock_back", Language(language)))
        assert await violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


async def type_in_any(page: Page, text: str) -> None:
    await page.locator("#text").fill(text)
    await page.keyboard.press("Enter")
