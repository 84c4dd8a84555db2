"""Public holidays by country and region: codes such as "DE" and "DE-BE", and the names of their days off."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

from chatbot.model import Language

# `holidays` is imported where it is used: it takes a tenth of a second, and many channels never ask for it.


@lru_cache(maxsize=256)
def known(code: str) -> str | None:
    """Return a code as it is written ("de-be" is "DE-BE", "de-bayern" is "DE-BY"); None if there is none such."""
    country, dash, region = code.partition("-")
    country = country.upper()
    if country not in _countries():
        return None
    if not dash:
        return country
    found = _regions(country).get(region.casefold())
    return f"{country}-{found}" if found else None


def regions_of(country: str) -> tuple[str, ...]:
    """Return the codes of a country's regions: "DE-BB", "DE-BE", …; none for an unknown country."""
    return tuple(f"{country.upper()}-{region}" for region in _countries().get(country.upper(), ()))


def day_off(code: str, day: date, language: Language | None = None) -> str:
    """Return the name of the holiday that a day is, or "" if it is none.

    The name is in `language` if the country's calendar has it, else in a language of that country.
    """
    return _year(code, day.year, language).get(day, "")


@lru_cache(maxsize=256)
def _year(code: str, year: int, language: Language | None) -> Mapping[date, str]:
    import holidays

    country, _, region = code.partition("-")
    calendar = holidays.country_holidays(country, subdiv=region or None)
    tag = "en_US" if language is Language.EN else str(language)
    # Without a language that it knows, the package would take the one of the machine it runs on.
    spoken = tag if tag in calendar.supported_languages else calendar.default_language
    calendar = holidays.country_holidays(country, subdiv=region or None, years=year, expand=False, language=spoken)
    return dict(calendar.items())


@lru_cache(maxsize=1)
def _countries() -> Mapping[str, tuple[str, ...]]:
    import holidays

    regions = holidays.list_supported_countries(include_aliases=False)
    return {country: tuple(of) for country, of in regions.items()}


@lru_cache(maxsize=32)
def _regions(country: str) -> Mapping[str, str]:
    """Return folded name or code -> code of each region."""
    import holidays

    aliases: Mapping[str, str] = getattr(holidays.country_holidays(country), "subdivisions_aliases", {})
    names = {alias.casefold(): region for alias, region in aliases.items()}
    return names | {region.casefold(): region for region in _countries()[country]}
