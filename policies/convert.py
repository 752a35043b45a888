"""From what the policy SDK hands out to plain resources: one property at a time, so that an unknown hides nothing else.

The SDK's proxies raise when an unknown value is touched, and a policy that lets that escape is reported as advisory, so
a ceiling would not hold in preview (pulumi-policy 1.21, ``policy.py``). Here an unknown becomes ``UNKNOWN``, a value
like any other, and the rules say what they do with it. The SDK also hands secrets out in the clear: what is known to
be secret by its name is taken out before any rule can quote it.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import getitem
from typing import cast

from pulumi_policy import Secret
from pulumi_policy.proxy import UnknownValueError

from modelyard.resources import SECRET, UNKNOWN, Resource, Value

_COMPONENTS = ("modelyard:index:", "pulumi:pulumi:Stack")
_SECRET_KEYS = frozenset({"env", "stringData", "password", "apiKey", "token", "value", "bootSecrets"})


def to_resource(
    *, urn: str, kind: str, name: str, props: Mapping[str, object], parent: str | None, has_provider: bool
) -> Resource:
    """One resource as the rules read it.

    Args:
        urn: The engine's name for it.
        kind: Type token.
        name: The name that the program gave it.
        props: Inputs as the SDK hands them out, proxies and all.
        parent: URN of the parent, when the engine told.
        has_provider: Whether the engine named its provider. It says nowhere what is a component, but a component of
            the program's own has none.
    """
    secret_data = kind == "kubernetes:core/v1:Secret"
    return Resource(
        urn=urn,
        type=kind,
        name=name,
        props=_mapping(props, secret=("data", *_SECRET_KEYS) if secret_data else tuple(_SECRET_KEYS)),
        custom=has_provider and not kind.startswith(_COMPONENTS),
        parent=parent or None,
    )


def plain(value: object) -> Value:
    """One value: numbers that are whole become whole again, what cannot be read becomes ``UNKNOWN``."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, Secret):
        return SECRET
    if isinstance(value, Mapping):
        return _mapping(cast("Mapping[str, object]", value), secret=tuple(_SECRET_KEYS))
    if isinstance(value, Sequence):
        items = cast("Sequence[object]", value)
        return [_read(partial(getitem, items, index)) for index in range(len(items))]
    # Assets and archives: rules read no files.
    return UNKNOWN


def _mapping(props: Mapping[str, object], *, secret: Sequence[str]) -> dict[str, Value]:
    # `items()` would raise at the first unknown, so every key is read on its own.
    return {key: SECRET if key in secret else _read(partial(getitem, props, key)) for key in props}


def _read(get: Callable[[], object]) -> Value:
    try:
        return plain(get())
    except UnknownValueError:
        return UNKNOWN
