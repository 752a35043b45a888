"""Typed reading of ``config.json``: keys have several spellings, and other people's files hold surprises."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import cast

from modelyard.errors import UsageError, quote

TEXT_SECTIONS = ("text_config", "llm_config", "language_config", "thinker_config")
"""Where multimodal models keep the facts of their language model."""

_AGAIN = "fetch the file again, or name the model on the hub"

MOST = 1 << 40
"""No count in a config is larger."""


class Config:
    """One JSON object, read key by key; the first of several spellings that is set counts."""

    def __init__(self, raw: Mapping[str, object], *, where: str) -> None:
        self._raw = raw
        self.where = where

    def has(self, key: str) -> bool:
        """Whether ``key`` is set to anything but null."""
        return self._raw.get(key) is not None

    def value(self, *keys: str) -> object | None:
        """The first of ``keys`` that is set."""
        return next((self._raw[key] for key in keys if self._raw.get(key) is not None), None)

    def integer(self, *keys: str) -> int | None:
        """A count.

        Raises:
            UsageError: set, but no whole number from 0 up.
        """
        value = self.value(*keys)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST:
            raise self.refused(keys, value, "a whole number, 0 or more")
        return value

    def count(self, *keys: str) -> int | None:
        """A count that may be left out but cannot be 0.

        Raises:
            UsageError: 0, or no count.
        """
        value = self.integer(*keys)
        if value == 0:
            raise self.refused(keys, value, "a whole number, 1 or more")
        return value

    def need(self, *keys: str) -> int:
        """A count without which there is no model.

        Raises:
            UsageError: missing, 0 or no count.
        """
        value = self.count(*keys)
        if value is None:
            raise UsageError(
                f"{self.where} has no {quote(keys[0])}: it does not describe a language model that can be sized",
                details=f"where    {self.where}, key {keys[0]}",
                resolution="`modelyard models` lists models whose facts are known",
            )
        return value

    def text(self, *keys: str) -> str | None:
        """A string; None when missing or something else."""
        value = self.value(*keys)
        return value if isinstance(value, str) else None

    def word(self, *keys: str) -> str | None:
        """A string that is shown to people: anything but letters, digits, ``.``, ``_`` and ``-`` becomes a dash."""
        value = self.text(*keys)
        return re.sub(r"[^\w.-]+", "-", value, flags=re.ASCII)[:40] if value is not None else None

    def flag(self, *keys: str) -> bool | None:
        """True or false; None when missing or something else."""
        value = self.value(*keys)
        return value if isinstance(value, bool) else None

    def items(self, *keys: str) -> tuple[object, ...] | None:
        """A list; None when missing or something else."""
        value = self.value(*keys)
        if isinstance(value, str) or not isinstance(value, Sequence):
            return None
        return tuple(cast("Sequence[object]", value))

    def section(self, key: str) -> "Config | None":
        """A nested object; None when missing or something else."""
        value = self._raw.get(key)
        if not isinstance(value, Mapping):
            return None
        return Config(cast("Mapping[str, object]", value), where=f"{self.where}, {key}")

    def values(self) -> tuple[object, ...]:
        """Every value."""
        return tuple(self._raw.values())

    def sections(self) -> tuple["Config", ...]:
        """Every nested object."""
        return tuple(found for key in self._raw if (found := self.section(key)) is not None)

    def over(self, defaults: Mapping[str, object]) -> "Config":
        """The same, with ``defaults`` for what is not set."""
        given = {key: value for key, value in self._raw.items() if value is not None}
        return Config({**defaults, **given}, where=self.where)

    def language_model(self) -> "Config":
        """The part that describes the language model, with the whole's keys for what it does not set."""
        for key in TEXT_SECTIONS:
            nested = self.section(key)
            if nested is not None:
                return nested.language_model().over(self._raw)
        return self

    def refused(self, keys: Sequence[str], value: object, allowed: str) -> UsageError:
        """The error for a value that cannot be."""
        key = next(key for key in keys if self.has(key))
        return UsageError(
            f"{self.where} has an impossible {key}: {quote(value)}",
            details=f"where    {self.where}, key {key}\nallowed  {allowed}",
            resolution="correct the key, or fetch the file again",
        )


def parse_config(data: bytes, *, where: str) -> Config:
    """Read a JSON object.

    Raises:
        UsageError: empty, a Git LFS pointer, not JSON, or no object.
    """
    if not data.strip(b"\0\t\r\n "):
        raise UsageError(f"{where} is empty", details=f"where    {where}, {len(data):,} bytes", resolution=_AGAIN)
    if data.startswith(b"version https://git-lfs"):
        raise UsageError(
            f"{where} is a Git LFS pointer, not the file itself",
            details=f"where    {where}",
            resolution="run `git lfs pull` in the folder, or fetch the model with `hf download`",
        )
    try:
        raw: object = json.loads(data)
    except (ValueError, RecursionError) as error:
        why = str(error) if isinstance(error, json.JSONDecodeError) else type(error).__name__
        raise UsageError(
            f"{where} is not JSON", details=f"where    {where}\nbecause  {why}", resolution=_AGAIN
        ) from None
    if not isinstance(raw, dict):
        why = f"it holds {quote(type(raw).__name__)}"
        raise UsageError(
            f"{where} is not a JSON object", details=f"where    {where}\nbecause  {why}", resolution=_AGAIN
        )
    return Config(cast("dict[str, object]", raw), where=where)
