"""Field types of the stack file: text becomes a quantity here, and a refusal says what is allowed.

pydantic's own messages talk about Python; everything that a user can get wrong is refused in the words of the stack
file instead, through ``refuse``.
"""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainValidator
from pydantic_core import PydanticCustomError

from modelyard.catalog import engines, gpus, models
from modelyard.errors import UnknownNameError, UsageError, nearest, quote, shorten_list
from modelyard.spec import FlagValue
from modelyard.units import parse_duration, parse_tokens, parse_usd

_LABEL = re.compile(r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
_FLAG = re.compile(r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")
_PATH = re.compile(r"^(/[A-Za-z0-9_][A-Za-z0-9._-]*)+$")
_REGION = re.compile(r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}$")
_GO_TIME = re.compile(r"^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?) ([+-]\d{4}) \S+$")
"""What Pulumi makes of a moment that stands in a stack file without quotes: ``2026-12-01 18:00:00 +0000 UTC``."""
_HUB_OR_NAME = re.compile(r"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?$", re.ASCII)
_HUB_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*(:[A-Za-z0-9_]+)?$")
_ADAPTER = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$|^(/[A-Za-z0-9_][A-Za-z0-9._-]*)+$")
_RESERVED_FLAGS = {
    "api-key": "the key is a secret: modelyard makes one and hands it over in the environment",
    "hf-token": "the token is a secret: it goes to the machine in its environment",
    "host": "the gateway in front of the engine decides what is reachable",
    "port": "the catalog pins the engine's port",
    "model": "say it with the key model",
}


def refuse(problem: str, *, allowed: str = "", hint: str = "", at: tuple[str | int, ...] = ()) -> PydanticCustomError:
    """A refusal in plain words.

    Args:
        problem: what is wrong, the value quoted.
        allowed: what would be right.
        hint: what to do, such as the nearest match.
        at: keys below the field that the refusal is about.
    """
    facts = {"problem": problem, "allowed": allowed, "hint": hint, "at": at}
    return PydanticCustomError("modelyard", "{problem}", facts)


def refuse_name(error: UnknownNameError, *, at: tuple[str | int, ...] = ()) -> PydanticCustomError:
    """The refusal that says what an ``UnknownNameError`` says."""
    allowed = (error.details or "").removeprefix("allowed  ")
    return refuse(error.brief, allowed=allowed, hint=error.resolution or "", at=at)


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise refuse(
            f"{quote(_yaml_word(value))} is not {what}", allowed="text; put it in quotes when it looks like a number"
        )
    return value


def _yaml_word(value: object) -> object:
    """A value as it stands in YAML, not as Python writes it."""
    return "null" if value is None else str(value).lower() if isinstance(value, bool | float) else value


def _matching(pattern: re.Pattern[str], what: str, allowed: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        text = _text(value, what)
        if pattern.fullmatch(text) is None:
            raise refuse(f"{quote(text)} is not {what}", allowed=allowed)
        return text

    return check


def _quantity(parse: Callable[[object], object]) -> Callable[[object], object]:
    def check(value: object) -> object:
        try:
            return parse(value)
        except UsageError as error:
            raise refuse(error.brief, allowed=(error.details or "").removeprefix("allowed  ")) from error

    return check


def _tokens(value: object) -> int:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return parse_tokens(value if is_number or isinstance(value, str) else str(_yaml_word(value)))  # type: ignore[arg-type]  # an int or a str


def _seconds(value: object) -> int:
    return parse_duration(value if isinstance(value, str) else f"{_yaml_word(value)} (no unit)")


def _usd(value: object) -> Decimal:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return parse_usd(value)
    return parse_usd(str(_yaml_word(value)).removeprefix("$"))


def _moment(value: object) -> datetime:
    allowed = "a date and time with its zone, such as 2026-12-01T18:00:00Z"
    if isinstance(value, datetime):
        moment = value
    else:
        try:
            moment = datetime.fromisoformat(_GO_TIME.sub(r"\1T\2\3", _text(value, "a time")))
        except ValueError as error:
            raise refuse(f"{quote(value)} is not a time", allowed=allowed) from error
    if moment.tzinfo is None:
        raise refuse(f"{quote(value)} has no time zone", allowed=allowed, hint="add Z for UTC")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise refuse(f"{quote(value)} is not a time", allowed=allowed) from error


def _model(value: object) -> str:
    allowed = "a catalog name such as llama-3.3-70b, or org/name on the hub; `modelyard models` lists them"
    text = _matching(_HUB_OR_NAME, "a model", allowed)(value)
    try:
        models.find_model(text)
    except UnknownNameError as error:
        if "/" in text:
            hint = (
                f"`modelyard models` lists what a stack can serve; `modelyard models add {text} --write …` adds a row "
                "from the hub"
            )
            raise refuse(error.brief, allowed=(error.details or "").removeprefix("allowed  "), hint=hint) from error
        raise refuse_name(error) from error
    return text


def _gpu(value: object) -> str:
    try:
        gpu = gpus.find_gpu(_text(value, "a GPU"))
    except UnknownNameError as error:
        raise refuse_name(error) from error
    if gpu.is_apple:
        raise refuse(
            f"{gpu.title} is no GPU of a server",
            allowed="`modelyard gpus` lists them",
            hint=f"`modelyard fit MODEL --gpu {gpu.name}` says what runs on a Mac",
        )
    return gpu.name


def _engine_name(value: object) -> str:
    try:
        engine = engines.find_engine(_text(value, "an engine"))
    except UnknownNameError as error:
        raise refuse_name(error) from error
    if not engine.can_serve:
        served = [e.name for e in engines.load_engines() if e.can_serve]
        raise refuse(f"modelyard knows {engine.title} but does not deploy it", allowed=shorten_list(served))
    return engine.name


def one_of(known: Callable[[], tuple[str, ...]], what: str) -> Callable[[object], str]:
    """A check for a name out of a list that is read when it is needed."""

    def check(value: object) -> str:
        text = _text(value, f"a {what}").strip().lower()
        names = known()
        if text not in names:
            near = nearest(text, names)
            hint = f"did you mean {' or '.join(quote(n) for n in near)}?" if near else ""
            raise refuse(f"unknown {what} {quote(text)}", allowed=shorten_list(names), hint=hint)
        return text

    return check


def _flag_name(value: object) -> str:
    text = _text(value, "a flag")
    if text.startswith("-"):
        raise refuse(
            f"{quote(text)} starts with a dash", allowed=f"the flag without its dashes: {quote(text.lstrip('-'))}"
        )
    if _FLAG.fullmatch(text) is None:
        near = text.lower().replace("_", "-")
        hint = f"did you mean {quote(near)}?" if _FLAG.fullmatch(near) else ""
        raise refuse(f"{quote(text)} is not a flag", allowed="lower-case words joined by dashes", hint=hint)
    if text in _RESERVED_FLAGS:
        raise refuse(f"the flag {quote(text)} cannot be set here", hint=_RESERVED_FLAGS[text])
    return text


def _flag_value(value: object) -> FlagValue:
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, str) and value.isprintable() and 0 < len(value) <= 1000:
        return value
    raise refuse(f"{quote(value)} is not the value of a flag", allowed="a number, true, false, or one line of text")


def _host(value: object) -> str:
    allowed = "a DNS name such as llm.example.com"
    text = _text(value, "a host name").lower()
    labels = text.split(".")
    if len(text) > 253 or len(labels) < 2 or any(_LABEL.fullmatch(label) is None for label in labels):
        raise refuse(f"{quote(text)} is not a host name", allowed=allowed)
    return text


def _suggest(names: Callable[[], list[str]]) -> Callable[[dict[str, Any]], None]:
    """Offer catalog names in the editor without refusing other spellings: aliases and hub ids are read as well."""

    def extend(schema: dict[str, Any]) -> None:
        schema["examples"] = names()

    return extend


Tokens = Annotated[
    int,
    BeforeValidator(
        _quantity(_tokens),
        json_schema_input_type=Annotated[int, Field(ge=1)] | Annotated[str, Field(pattern=r"^\d+(\.\d+)?[kKmM]?$")],
    ),
]
Duration = Annotated[
    int,
    BeforeValidator(
        _quantity(_seconds), json_schema_input_type=Annotated[str, Field(pattern=r"^(\d+d)? *(\d+h)? *(\d+m(in)?)?$")]
    ),
]
Usd = Annotated[
    Decimal,
    BeforeValidator(
        _quantity(_usd),
        json_schema_input_type=Annotated[float, Field(gt=0)] | Annotated[str, Field(pattern=r"^\$?\d+(\.\d+)?$")],
    ),
]
Moment = Annotated[
    datetime,
    BeforeValidator(_moment, json_schema_input_type=Annotated[str, Field(json_schema_extra={"format": "date-time"})]),
]
ModelName = Annotated[
    str,
    PlainValidator(
        _model,
        json_schema_input_type=Annotated[
            str, Field(json_schema_extra=_suggest(lambda: [m.name for m in models.load_models()]))
        ],
    ),
]
GpuName = Annotated[
    str,
    PlainValidator(
        _gpu,
        json_schema_input_type=Annotated[
            str, Field(json_schema_extra=_suggest(lambda: [g.name for g in gpus.load_server_gpus()]))
        ],
    ),
]
EngineName = Annotated[
    str,
    PlainValidator(
        _engine_name,
        json_schema_input_type=Annotated[
            str, Field(json_schema_extra=_suggest(lambda: [e.name for e in engines.load_engines() if e.can_serve]))
        ],
    ),
]
FlagName = Annotated[
    str, PlainValidator(_flag_name, json_schema_input_type=Annotated[str, Field(pattern=_FLAG.pattern)])
]
FlagSetting = Annotated[FlagValue, PlainValidator(_flag_value, json_schema_input_type=str | int | float | bool)]
HubId = Annotated[
    str,
    PlainValidator(
        _matching(_HUB_ID, "a repository on the hub", "org/name, or org/name:Q4_K_M of a GGUF repository"),
        json_schema_input_type=Annotated[str, Field(pattern=_HUB_ID.pattern)],
    ),
]
AdapterSource = Annotated[
    str,
    PlainValidator(
        _matching(_ADAPTER, "where an adapter lies", "org/name on the hub, or a folder such as /models/my-adapter"),
        json_schema_input_type=Annotated[str, Field(pattern=_ADAPTER.pattern)],
    ),
]
HostName = Annotated[str, PlainValidator(_host, json_schema_input_type=str)]
Label = Annotated[
    str,
    PlainValidator(
        _matching(_LABEL, "a Kubernetes name", "lower-case letters, digits and dashes, at most 63"),
        json_schema_input_type=Annotated[str, Field(pattern=_LABEL.pattern)],
    ),
]
FolderPath = Annotated[
    str,
    PlainValidator(
        _matching(_PATH, "a folder on the machine", "an absolute path such as /models, without '..' or spaces"),
        json_schema_input_type=Annotated[str, Field(pattern=_PATH.pattern)],
    ),
]
Region = Annotated[
    str,
    PlainValidator(
        _matching(_REGION, "a region", "a vendor's region such as us-east-1"),
        json_schema_input_type=Annotated[str, Field(pattern=_REGION.pattern)],
    ),
]
RuleName = Annotated[
    str,
    PlainValidator(
        _matching(_FLAG, "a rule", "a rule's name such as hourly-ceiling; docs/rules.md lists them"),
        json_schema_input_type=Annotated[str, Field(pattern=_FLAG.pattern)],
    ),
]
ShortText = Annotated[
    str,
    PlainValidator(
        _matching(re.compile(r"[!-~]([ -~]{0,198}[!-~])?"), "a name", "one line of at most 200 plain characters"),
        json_schema_input_type=Annotated[str, Field(min_length=1, max_length=200)],
    ),
]
