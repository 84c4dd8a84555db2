"""Slack: slash commands, direct messages, mentions and buttons in; Block Kit out."""

from adapters.slack.adapter import SlackAdapter
from adapters.slack.limits import measure
from adapters.slack.manifest import slack_manifest
from adapters.slack.render import to_slack

__all__ = ["SlackAdapter", "measure", "slack_manifest", "to_slack"]
