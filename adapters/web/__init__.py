"""The playground page: both platforms side by side, with no account at either."""

from adapters.web.console import Console
from adapters.web.playground import Playground

__all__ = ["Console", "Playground"]
