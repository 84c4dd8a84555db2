"""Templates: Jinja in a sandbox, strict about names that are not given."""

import re
from collections.abc import Mapping
from itertools import cycle
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2 import Template as JinjaTemplate
from jinja2.sandbox import ImmutableSandboxedEnvironment

from chatbot.errors import SteadyError


def plural(count: int, one: str, few: str, many: str) -> str:
    """Return the Russian form of a noun after a whole number: 1 минуту, 2 минуты, 5 минут."""
    if count % 10 == 1 and count % 100 != 11:
        return one
    if count % 10 in (2, 3, 4) and count % 100 not in (12, 13, 14):
        return few
    return many


# The texts go to Slack and Teams, whose renderers escape them; HTML escaping here would be escaping twice.
_environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
_environment.filters = {"plural": plural}
_environment.globals = {}


#: What nearly all texts have at most. To put it in needs no compiling, which at each start took a quarter of a second.
_NAME = re.compile(r"\{\{ *([a-z_]\w*) *\}\}")


class Template:
    """A text with `{{ names }}` in it, and whatever else Jinja knows; that is compiled once."""

    def __init__(self, source: str) -> None:
        self.source = source
        #: Text and name in turn.
        self._pieces: list[str] = _NAME.split(source)
        self._compiled: JinjaTemplate | None = None
        if any("{" in text for text in self._pieces[::2]):
            try:
                self._compiled = _environment.from_string(source)
            except TemplateError as error:
                raise SteadyError(f"not a valid template ({error}): {source!r}") from error

    def render(self, values: Mapping[str, Any]) -> str:
        """Return the text with `values` put in; a name without a value is an error."""
        try:
            if self._compiled:
                return self._compiled.render(values)
            if len(self._pieces) == 1:
                return self.source
            return "".join(str(values[piece]) if odd else piece for odd, piece in zip(cycle((0, 1)), self._pieces))
        except KeyError as error:
            raise SteadyError(f"the template does not render ({error} is undefined): {self.source!r}") from None
        except (TemplateError, TypeError) as error:
            raise SteadyError(f"the template does not render ({error}): {self.source!r}") from error
