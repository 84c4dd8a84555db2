"""The one family of errors: each says what is wrong and what to do next."""

from dataclasses import dataclass


class SteadyError(Exception):
    """Something is wrong that a person has to mend; the text says what, where and how."""


class SettingsError(SteadyError):
    """A setting is missing or wrong. Raised at start, never at the first message."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the content: the file, the place in it, what is wrong and what to do."""

    file: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.where}: {self.what}"


class ContentError(SteadyError):
    """The guidance cannot be used as it is; `problems` lists everything found."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"The guidance has {len(problems)} problem(s). Mend them, then run `steady check`.\n{lines}")
