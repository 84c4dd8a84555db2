"""The words of a tips request in four languages, as patterns for `chatbot.tip_words`.

They are for text in small letters with е for ё, plain hyphens and single spaces; each ends where a word ends.
"""

import re

from chatbot.language import NAMES
from chatbot.tip_dates import WEEKDAY
from chatbot.tips import EVERY_DAY, WORKING_DAYS

_END = r"(?![^\W_]|[.:/-][0-9])"


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(f"(?:{pattern}){_END}")


# In German "am" begins "am Montag"; elsewhere it is the morning.
_MORNING = (
    r"a\.?m\.?(?!\s+(?:montag|dienstag|mittwoch|donnerstag|freitag|sams?tag|sonn|wochenend|werktag))"
    r"|утра|morgens|früh|vormittags"
)
_AFTERNOON = r"p\.?m\.?|вечера|дня|abends|nachmittags"
_OCLOCK = r"uhr|h|ч\.?|час(?:а|ов)?|o'clock|საათ\w*"
TIME = _words(
    r"(?:(?P<am>დილის )|(?P<pm>საღამოს ))?"
    rf"(?:(?P<h1>[0-9]{{1,2}})(?: ?[:.] ?| )(?P<m1>[0-9]{{2}})(?: ?(?:{_OCLOCK}))?"
    rf"|(?P<h2>[0-9]{{1,2}}) ?(?:{_OCLOCK})"
    r"(?: ?(?:და )?(?P<m2>[0-9]{1,2})(?![0-9:.])(?: ?(?:мин\w*|min\w*|წუთ\w*))?)?"
    r"|(?P<h3>[0-9]{1,2})(?P<m3>[0-9]{2})?)"
    rf"(?:-?ზე)?(?: ?(?:(?P<am2>{_MORNING})|(?P<pm2>{_AFTERNOON})))?"
)

DAYS = (
    (
        EVERY_DAY,
        _words(
            "daily|every day|each day|täglich|taeglich|jeden tag|ежедневно|каждый день|ყოველდღ(?:ე|იურად)|ყოველ დღე"
        ),
    ),
    (
        WORKING_DAYS,
        _words(
            r"weekdays?|workdays?|working days|business days|werktags|werktage?n?|arbeitstage?n?|wochentags"
            r"|(?:по )?будн(?:ям|и|им дням|ие дни|ие)|(?:по |в )?рабочи[ем] дн(?:и|ям)|სამუშაო დღე\w*"
        ),
    ),
    (frozenset({5, 6}), _words(r"weekends?|wochenenden?|(?:по )?выходны[ем]|შაბათ-კვირა(?:ს|ობით)?")),
)
WEEKLY = _words(
    r"weekly|once a week|every week|wöchentlich|woechentlich|(?:einmal|1x|1 mal) (?:die|pro|in der) woche|jede woche"
    r"|еженедельно|(?:один |1 )?раз в неделю|каждую неделю|კვირაში (?:ერთხელ|1-?ჯერ)|ყოველკვირეულად"
)
DAY = _words(rf"({WEEKDAY.pattern})\.?")
TO = re.compile(r" ?(?:-|\.\.+|bis|to|through|thru|till|until|по|до) ?")

HOLIDAYS = _words(
    r"(?:(?:not|no|except|without|ohne|außer|ausser|кроме|без|გარდა) )?(?:on |an |am |по |в |public )?"
    r"(?:holidays?|(?P<german>feiertage?n?)|праздник\w*|праздничны\w* дн\w*|დღესასწაულ\w*)"
    r"(?: ?[:=]| (?:in|of|for|von|für|в)(?= ))?"
)
NO_HOLIDAYS = _words("none|off|no|keine?|aus|нет|без|არა|გარეშე")
REGION = _words(r"(?P<country>[^\W\d_]{2})(?: ?[-_/] ?(?P<region>[^\W_]+))?")
_COUNTRIES = {
    "DE": "germany deutschland германия германии გერმანია", "AT": "austria österreich австрия австрии ავსტრია",
    "CH": "switzerland schweiz швейцария შვეიცარია", "RU": "russia russland россия россии რუსეთი",
    "GE": "georgia georgien грузия грузии საქართველო", "BY": "belarus беларусь ბელარუსი",
    "UA": "ukraine украина უკრაინა", "AM": "armenia armenien армения სომხეთი", "KZ": "kazakhstan kasachstan казахстан",
    "GB": "uk england britain großbritannien", "US": "usa сша აშშ", "FR": "france frankreich франция",
    "PL": "poland polen польша", "BE": "belgium belgien бельгия", "TH": "thailand таиланд",
}  # fmt: skip
#: What a country is called -> its code.
COUNTRIES = {name: code for code, names in _COUNTRIES.items() for name in names.split()}

NOT = re.compile(
    r"(?:but )?(?:not|except|without|nicht|außer|ausser|ohne|кроме|не|без|გარდა|არა)"
    r"(?: (?:on|from|am|an|vom|von|с|со))?(?: ?[:=] ?| )"
)
TOPICS = re.compile(r"(?:topics?|themen|thema|тем(?:ы|а|у)|თემ(?:ები|ა|ებს))(?: ?[:=] ?| )")
ALL = _words("all|alle|все|ყველა")
COMMA = re.compile(r" ?, ?(?:(?:and|und|и|და) )?| (?:and|und|и|და) ")

GAP = re.compile(r"(?:[\s,;&/]|\.(?![0-9]))+")
FILLER = _words(
    r"at|um|ab|am|an|in|on|of|from|von|vom|every|jeden?|and|und|и|და|в|во|с|со|по|на|кажды[йе]|каждую|please|bitte"
    r"|пожалуйста|time|zone|timezone|zeitzone|zeit|времени|время|დროით|დრო|language|sprache|язык|ენა"
)
WORD = re.compile(r"[^\s,;]+")

#: How words of a kind are spelled, for one with a slip in it.
_WEEKDAY_WORDS = (
    "weekdays daily weekly monday tuesday wednesday thursday friday saturday sunday werktags täglich wöchentlich montag"
    " dienstag mittwoch donnerstag freitag samstag sonntag ежедневно еженедельно понедельник вторник среда четверг"
    " пятница суббота воскресенье ყოველდღე ორშაბათი სამშაბათი ოთხშაბათი ხუთშაბათი პარასკევი შაბათი"
)
WEEKDAY_SAMPLES = tuple(_WEEKDAY_WORDS.split())
OTHER_SAMPLES = ("holidays", "topics", "except", "feiertage", "themen", "праздники", "темы", "кроме", "თემები", *NAMES)
