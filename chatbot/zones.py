"""Time zones: their IANA names, the cities that people type instead, and what a wrong name may have meant."""

import difflib
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from chatbot.errors import SteadyError
from chatbot.model import Language

#: What nobody types is longer than this; it is not compared with anything.
LONGEST = 40

#: What a form suggests where nothing is known yet.
SUGGESTED = {
    Language.EN: "Europe/London",
    Language.DE: "Europe/Berlin",
    Language.RU: "Europe/Moscow",
    Language.KA: "Asia/Tbilisi",
}

#: How people write the likeliest cities, in four languages; the IANA names' own cities need no entry.
_CITIES = {
    "Europe/Berlin": "берлин берлине берлину ბერლინი münchen munich мюнхен მიუნხენი hamburg гамбург ჰამბურგი frankfurt"
    " frankfurt_am_main франкфурт ფრანკფურტი köln cologne кёльн კიოლნი stuttgart штутгарт düsseldorf дюссельдорф"
    " leipzig лейпциг dresden дрезден hannover nürnberg bremen germany deutschland германия გერმანია",
    "Asia/Tbilisi": "tiflis тбилиси თბილისი batumi батуми ბათუმი kutaisi кутаиси ქუთაისი грузия საქართველო georgien",
    "Europe/Moscow": "moskau москва москве მოსკოვი мск msk московское petersburg st_petersburg saint_petersburg"
    " sankt_petersburg санкт_петербург петербург питер სანქტ_პეტერბურგი",
    "Europe/London": "лондон лондоне ლონდონი manchester edinburgh",
    "Europe/Vienna": "wien вена вене ვენა österreich austria",
    "Europe/Zurich": "zürich цюрих ციურიხი bern берн genf geneva schweiz switzerland",
    "Europe/Paris": "париж париже პარიზი",
    "Europe/Rome": "rom рим რომი milan mailand милан მილანი",
    "Europe/Madrid": "мадрид მადრიდი barcelona барселона ბარსელონა",
    "Europe/Lisbon": "lissabon лиссабон ლისაბონი",
    "Europe/Warsaw": "warschau варшава ვარშავა krakow krakau краков",
    "Europe/Prague": "prag прага პრაღა",
    "Europe/Budapest": "будапешт ბუდაპეშტი",
    "Europe/Brussels": "brüssel брюссель ბრიუსელი",
    "Europe/Amsterdam": "амстердам ამსტერდამი",
    "Europe/Copenhagen": "kopenhagen копенгаген კოპენჰაგენი",
    "Europe/Stockholm": "стокгольм სტოკჰოლმი",
    "Europe/Helsinki": "хельсинки ჰელსინკი",
    "Europe/Riga": "рига რიგა",
    "Europe/Vilnius": "вильнюс ვილნიუსი",
    "Europe/Athens": "athen афины ათენი",
    "Europe/Belgrade": "belgrad белград ბელგრადი",
    "Europe/Sofia": "софия სოფია",
    "Europe/Bucharest": "bukarest бухарест ბუქარესტი",
    "Europe/Chisinau": "кишинёв კიშინიოვი",
    "Europe/Kyiv": "kiew kiev киев київ კიევი",
    "Europe/Minsk": "минск მინსკი",
    "Europe/Istanbul": "стамбул სტამბოლი ankara анкара ანკარა",
    "Europe/Kaliningrad": "калининград",
    "Europe/Samara": "самара",
    "Asia/Yekaterinburg": "jekaterinburg екатеринбург ekaterinburg",
    "Asia/Novosibirsk": "новосибирск",
    "Asia/Vladivostok": "владивосток",
    "Asia/Yerevan": "eriwan jerewan ереван ერევანი",
    "Asia/Baku": "баку ბაქო",
    "Asia/Almaty": "алматы алма_ата astana астана",
    "Asia/Tashkent": "taschkent ташкент ტაშკენტი",
    "Asia/Dubai": "дубай დუბაი abu_dhabi",
    "Asia/Jerusalem": "tel_aviv тель_авив თელ_ავივი иерусалим იერუსალიმი",
    "Asia/Kolkata": "delhi new_delhi дели დელი mumbai мумбаи bangalore bengaluru",
    "Asia/Shanghai": "peking beijing пекин პეკინი шанхай შანხაი",
    "Asia/Tokyo": "tokio токио ტოკიო",
    "Asia/Singapore": "singapur сингапур სინგაპური",
    "America/New_York": "нью_йорк ნიუ_იორკი washington вашингтон ვაშინგტონი boston бостон miami atlanta nyc",
    "America/Chicago": "чикаго ჩიკაგო dallas houston austin",
    "America/Los_Angeles": "лос_анджелес ლოს_ანჯელესი san_francisco сан_франциско სან_ფრანცისკო seattle",
    "America/Toronto": "торонто ტორონტო montreal",
    "America/Sao_Paulo": "são_paulo сан_паулу rio rio_de_janeiro",
    "Australia/Sydney": "сидней სიდნეი",
    "UTC": "utc gmt greenwich z zulu",
}

#: Abbreviations of a fixed offset: whoever types one means a place, whose clocks change.
_ABBREVIATIONS = {
    "cet cest mez mesz met mest": ("Europe/Berlin", "Europe/Paris", "Europe/Warsaw"),
    "eet eest oez oesz": ("Europe/Kyiv", "Europe/Helsinki", "Europe/Athens"),
    "wet west bst ist": ("Europe/London", "Europe/Lisbon", "Europe/Dublin"),
    "est edt et est5edt": ("America/New_York", "America/Toronto"),
    "cst cdt ct cst6cdt": ("America/Chicago", "America/Winnipeg"),
    "mst mdt mt mst7mdt": ("America/Denver", "America/Phoenix", "America/Edmonton"),
    "pst pdt pt pst8pdt": ("America/Los_Angeles", "America/Vancouver"),
    "hst": ("Pacific/Honolulu",),
    "get": ("Asia/Tbilisi",),
}
_FIXED = {word: zones for words, zones in _ABBREVIATIONS.items() for word in words.split()}
_OFFSET = re.compile(r"(?:utc|gmt)?\s*([+-])\s*([0-9]{1,2})(?::?([0-9]{2}))?")

_FOLDED = str.maketrans({" ": "_", "-": "_", "ё": "е", "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ã": "a"})
# Words that are directions before they are places.
_NO_CITIES = frozenset({"west", "east", "north", "south", "central", "eastern", "mountain", "pacific", "general"})


@lru_cache(maxsize=1)
def names() -> frozenset[str]:
    """Return the names of all zones that mean the same on every machine."""
    listed = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8")
    return frozenset(listed.split()) - {"localtime", "Factory"}


def is_zone(name: str) -> bool:
    """Return whether a name is that of a zone: what a platform calls one may be no IANA name."""
    return name in names()


@lru_cache(maxsize=1024)
def zone_named(name: str) -> ZoneInfo:
    """Return the zone with an exact IANA name. Raises SteadyError, naming what is near, if there is none."""
    if name not in names():
        near = " or ".join(zones_near(name)) or "Europe/Berlin, for example"
        raise SteadyError(f"There is no time zone {name[:LONGEST]!r}: did you mean {near}?")
    # The machine's own data may be years old, and every replica must agree: the pinned package's is taken.
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def find_zone(words: str) -> str | None:
    """Return the IANA name that words mean, in any case: "europe/berlin", "New York", "мюнхен"; None if none."""
    if len(words) > LONGEST:
        return None
    typed = fold(words)
    if typed in _FIXED:
        return None
    # "ბერლინის დროით": Berlin's time.
    return _spellings().get(typed) or (_spellings().get(typed[:-1]) if typed.endswith("ის") else None)


def zones_at_offset(words: str, today: date) -> tuple[str, ...]:
    """Return at most three zones for a fixed offset such as "MEZ" or "UTC+4", which names no place; () for others.

    A number means the cities that have it at noon of `today`.
    """
    typed = words.strip().casefold()
    if offset := _OFFSET.fullmatch(typed):
        sign, hours, minutes = offset.groups()
        shift = timedelta(hours=int(hours), minutes=int(minutes or 0)) * (1 if sign == "+" else -1)
        noon = datetime.combine(today, time(12), UTC)
        return tuple(name for name in _CITIES if noon.astimezone(zone_named(name)).utcoffset() == shift)[:3]
    return _FIXED.get(typed, ())


def zones_near(words: str) -> tuple[str, ...]:
    """Return at most three zones that a wrong name may have meant, the likeliest first."""
    near = difflib.get_close_matches(fold(words[:LONGEST]), _spellings(), n=8, cutoff=0.75)
    return tuple(dict.fromkeys(_spellings()[spelling] for spelling in near))[:3]


def fold(words: str) -> str:
    """Return a name as it is compared: small letters, underscores for spaces and hyphens, no umlauts or dots."""
    return words.strip().replace(".", "").casefold().translate(_FOLDED)


@lru_cache(maxsize=1)
def _spellings() -> Mapping[str, str]:
    """Return folded spelling -> IANA name: cities first, whole names last, since these are never ambiguous."""
    return dict(_cities()) | {fold(name): name for name in sorted(names())}


def _cities() -> Iterator[tuple[str, str]]:
    # Of names with the same clocks the deeper and the later one wins, as in the tz database itself.
    for name in sorted(names(), key=lambda name: (name.count("/"), name)):
        region, _, city = name.rpartition("/")
        if region and region != "Etc" and fold(city) not in _NO_CITIES:
            yield fold(city), name
    for name, spellings in _CITIES.items():
        yield from ((fold(spelling), name) for spelling in spellings.split())
