"""Templates: Jinja in a sandbox, strict about names that are not given."""

from collections.abc import Mapping
from typing import Any

from jinja2 import StrictUndefined, TemplateError
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


class Template:
    """A text with `{{ names }}` in it, compiled once. A text without any costs nothing."""

    def __init__(self, source: str) -> None:
        self.source = source
        try:
            self._compiled = _environment.from_string(source) if "{" in source else None
        except TemplateError as error:
            raise SteadyError(f"not a valid template ({error}): {source!r}") from error

    def render(self, values: Mapping[str, Any]) -> str:
        """Return the text with `values` put in; a name without a value is an error."""
        if self._compiled is None:
            return self.source
        try:
            return self._compiled.render(values)
        except (TemplateError, TypeError) as error:
            raise SteadyError(f"the template does not render ({error}): {self.source!r}") from error
