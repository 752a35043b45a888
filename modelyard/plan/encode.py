"""A Plan as JSON, whole: for files, comparisons and whoever wants every decision. The same plan gives the same text."""

import dataclasses
import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any, cast

from modelyard.catalog.gpus import Gpu
from modelyard.catalog.models import Model
from modelyard.plan.types import Plan

SCHEMA = "modelyard.plan/1"


def plan_to_json(plan: Plan, *, indent: int | None = None) -> str:
    """Everything in a plan: money as decimal strings, times as ISO text, catalog rows by name.

    Args:
        plan: What to write.
        indent: Spaces per level; None: one line.
    """
    return json.dumps({"schema": SCHEMA, **_fields(plan)}, indent=indent, sort_keys=True, ensure_ascii=False)


def _plain(value: object) -> Any:  # noqa: ANN401  # JSON has many types
    plain: Any
    match value:
        case Model() | Gpu():
            plain = value.name
        case Enum():
            plain = value.value
        case None | bool() | int() | float() | str():
            plain = value
        case Decimal():
            plain = str(value)
        case date():
            plain = value.isoformat()
        case Mapping():
            plain = {str(key): _plain(inner) for key, inner in cast("Mapping[str, object]", value).items()}
        case tuple() | list():
            plain = [_plain(inner) for inner in cast("tuple[object, ...]", value)]
        case _:
            plain = _fields(value)
    return plain


def _fields(value: object) -> dict[str, Any]:
    if not dataclasses.is_dataclass(value):
        raise TypeError(f"a plan cannot hold {type(value).__name__}")
    return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
