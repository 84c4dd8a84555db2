"""Settings, from the environment or a file `.env`. A wrong one fails at start, with its name."""

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as UnreadableError

from chatbot.content import BUILT_IN_RESPONSES
from chatbot.errors import SettingsError

#: How many bytes the contacts may take on an escalation card, beside its own text.
LONGEST_CONTACTS = 1_200
#: Characters of the secret that signs session cookies.
SHORTEST_SECRET = 32
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Settings(BaseSettings):
    """Every setting of the program. `docs/settings.md` explains each, and a test keeps it complete."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", populate_by_name=True)

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(3978, ge=0, le=65535, description="Port to listen on; 0 takes any free one.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="How much to log.")
    database_url: str = Field(
        "sqlite:///steady.sqlite3",
        description="Where everything is kept: sqlite:///FILE, or postgresql://USER:PASSWORD@HOST/NAME.",
    )
    responses: Path = Field(
        BUILT_IN_RESPONSES, alias="STEADY_RESPONSES", description="Folder of the guidance, if not the built-in one."
    )
    pause_minutes: int = Field(2, ge=2, le=15, description="How long a pause the cards tell agents to ask for.")
    escalation_contacts: dict[str, list[str]] = Field(
        {}, description='Whom to call in danger, per country: {"DE": ["Werkschutz 030 1234"]}.'
    )
    admins: dict[str, list[str]] = Field(
        {}, description='Who names leads: {"slack:T024BE7LD": ["U061F7AUR"]}; "*" means every workspace.'
    )
    tips_late_minutes: int = Field(
        120, ge=5, le=720, description="How many minutes late a tip is still sent; after that it is skipped."
    )
    keep_tips_days: int = Field(
        90, ge=30, le=3650, description="How many days the ledger keeps what became of a tip or a reminder."
    )
    keep_pushes_days: int = Field(
        400, ge=30, le=3650, description="How many days a push, its delivery report and its receipts are kept."
    )
    works_council_mode: bool = Field(
        False, description="Keep nothing per person and count nothing: no insights, no words, no receipts."
    )
    playground: bool | None = Field(
        None, description="Serve the playground page too; by default only when no platform is configured."
    )

    console_url: str = Field("", description="Public https:// address of the leads' console; empty switches it off.")
    trusted_proxies: int = Field(
        0, ge=0, le=10, description="How many proxies stand before the console and write X-Forwarded-For."
    )
    console_secret: SecretStr = Field(SecretStr(""), description="Signs the console's session cookies.")

    slack_signing_secret: SecretStr = Field(SecretStr(""), description="Signs Slack's requests (HTTP mode).")
    slack_bot_token: SecretStr = Field(SecretStr(""), description="Slack bot token, xoxb-…")
    slack_app_token: SecretStr = Field(
        SecretStr(""), description="Slack app-level token, xapp-…: turns Socket Mode on."
    )
    slack_api_url: str = Field("https://slack.com/api/", description="Slack's Web API.")
    slack_client_id: str = Field("", description="The Slack app's client id: leads sign in to the console with Slack.")
    slack_client_secret: SecretStr = Field(SecretStr(""), description="The Slack app's client secret.")
    slack_openid_metadata_url: str = Field(
        "https://slack.com/.well-known/openid-configuration", description="Where Slack's sign-in is described."
    )
    slack_messages_per_second: float = Field(
        1.0, gt=0, le=50, description="How many tips and pushes a second one Slack workspace takes."
    )
    slack_looks_per_minute: float = Field(
        50.0, gt=0, le=1000, description="How often a minute Slack lets us read back whether a message arrived."
    )

    microsoft_app_id: str = Field("", alias="MicrosoftAppId", description="The Teams bot's app id.")
    microsoft_app_password: SecretStr = Field(
        SecretStr(""), alias="MicrosoftAppPassword", description="The Teams bot's client secret."
    )
    microsoft_app_type: Literal["SingleTenant", "MultiTenant"] = Field(
        "SingleTenant", alias="MicrosoftAppType", description="Who may use the Teams bot."
    )
    microsoft_app_tenant_id: str = Field(
        "", alias="MicrosoftAppTenantId", description="The tenant of a SingleTenant bot."
    )
    teams_messages_per_second: float = Field(
        50.0, gt=0, le=50, description="How many tips and pushes a second one Teams tenant takes."
    )
    teams_openid_metadata_url: str = Field(
        "https://login.botframework.com/v1/.well-known/openidconfiguration",
        description="Where the keys that sign Teams' tokens are published.",
    )
    teams_token_issuer: str = Field("https://api.botframework.com", description="Who must have issued Teams' tokens.")
    teams_token_url: str = Field(
        "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
        description="Where the bot gets its own token; {tenant} is filled in.",
    )
    microsoft_openid_metadata_url: str = Field(
        "https://login.microsoftonline.com/{tenant}/v2.0/.well-known/openid-configuration",
        description="Where Microsoft's sign-in is described; {tenant} is filled in.",
    )
    teams_graph_url: str = Field(
        "https://graph.microsoft.com/v1.0/", description="Microsoft Graph, which tells who owns a team."
    )
    teams_service_urls: list[str] = Field(
        ["https://smba.trafficmanager.net/", "https://smba.infra.gcc.teams.microsoft.com/"],
        description="Connector addresses that replies may be sent to (beginnings of URLs, as a JSON list).",
    )

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        if url.startswith(("postgresql://", "postgres://")):
            return "postgresql://" + url.partition("://")[2]
        file = url.removeprefix("sqlite:///")
        if file in (url, "", ":memory:"):
            raise ValueError(
                "must be sqlite:/// and the name of a file (sqlite:////var/lib/steady.sqlite3 is an absolute path), "
                "or postgresql://…"
            )
        return url

    @field_validator(
        "slack_api_url",
        "teams_openid_metadata_url",
        "teams_token_url",
        "teams_graph_url",
        "slack_openid_metadata_url",
        "microsoft_openid_metadata_url",
    )
    @classmethod
    def _is_url(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            good = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            good = False
        if not good:
            raise ValueError("must be an http(s) URL")
        return url

    @field_validator("console_url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        try:
            parts = urlsplit(url.rstrip("/"))
            safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
            bare = not (parts.path or parts.query or parts.fragment or parts.username) and parts.port != 0
        except ValueError:
            safe = bare = False
        if url and not (safe and bare and parts.hostname):
            raise ValueError("must be https:// and a host, with no path (http:// only on loopback)")
        return url.rstrip("/")

    @field_validator("escalation_contacts")
    @classmethod
    def _contacts_fit(cls, contacts: dict[str, list[str]]) -> dict[str, list[str]]:
        size = sum(
            60 + len(country.encode()) + sum(20 + len(c.encode()) for c in of) for country, of in contacts.items()
        )
        if size > LONGEST_CONTACTS:
            raise ValueError("is too long for one card: keep the few numbers that count in danger")
        return contacts

    @field_validator("slack_api_url", "teams_graph_url")
    @classmethod
    def _ends_in_slash(cls, url: str) -> str:
        return url if url.endswith("/") else f"{url}/"

    @field_validator("slack_bot_token", "slack_app_token")
    @classmethod
    def _fits_a_header(cls, token: SecretStr) -> SecretStr:
        letters = token.get_secret_value()
        if not (letters.isascii() and letters.isprintable()) or " " in letters:
            raise ValueError("must hold no spaces, line breaks or other than ASCII letters")
        return token

    @model_validator(mode="after")
    def _whole(self) -> "Settings":
        bot, secret, app = (
            s.get_secret_value() for s in (self.slack_bot_token, self.slack_signing_secret, self.slack_app_token)
        )
        if bot and not (secret or app):
            raise ValueError("SLACK_BOT_TOKEN needs SLACK_SIGNING_SECRET (HTTP) or SLACK_APP_TOKEN (Socket Mode) too")
        if (secret or app) and not bot:
            raise ValueError("SLACK_SIGNING_SECRET or SLACK_APP_TOKEN is set, but SLACK_BOT_TOKEN is not")
        if bot and not bot.startswith("xoxb-"):
            raise ValueError("SLACK_BOT_TOKEN must begin with xoxb-")
        if app and not app.startswith("xapp-"):
            raise ValueError("SLACK_APP_TOKEN must begin with xapp-")
        if self.microsoft_app_id and not self.microsoft_app_password.get_secret_value():
            raise ValueError("MicrosoftAppId is set, but MicrosoftAppPassword is not")
        if self.microsoft_app_password.get_secret_value() and not self.microsoft_app_id:
            raise ValueError("MicrosoftAppPassword is set, but MicrosoftAppId is not")
        if self.microsoft_app_id and self.microsoft_app_type == "SingleTenant" and not self.microsoft_app_tenant_id:
            raise ValueError(
                "MicrosoftAppType is SingleTenant: set MicrosoftAppTenantId, or MicrosoftAppType=MultiTenant"
            )
        if self.slack_client_id and not self.slack_client_secret.get_secret_value():
            raise ValueError("SLACK_CLIENT_ID is set, but SLACK_CLIENT_SECRET is not")
        if self.slack_client_secret.get_secret_value() and not self.slack_client_id:
            raise ValueError("SLACK_CLIENT_SECRET is set, but SLACK_CLIENT_ID is not")
        if self.console_url and len(self.console_secret.get_secret_value()) < SHORTEST_SECRET:
            raise ValueError(
                f"CONSOLE_URL is set: CONSOLE_SECRET must have {SHORTEST_SECRET} characters or more, "
                "for example from `openssl rand -base64 48`"
            )
        if self.console_url and not (self.slack_client_id or self.microsoft_app_id):
            raise ValueError(
                "CONSOLE_URL is set, but nobody could sign in: set SLACK_CLIENT_ID and SLACK_CLIENT_SECRET, "
                "or MicrosoftAppId"
            )
        if self.playground and self.host not in LOOPBACK:
            raise ValueError("PLAYGROUND has no sign-in and is served on loopback only: set HOST=127.0.0.1")
        return self

    @property
    def has_slack(self) -> bool:
        """Return whether Slack is configured."""
        return bool(self.slack_bot_token.get_secret_value())

    @property
    def has_teams(self) -> bool:
        """Return whether Teams is configured."""
        return bool(self.microsoft_app_id)

    @property
    def platforms(self) -> tuple[str, ...]:
        """Return the names of the platforms that are configured."""
        configured = {"Slack": self.has_slack, "Teams": self.has_teams}
        return tuple(name for name, has in configured.items() if has)

    @property
    def serves_playground(self) -> bool:
        """Return whether the playground page is served: when asked for, or when there is nothing else."""
        return self.playground if self.playground is not None else not self.platforms


def load_settings(**overrides: object) -> Settings:
    """Read the settings. Raises SettingsError naming each one that is wrong; no value is quoted, it may be secret."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [
            f"  {'.'.join(str(part).upper() for part in problem['loc']) or 'settings'}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_context=False)
        ]
        raise SettingsError("Mend these settings in the environment or .env:\n" + "\n".join(lines)) from None
    except UnreadableError as error:  # it names the setting and quotes nothing
        raise SettingsError(f"Mend this setting in the environment or .env, it must be JSON: {error}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The file .env can't be read ({type(error).__name__}): it must be UTF-8 text.") from None
