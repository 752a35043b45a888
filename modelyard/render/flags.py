"""One engine flag and one value as arguments, with the type, range and choice checks of the engine's own parser."""

import json
import math
import re
from collections.abc import Mapping
from typing import Final

from modelyard.catalog.engines import Flag
from modelyard.errors import ConfigError, UnknownNameError, quote
from modelyard.spec import FlagValue

_HUMAN: Final = re.compile(r"(\d+(\.\d+)?[kmgt]|\d+[KMGT]?)")
_BOUND_WORDS: Final = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
_WANTED: Final[Mapping[str, str]] = {
    "bool": "true or false",
    "flag": "true or false",
    "int": "a whole number",
    "float": "a number",
    "int-or-human": "a whole number, or one with k, m, g (× 1000) or K, M, G (× 1024)",
    "int-or-human-or-auto": "a whole number, one with k, m, g (× 1000) or K, M, G (× 1024), or auto",
    "json": "JSON text, such as '{\"key\": 1}'",
    "str": "text",
}


def render_flag(name: str, flag: str, facts: Flag, value: FlagValue, *, is_negation: bool = False) -> list[str]:
    """The arguments that set ``flag`` to ``value``.

    Args:
        name: the key as the user wrote it, for messages.
        flag: the spelling to render, ``--max-num-seqs``, or with a path for JSON flags: ``--compilation-config.level``.
        facts: what the pinned engine version says of the flag.
        value: the user's value.
        is_negation: the user wrote a spelling that sets the flag to false.

    Raises:
        ConfigError: the value is of the wrong type or out of range.
        UnknownNameError: the value is not one of the flag's choices.
    """
    main, _, path = flag.partition(".")
    if facts.type in {"bool", "flag"}:
        return _switch(name, main, facts, value, is_negation=is_negation)
    if is_negation:
        raise _bad(name, facts, value)
    if path:
        if not facts.type.startswith("json"):
            raise ConfigError(
                f"{quote(name)} has a dot, but {main} does not take JSON", key=_key(name), allowed=_WANTED["str"]
            )
        return [flag, _scalar(value)]
    if facts.type == "str-or-bare" and value is True:
        return [flag]
    return [flag, _text(name, facts, value)]


def _switch(name: str, flag: str, facts: Flag, value: FlagValue, *, is_negation: bool) -> list[str]:
    if not isinstance(value, bool):
        raise _bad(name, facts, value)
    if value is not is_negation:
        return [flag]
    if facts.negations:
        preferred = f"--no-{flag.removeprefix('--')}"
        return [preferred if preferred in facts.negations else facts.negations[0]]
    return []


def _text(name: str, facts: Flag, value: FlagValue) -> str:
    if isinstance(value, bool):
        raise _bad(name, facts, value)
    text = _scalar(value)
    kind = facts.type
    if kind == "int":
        _number(name, facts, value, whole=True)
    elif kind == "float":
        _number(name, facts, value, whole=False)
    elif kind.startswith("int-or-human"):
        is_auto = kind.endswith("-or-auto") and text in {"auto", "-1"}
        if not is_auto and _HUMAN.fullmatch(text) is None:
            raise _bad(name, facts, value)
    elif kind == "json":
        _require_json(name, facts, value)
    elif not text or text.startswith("-") or any(not c.isprintable() for c in text):
        raise _bad(name, facts, value)
    folded = text.lower().replace("-", "_") if kind == "str-folded" else text
    if facts.choices and folded not in facts.choices:
        raise UnknownNameError(f"value of {name}", text, facts.choices)
    return text


def _number(name: str, facts: Flag, value: FlagValue, *, whole: bool) -> None:
    if isinstance(value, str) or (whole and not isinstance(value, int)) or not math.isfinite(value):
        raise _bad(name, facts, value)
    tests = {"ge": float.__ge__, "gt": float.__gt__, "le": float.__le__, "lt": float.__lt__}
    for bound, limit in facts.bounds.items():
        if bound in tests and not tests[bound](float(value), float(limit)):
            raise ConfigError(
                f"{quote(value)} is out of range for {quote(name)}",
                key=_key(name),
                allowed=" and ".join(f"{_BOUND_WORDS[b]} {limit:g}" for b, limit in facts.bounds.items()),
            )


def _require_json(name: str, facts: Flag, value: FlagValue) -> None:
    try:
        parsed: object = json.loads(str(value))
    except ValueError as error:
        raise _bad(name, facts, value) from error
    if not isinstance(parsed, dict | list):
        raise _bad(name, facts, value)


def _scalar(value: FlagValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _bad(name: str, facts: Flag, value: object) -> ConfigError:
    return ConfigError(
        f"{quote(value)} does not suit {quote(name)}",
        key=_key(name),
        allowed=_WANTED.get(facts.type, _WANTED["str"]),
    )


def _key(name: str) -> str:
    return f"engine.args.{name}"
