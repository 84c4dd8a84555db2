"""The web console in which leads write, publish, push and look back, under /lead."""

from adapters.web.console.console import Console

__all__ = ["Console"]
