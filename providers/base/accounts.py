"""Which vendors this process may talk to, with what key and where: from the provider's config or the environment.

Nothing here is needed for a preview. Keys live in memory only, never in state, messages or URLs.
"""

import asyncio
import hashlib
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Final, TypeVar, cast
from urllib.parse import urlsplit

import httpx

from modelyard.errors import UsageError, quote
from providers.base.clock import Clock, SystemClock
from providers.base.errors import Kind, VendorError
from providers.base.http import Judge, Observe, VendorHttp
from providers.base.limits import Pacer

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class VendorAccess:
    """How one vendor is reached: the names of its settings and its public limits."""

    vendor: str
    title: str
    key_variable: str
    url_variable: str
    base_url: str
    judge: Judge
    intervals: Mapping[str, float]
    """Least seconds between calls, per operation (``limits.EVERY``: between any two)."""
    key_files: tuple[str, ...] = ()
    """Files in which the vendor's own tools keep the key, below the home folder."""
    key_from_file: Callable[[str], str | None] = lambda text: text.strip() or None
    timeout_seconds: float = 60.0
    where_to_get: str = ""
    """Where a person makes a key."""
    id_variable: str = ""
    """Variable of the id that goes with the key; together they are ``id:key``, as in the provider's config."""
    more_settings: Mapping[str, str] = field(default_factory=dict[str, str])
    """Further names in the provider's config → what they are for."""
    console_url: str = ""
    """Where a person sees everything that the account rents."""
    observe: Observe | None = None
    """Reads limits out of every answer's headers; see ``VendorHttp``."""


def toml_key(section: str, name: str) -> Callable[[str], str | None]:
    """Reads a key out of a TOML file: ``[section] name = "…"``; an empty section means the top level."""

    def read(text: str) -> str | None:
        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError:
            return None
        inner: object = table.get(section) if section else table
        value: object = cast("dict[str, object]", inner).get(name) if isinstance(inner, dict) else None
        return value if isinstance(value, str) and value else None

    return read


def line_key(name: str) -> Callable[[str], str | None]:
    """Reads a key out of a file of lines ``name = value``."""

    def read(text: str) -> str | None:
        for line in text.splitlines():
            key, separator, value = line.partition("=")
            if separator and key.strip() == name:
                return value.strip().strip("\"'") or None
        return None

    return read


PACE_VARIABLE: Final = "MODELYARD_PACE"


def _home() -> Path:
    """The user's home folder, or one that does not exist where the user has none: a preview needs none."""
    try:
        return Path.home()
    except RuntimeError:
        return Path("/nonexistent")


@dataclass(kw_only=True)
class Accounts:
    """One process's access to vendors. Clients and rate limits are shared by everything in it.

    Attributes:
        settings: provider config by its names (``runpodApiKey``, ``runpodUrl`` …); wins over the environment.
        environment: usually ``os.environ``.
        home: the user's home folder.
        clock: time; None: the system's, at ``MODELYARD_PACE``.
        transport: replaces the network in tests.
    """

    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    home: Path = field(default_factory=_home)
    clock: Clock | None = None
    transport: httpx.AsyncBaseTransport | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _open: dict[tuple[str, str], VendorHttp] = field(default_factory=dict[tuple[str, str], VendorHttp])
    _shared: dict[str, object] = field(default_factory=dict[str, object])

    def time(self) -> Clock:
        """The clock that everything uses."""
        if self.clock is None:
            self.clock = SystemClock(pace=self._pace())
        return self.clock

    def url(self, access: VendorAccess) -> str:
        """The vendor's base URL, without a slash at its end."""
        asked = self.settings.get(f"{_camel(access.vendor)}Url") or self.environment.get(access.url_variable)
        return (asked or access.base_url).rstrip("/")

    def has_key(self, access: VendorAccess) -> bool:
        """Whether a key is there; it is not tried."""
        return self._key(access) is not None

    def key_id(self, access: VendorAccess) -> str:
        """A short digest of the key, to tell one account's key from another's."""
        key = self._key(access) or ""
        return hashlib.sha256(f"modelyard {access.vendor} {key}".encode()).hexdigest()[:12]

    def key(self, access: VendorAccess) -> str:
        """The key, for a vendor's own package; everything else goes through ``http``.

        Raises:
            VendorError: there is no key (kind AUTH).
        """
        key = self._key(access)
        if key is None:
            raise VendorError(
                access.vendor,
                Kind.AUTH,
                "no API key",
                resolution=f"Set {access.key_variable}, or `pulumi config set --secret "
                f"modelyard-rental:{_camel(access.vendor)}ApiKey`. {access.where_to_get}".strip(),
            )
        return key

    def http(self, access: VendorAccess) -> VendorHttp:
        """Calls to the vendor.

        Raises:
            VendorError: there is no key (kind AUTH).
            UsageError: a base URL that may not be used.
        """
        key = self.key(access)
        url = self.url(access)
        _check_url(url, access)
        if self._pace() < 1 and not is_loopback(url):
            raise UsageError(
                f"{PACE_VARIABLE} below 1 shortens waits that vendors ask for; it is for simulators on this machine",
                details=f"where    {access.vendor} is at {quote(url)}",
                resolution=f"Unset {PACE_VARIABLE}.",
            )
        known = self._open.get((access.vendor, key))
        if known is None:
            clock = self.time()
            client = self._client(access, url, key)
            known = VendorHttp(
                vendor=access.vendor,
                client=client,
                pacer=Pacer(clock, access.intervals),
                clock=clock,
                judge=access.judge,
                secrets={key},
                stopping=self.stopping,
                observe=access.observe,
            )
            self._open[access.vendor, key] = known
        return known

    def shared(self, access: VendorAccess, make: Callable[[], T]) -> T:
        """What all users of one account at one vendor have in common, such as a client with its caches; made once."""
        name = f"{access.vendor} {self.key_id(access)}"
        if name not in self._shared:
            self._shared[name] = make()
        return cast("T", self._shared[name])

    async def close(self) -> None:
        """Close every connection."""
        for http in self._open.values():
            await http.client.aclose()
        self._open.clear()
        self._shared.clear()

    def _client(self, access: VendorAccess, url: str, key: str) -> httpx.AsyncClient:
        if not (key.isascii() and key.isprintable()):
            raise VendorError(
                access.vendor,
                Kind.AUTH,
                "the API key holds a character that no key has",
                resolution=f"Copy it anew into {access.key_variable}. {access.where_to_get}".strip(),
            )
        try:
            return httpx.AsyncClient(
                base_url=url,
                headers={"Authorization": f"Bearer {key}", "User-Agent": "modelyard"},
                timeout=httpx.Timeout(access.timeout_seconds, connect=15.0),
                transport=self.transport,
                follow_redirects=False,
                trust_env=not is_loopback(url),
            )
        except (ValueError, ImportError, httpx.InvalidURL, OSError):  # its text may hold a proxy's password
            raise UsageError(
                f"{access.vendor} cannot be reached through the proxy or with the certificates of the environment",
                details="where    HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE or SSL_CERT_DIR\n"
                "allowed  a proxy at http://… or https://…; SOCKS is not supported",
            ) from None

    def _key(self, access: VendorAccess) -> str | None:
        asked = self.settings.get(f"{_camel(access.vendor)}ApiKey") or self._key_in_environment(access)
        if asked and asked.strip():
            return asked.strip()
        for name in access.key_files:
            path = self.home / name
            if path.is_file():
                found = access.key_from_file(path.read_text(encoding="utf-8", errors="replace"))
                if found:
                    return found
        return None

    def _key_in_environment(self, access: VendorAccess) -> str | None:
        key = self.environment.get(access.key_variable)
        if not access.id_variable:
            return key
        name = self.environment.get(access.id_variable)
        return f"{name.strip()}:{key.strip()}" if name and key else None

    def _pace(self) -> float:
        text = self.environment.get(PACE_VARIABLE, "1")
        try:
            pace = float(text)
        except ValueError:
            pace = 0.0
        if not 0 < pace <= 1:
            raise UsageError(f"{PACE_VARIABLE} is {quote(text)}; allowed: more than 0, up to 1")
        return pace


def is_loopback(url: str) -> bool:
    """Whether a URL points to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_url(url: str, access: VendorAccess) -> None:
    try:
        parts = urlsplit(url)
        if is_loopback(url) or (parts.scheme == "https" and parts.hostname):
            return
    except ValueError:  # such as brackets that hold no address
        pass
    raise UsageError(
        f"{access.vendor}: base URL {quote(url)} would send the API key in the clear, or is no URL",
        details=f"where    {access.url_variable} or config modelyard-rental:{_camel(access.vendor)}Url\n"
        "allowed  https://…, or http:// to this machine",
    )


def _camel(vendor: str) -> str:
    return vendor.replace("-", "")
