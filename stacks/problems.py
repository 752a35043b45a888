"""pydantic's refusals, said in the words of the stack file: what, where, what is allowed, what to do."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from modelyard.errors import ConfigError, nearest, quote, shorten_list

KeyPath = tuple[str | int, ...]
Lines = Mapping[KeyPath, int]
"""Line of each key, by its path: ``("modelyard:serve", "place", "vendors", 0)``."""

M = TypeVar("M", bound=BaseModel)

_MAX_SHOWN = 6
_MISSING = " is missing"


def validate(model: type[M], raw: Mapping[str, object], *, file: str, lines: Lines) -> M:
    """``raw`` as a ``model``.

    Raises:
        ConfigError: the first problem in the order of the file; its resolution lists the others.
    """
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        found = [_problem(model, facts, file, lines) for facts in errors]
        found = [e for e in found if not _is_misspelt(e, found)]
        raise _combine(found) from None


def show_path(path: Sequence[str | int]) -> str:
    """A key path for people: ``modelyard:serve.place.vendors[0]``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def line_of(path: KeyPath, lines: Lines) -> int | None:
    """The line of the key, or of the nearest key around it."""
    for end in range(len(path), 0, -1):
        if path[:end] in lines:
            return lines[path[:end]]
    return None


def _combine(found: list[ConfigError]) -> ConfigError:
    found.sort(key=lambda e: (_is_missing(e), e.line or 0))
    first, rest = found[0], found[1:]
    if not rest:
        return first
    shown = [f"  {_place(e)}: {e.brief}" for e in rest[:_MAX_SHOWN]]
    if len(rest) > _MAX_SHOWN:
        shown.append(f"  and {len(rest) - _MAX_SHOWN} more")
    also = "\n".join(("also wrong", *shown))
    resolution = f"{first.resolution}\n{also}" if first.resolution else also
    return ConfigError(
        first.brief, file=first.file, key=first.key, line=first.line, allowed=first.allowed, resolution=resolution
    )


def _is_missing(error: ConfigError) -> bool:
    return error.brief.endswith(_MISSING)


def _is_misspelt(error: ConfigError, others: Sequence[ConfigError]) -> bool:
    """Whether a missing key is the one that an unknown key beside it was meant to be."""
    if not _is_missing(error):
        return False
    meant = f"did you mean {error.brief.removesuffix(_MISSING)}?"
    return any(other.resolution == meant for other in others)


def _place(error: ConfigError) -> str:
    line = f"line {error.line}, " if error.line else ""
    return f"{line}{error.key}"


def _problem(model: type[BaseModel], facts: ErrorDetails, file: str, lines: Lines) -> ConfigError:
    context: dict[str, Any] = facts.get("ctx") or {}
    path: KeyPath = tuple(step for step in facts["loc"] if step != "[key]") + tuple(context.get("at", ()))
    kind: str = facts["type"]
    if kind == "modelyard":
        problem, allowed, hint = context["problem"], context["allowed"], context["hint"]
    elif kind == "missing":
        problem, allowed, hint = f"{quote(path[-1])}{_MISSING}", "", _what_goes_here(model, path)
    elif kind == "extra_forbidden":
        problem, allowed, hint = _unknown_key(model, path)
    else:
        problem, allowed, hint = _plain(kind, facts["input"], context)
    return ConfigError(
        problem,
        file=file,
        key=show_path(path),
        line=line_of(path, lines),
        allowed=allowed or None,
        resolution=hint or None,
    )


def _keys_at(model: type[BaseModel], path: KeyPath) -> dict[str, str]:
    """The keys that may stand at ``path``, each with its description."""
    schema: dict[str, Any] = model.model_json_schema(by_alias=True)
    here: dict[str, Any] = schema
    for step in path:
        here = here.get("properties", {}).get(step, {}) if isinstance(step, str) else here.get("items", {})
        options = [here, *here.get("anyOf", ()), *here.get("allOf", ())]
        reference = next((o["$ref"] for o in options if "$ref" in o), None)
        if reference is not None:
            here = schema["$defs"][reference.rsplit("/", 1)[1]]
    return {name: field.get("description", "") for name, field in here.get("properties", {}).items()}


def _unknown_key(model: type[BaseModel], path: KeyPath) -> tuple[str, str, str]:
    key = str(path[-1])
    known = list(_keys_at(model, path[:-1]))
    near = nearest(key, known, count=1)
    hint = f"did you mean {quote(near[0])}?" if near else ""
    return f"unknown key {quote(key)}", shorten_list(known, limit=16), hint


def _what_goes_here(model: type[BaseModel], path: KeyPath) -> str:
    description = _keys_at(model, path[:-1]).get(str(path[-1]), "")
    return f"add {path[-1]}: {description}" if description else f"add {path[-1]}"


def _plain(kind: str, value: object, context: Mapping[str, object]) -> tuple[str, str, str]:
    """The problem, what is allowed and a hint for one of pydantic's own kinds of error."""
    shown = quote(_as_yaml(value))
    if kind in ("enum", "literal_error"):
        names = [part.strip(" '") for part in str(context["expected"]).replace(" or ", ", ").split(",")]
        near = nearest(str(value), names, count=1)
        hint = f"did you mean {quote(near[0])}?" if near else ""
        return f"{shown} is not one of the choices", ", ".join(names), hint
    for bound, (words, size) in _BOUNDS.items():
        if bound in context:
            return f"{shown} is too {size}", f"{words} {context[bound]:,}", ""
    if kind == "too_long":
        return f"{context['actual_length'] or 'too many'} entries", f"at most {context['max_length']}", ""
    if kind == "too_short":
        return "an empty list chooses nothing", "one entry or more", "leave the key out to set no filter"
    hint = f"write [{value}]" if kind == "tuple_type" and isinstance(value, str) and len(value) < 40 else ""
    for prefix, (problem, allowed) in _KINDS.items():
        if kind.startswith(prefix):
            return f"{shown} {problem}", allowed, hint
    return f"{shown} is not allowed here", "", ""


_BOUNDS = {
    "ge": ("at least", "small"),
    "gt": ("more than", "small"),
    "le": ("at most", "large"),
    "lt": ("less than", "large"),
}
_KINDS = {
    "bool": ("is neither true nor false", "true or false"),
    "int": ("is not a whole number", "a whole number"),
    "model": ("stands where a group of keys is expected", "keys and values, indented under this key"),
    "dict": ("stands where a group of keys is expected", "keys and values, indented under this key"),
    "tuple": ("is not a list", "a list such as [one, two]"),
    "string": ("is not text", "text; put it in quotes when it looks like a number"),
}


def _as_yaml(value: object) -> object:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return value
