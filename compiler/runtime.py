"""Opens what a step needs: settings, store, memo, backend, redactor. Every process opens its own."""

import asyncio
import hashlib
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from compiler.account import Account, Replies
from compiler.backend import Backend
from compiler.extractive.backend import ExtractiveBackend
from compiler.team import keep_aliases
from compiler.uploading.adopt import Adoption
from data_models.errors import SettingsError
from data_models.records import CatalogEntry, Manifest
from data_models.settings import TEAM_SETTINGS, Settings, load_settings
from rlm.clients.options import PerLoop
from store.counted import CountedStore
from store.generations import read_catalog
from store.info import read_info
from store.keys import STORE_INFO
from store.memo import Memo
from store.registry import open_store
from store.spool import Spool
from transcripts.redaction.engine import Redactor

_SPARE_SESSIONS = 14
"""Sessions open besides those whose calls are in flight: they are read, or kept."""


@dataclass(frozen=True)
class Runtime:
    """What the steps share inside one process.

    `adopted` counts the sessions of an earlier upload script that were imported when the store was opened.
    """

    settings: Settings
    store: CountedStore
    backend: Backend
    adopted: int = 0
    _catalogs: dict[object, Mapping[tuple[str, str], CatalogEntry]] = field(default_factory=dict, repr=False)

    @property
    def home(self) -> Path:
        """The user's home of rlm-context."""
        return self.settings.home

    @cached_property
    def memo(self) -> Memo:
        """Results that need not be made again."""
        return Memo(self.store)

    @cached_property
    def replies(self) -> Replies:
        """Models' answers that were paid for."""
        return Replies(self.memo, self.settings.models.at_once)

    @cached_property
    def sessions_open(self) -> PerLoop[asyncio.Semaphore]:
        """Places for sessions whose events are in memory while they are summarised: where models are waited for, a few
        more than calls may be in flight, so that even sessions of one chunk keep all of those busy."""
        places = self.settings.models.at_once + _SPARE_SESSIONS if self.backend.paid else 1
        return PerLoop(lambda: asyncio.Semaphore(places))

    def account(self, max_usd: float | None = None) -> Account:
        """Pays for model calls, up to a limit in US dollars."""
        return Account(self.replies, max_usd, self.settings.prices)

    @cached_property
    def spool(self) -> Spool:
        """Uploads that no generation holds yet."""
        return Spool(self.home / "spool")

    @cached_property
    def redactor(self) -> Redactor:
        """Replaces secrets, with this team's key."""
        return _redactor(self.settings)

    def catalog(self, manifests: Sequence[Manifest]) -> Mapping[tuple[str, str], CatalogEntry]:
        """The sessions that these generations hold together; read once, since parts never change.

        Raises:
            DamagedError, KeyMissingError: a part is damaged or missing.
        """
        key = tuple(manifest.parts for manifest in manifests)
        if key not in self._catalogs:
            self._catalogs.clear()
            self._catalogs[key] = read_catalog(self.store, manifests)
        return self._catalogs[key]


def open_runtime(*, make_store: bool = True) -> Runtime:
    """The runtime of this process, from its settings and those that a team fixed in the store.

    Args:
        make_store: whether the store may be made where there is none; what only reads leaves no trace.

    Raises:
        SettingsError: a setting is invalid.
        StoreError: the store cannot be opened, or a newer version wrote it.
    """
    settings = load_settings()
    cache = settings.home / "cache" / "copies"
    adoption = Adoption(lambda: _redactor(settings))
    mount = settings.store_mount
    store = CountedStore(
        open_store(settings.store_url, make=make_store, cache=cache, mount=mount, adopt=adoption)
    )
    fixed = _with_team(settings, store)
    return Runtime(settings=fixed, store=store, backend=_backend(fixed), adopted=adoption.sessions)


def _redactor(settings: Settings) -> Redactor:
    redaction = settings.redaction
    return Redactor(redaction_key(settings), emails=redaction.emails, rules=redaction.rules)


def _backend(settings: Settings) -> Backend:
    if settings.backend == "extractive":
        return ExtractiveBackend()
    from compiler.models.backend import ModelBackend  # half a second that no reader needs

    return ModelBackend(settings)


def _with_team(settings: Settings, store: CountedStore) -> Settings:
    """The settings, those replaced that a team fixed in the store's `store.json`."""
    if store.size(STORE_INFO) is None:  # only looked at, and not there yet
        return settings
    fixed = read_info(store).settings
    foreign = sorted(set(fixed) - TEAM_SETTINGS)
    if foreign:
        raise SettingsError(
            f"{store.url}/{STORE_INFO} fixes {', '.join(foreign)}, which is everyone's own",
            next_command=f"leave only {', '.join(sorted(TEAM_SETTINGS))} in its settings",
        )
    team = load_settings(fixed) if fixed else settings
    keep_aliases(fixed.get("project_aliases", {}))
    return team


def redaction_key(settings: Settings) -> bytes:
    """The key of the placeholders' suffixes: the setting, else 32 random bytes kept in the home.

    Without a key a suffix of a short secret could be guessed. A team sets the same key everywhere, so that a
    secret reads the same in everybody's sessions.
    """
    if settings.redaction.key:
        return hashlib.sha256(settings.redaction.key.encode()).digest()
    path = _key_path(settings)
    if not path.exists():
        _create_key(path)
    key = path.read_bytes() if path.is_file() else b""
    if len(key) != 32:
        raise SettingsError(f"{path} is not a redaction key", next_command=f"remove {path}")
    return key


def redaction_key_known(settings: Settings) -> bool:
    """Whether there is a key already; if not, `redaction_key` makes one."""
    return bool(settings.redaction.key) or _key_path(settings).exists()


def _key_path(settings: Settings) -> Path:
    return settings.home / "redaction.key"


def _create_key(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(secrets.token_bytes(32))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)  # unlike a rename, never replaces the key of a process that was faster
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
