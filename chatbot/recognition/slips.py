"""Names with a slip of the finger in them: one letter too many, too few, wrong, or two swapped."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from chatbot.recognition.normalise import latin, plain

#: Shorter names have too many neighbours that mean something else.
SHORTEST = 4
LONGEST = 40
_MOST = 3


class Slips:
    """Finds names by what is left of them when one letter is taken out: any slip leaves a common rest."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._rests: dict[str, set[str]] = defaultdict(set)
        for name, topic in names.items():
            spelled = latin(plain(name))
            if SHORTEST <= len(spelled) <= LONGEST:
                for rest in _rests(spelled):
                    self._rests[rest].add(topic)

    def find(self, text: str) -> tuple[str, ...]:
        """Return the topics whose name a text is one slip away from; none if that is more than three."""
        if len(text) > 2 * LONGEST:
            return ()
        typed = latin(plain(text))
        if not SHORTEST <= len(typed) <= LONGEST + 1:
            return ()
        found = {topic for rest in _rests(typed) for topic in self._rests.get(rest, ())}
        return tuple(sorted(found)) if len(found) <= _MOST else ()


def _rests(word: str) -> Iterator[str]:
    yield word
    for place in range(len(word)):
        yield word[:place] + word[place + 1 :]
