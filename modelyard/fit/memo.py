"""A cache key by identity: catalog rows are deep, so hashing one costs more than the arithmetic that it would save."""

from typing import Generic, TypeVar

T = TypeVar("T")


class ById(Generic[T]):
    """Wraps a value so that ``lru_cache`` compares it by identity; the cache keeps it alive, so no id comes twice."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and hash(other) == hash(self)
