"""Names with a slip of the finger in them: one letter too many, too few, wrong, or two swapped."""

from collections.abc import Iterator, Mapping

from chatbot.recognition.normalise import latin, plain

#: Shorter names have too many neighbours that mean something else.
SHORTEST = 4
LONGEST = 40
_MOST = 3


class Slips:
    """Finds names by what is left of them when one letter is taken out: any slip leaves a common rest."""

    def __init__(self, names: Mapping[str, str]) -> None:
        # Tens of thousands of rests, nearly all of one topic: shared tuples weigh a tenth of sets.
        shared = {topic: (topic,) for topic in names.values()}
        self._rests: dict[str, tuple[str, ...]] = {}
        for name, topic in names.items():
            spelled = latin(plain(name))
            if SHORTEST <= len(spelled) <= LONGEST:
                for rest in _rests(spelled):
                    known = self._rests.get(rest, shared[topic])
                    self._rests[rest] = known if topic in known else (*known, topic)

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
