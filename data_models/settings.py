"""Every setting, validated. `data_models.env` says where values come from.

Order: environment, configuration file, default; what a team fixed in the store's own `store.json` beats all.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from data_models import env
from data_models.errors import SettingsError

TEAM_SETTINGS = frozenset({"backend", "chunk_tokens", "models", "project_aliases", "redaction", "root_pass"})
"""What a store may fix for all who share it: what decides the content of a generation."""


class RedactionSettings(BaseModel):
    """What is replaced before anything is stored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    emails: bool = Field(default=False, description="Replace e-mail addresses too.")
    key: str = Field(
        default="",
        description="A team's shared passphrase: the same secret then reads the same in everybody's sessions.",
    )
    rules: dict[str, str] = Field(
        default_factory=dict,
        description="Own patterns, name = RE2 regular expression; a group named `secret` limits what is replaced.",
    )


class ModelSettings(BaseModel):
    """Which model does what, as `provider:model` (rlm/clients/registry.py lists the providers)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    map: str = Field(default="anthropic:claude-haiku-5-5", description="Summarises chunks.")
    tree: str = Field(
        default="anthropic:claude-haiku-5-5", description="Joins summaries to digests and rollups."
    )
    root: str = Field(
        default="anthropic:claude-sonnet-5-5", description="Writes the compiled context, answers `ask`."
    )
    sub: str = Field(default="anthropic:claude-haiku-5-5", description="Reads parts for the root model.")
    at_once: int = Field(default=50, ge=1, le=1000, description="Calls in flight at the same time.")
    batches: bool = Field(
        default=True,
        description="At night, ask what is much in batches, at half the price, where the provider has them.",
    )


class PriceSettings(BaseModel):
    """US dollars per million tokens of a model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cache_write: float = Field(default=0.0, ge=0)
    cache_read: float = Field(default=0.0, ge=0)


class ModalSettings(BaseModel):
    """The app that `modal deploy -m flows.modal_app` makes; read when it is deployed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    secrets: tuple[str, ...] = Field(
        default=(),
        description="Names of Modal secrets whose variables the functions get: keys of providers, "
        "`RLM_CONTEXT_…`, `PREFECT_API_URL`.",
    )
    cron: str = Field(
        default="",
        description="When every project is compiled, in five fields (UTC), for teams with no other scheduler.",
    )
    containers: int = Field(
        default=8,
        ge=1,
        le=100,
        description="Containers that batches of a compile may run in at the same time.",
    )


class Settings(BaseSettings):
    """All settings. The environment variable of `chunk_tokens` is `RLM_CONTEXT_CHUNK_TOKENS`."""

    model_config = SettingsConfigDict(
        env_prefix=env.PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    home: Annotated[Path, AfterValidator(env.expanded)] = Field(
        default_factory=env.home, description="Spool, cache, logs, default store, Prefect's home."
    )
    store: str = Field(
        default="",
        description="A folder, modal://VOLUME or s3://BUCKET/PREFIX. Empty: the folder `store` in the home.",
    )
    author: str = Field(
        default="", description="Your name in the store. Empty: git's user.email, else user@host."
    )
    backend: Literal["extractive", "model"] = Field(
        default="extractive",
        description="What summarises: rules that need no model, or the models below with their provider's key.",
    )
    models: ModelSettings = Field(default_factory=ModelSettings)
    prices: dict[str, PriceSettings] = Field(
        default_factory=dict, description="Prices by model, over those of rlm/prices.py."
    )
    root_pass: Literal["rlm", "reduce"] = Field(
        default="rlm",
        description="How the backend `model` writes the compiled context: by a recursive run that can look into "
        "sessions, or by one plain call.",
    )
    sandbox: Literal["monty", "jail", "modal"] = Field(
        default="monty", description="Where code that the root model writes is run."
    )
    runner: Literal["local", "modal", "dask"] = Field(
        default="local",
        description="Where batches of sessions are ingested and summarised: in this process, in the app that is "
        "deployed on Modal, or on a Dask cluster.",
    )
    dask_scheduler: str = Field(
        default="",
        description="Address of a Dask scheduler. Empty: a cluster of this machine, for each compile.",
    )
    modal: ModalSettings = Field(default_factory=ModalSettings)
    store_mount: Path | None = Field(
        default=None,
        description="A folder in which the store's volume is mounted, as it is on Modal: blobs are read there.",
    )
    chunk_tokens: int = Field(
        default=12_000,
        ge=500,
        le=200_000,
        description="Size of a chunk, in estimated tokens (UTF-8 bytes / 4).",
    )
    project_aliases: dict[str, str] = Field(
        default_factory=dict, description="Renamed projects: old name = new name."
    )
    redaction: RedactionSettings = Field(default_factory=RedactionSettings)
    notes: bool = Field(
        default=True,
        description="Tell those who share a project's store which branch and files a running session works on, and "
        "be told of theirs.",
    )
    prompt_passages: bool = Field(
        default=False,
        description="Search the first prompt of a session, and add what earlier sessions clearly say about it.",
    )

    @property
    def store_url(self) -> str:
        """Where the store is."""
        return self.store or str(self.home / "store")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Fixed team settings (passed in), then the environment, then the configuration file."""
        return init_settings, env_settings, InitSettingsSource(settings_cls, env.read_config())


def load_settings(fixed: dict[str, Any] | None = None) -> Settings:
    """The settings of this process.

    Args:
        fixed: what the team fixed in the store; it wins.

    Raises:
        SettingsError: a value is invalid or unknown, or the file cannot be read.
    """
    try:
        return Settings(**(fixed or {}))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "settings"
        variable = env.PREFIX + name.upper().replace(".", "__")
        raise SettingsError(
            f"setting {name}: {first['msg']}", next_command=f"mend it in {env.config_file()} or in {variable}"
        ) from error
