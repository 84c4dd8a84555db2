"""Made-up credentials that the servers and the load generator share."""

SLACK_SECRET = "a made-up signing secret"  # noqa: S105
SLACK_TOKEN = "xoxb-made-up"  # noqa: S105
APP_ID = "00000000-1111-2222-3333-444444444444"
APP_SECRET = "not-a-secret"  # noqa: S105
