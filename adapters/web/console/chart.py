"""Counts as a picture: bars by week, one row for each language. The table beside it says the same to everyone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: In units of the picture. Eight weeks fit on a phone with a unit for a pixel, so that the words stay legible.
_BAR, _GAP, _HEIGHT, _TOP = 30, 8, 96, 22


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar and the words at its ends; all lengths in units of the picture."""

    x: int
    y: int
    height: int
    middle: int
    week: str
    number: int


@dataclass(frozen=True, slots=True)
class Chart:
    """The bars of one row, `width` by `height`, standing on `ground`."""

    name: str
    bars: tuple[Bar, ...]
    width: int
    height: int
    ground: int
    bar: int = _BAR


def charts(rows: Mapping[str, Mapping[str, int]], weeks: Sequence[str]) -> list[Chart]:
    """Return a chart for each row (its name, and its number by week), all in the same measure."""
    most = max((number for numbers in rows.values() for number in numbers.values()), default=0) or 1
    return [
        Chart(
            name,
            tuple(_bar(place, week, numbers.get(week, 0), most) for place, week in enumerate(weeks)),
            len(weeks) * (_BAR + _GAP) + _GAP,
            _TOP + _HEIGHT + 24,
            _TOP + _HEIGHT,
        )
        for name, numbers in rows.items()
    ]


def _bar(place: int, week: str, number: int, most: int) -> Bar:
    x = _GAP + place * (_BAR + _GAP)
    height = round(_HEIGHT * number / most)
    return Bar(x, _TOP + _HEIGHT - height, height, x + _BAR // 2, week.partition("-")[2], number)
