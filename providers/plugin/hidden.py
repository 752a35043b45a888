"""What no error and no line of the log may hold: every secret that the engine or a vendor's key file has given us."""

from collections.abc import Iterable, Mapping

from pulumi.provider.experimental.property_value import PropertyValue

from providers.base.http import HIDDEN

_SHORTEST = 6
"""Shorter texts are no secrets worth the name, and hiding them would tear every sentence apart."""


class Hidden:
    """Secrets seen so far by this process. They stay in its memory."""

    def __init__(self) -> None:
        self._texts: set[str] = set()

    def add(self, texts: Iterable[str]) -> None:
        """Remember texts."""
        self._texts.update(text for text in texts if len(text) >= _SHORTEST)

    def learn(self, values: Mapping[str, PropertyValue]) -> None:
        """Remember every text in values that the engine marks as secret."""
        for value in values.values():
            self._learn(value, is_secret=False)

    def hide(self, text: str) -> str:
        """The text without them."""
        for secret in sorted(self._texts, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return text

    def _learn(self, value: PropertyValue, *, is_secret: bool) -> None:
        secret, inner = is_secret or value.is_secret, value.value
        if isinstance(inner, str) and secret:
            self.add([inner])
        elif isinstance(inner, Mapping):
            for item in inner.values():
                self._learn(item, is_secret=secret)
        elif isinstance(inner, tuple):  # how a property value keeps every sequence
            for item in inner:
                self._learn(item, is_secret=secret)
