"""One environment of a project, checked: its settings, with every error brought back to its line in the stack file."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from modelyard.cli.project import Project, StackFile, find_project, import_project_module, load_stack
from modelyard.cli.yamlfile import KeyPath
from modelyard.errors import ConfigError, ModelyardError, UnknownNameError, quote

if TYPE_CHECKING:
    from stacks.settings import StackSettings

T = TypeVar("T")

SERVE = "modelyard:serve"
_WHERE_KEY = re.compile(r"^where    key ([^\s,()]+)|^where    ([a-z][a-z_]*)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """One environment, ready to be planned or run."""

    project: Project
    stack: StackFile
    settings: "StackSettings | None"
    """None when the project's program is not modelyard's."""


def load_environment(name: str, *, start: Path, now: datetime | None = None) -> Environment:
    """Read and check one environment of the project around ``start``.

    Args:
        name: the environment.
        start: a folder inside the project.
        now: the time to hold deadlines against; None: the clock's.

    Raises:
        UsageError: no project, no such environment, or something in its file that is not allowed.
    """
    project = find_project(start)
    stack = load_stack(project, name)
    project.make_importable()
    is_ours = project.name == "modelyard" or any(key.startswith("modelyard:") for key in stack.config)
    settings = check_settings(stack, now=now or datetime.now(UTC)) if is_ours else None
    return Environment(project=project, stack=stack, settings=settings)


def check_settings(stack: StackFile, *, now: datetime) -> "StackSettings":
    """The settings of a stack file.

    Raises:
        ConfigError: something in it is not allowed, or its deadline is over.
    """
    settings: StackSettings = import_project_module("stacks.settings").parse_settings(
        stack.config, file=stack.shown, lines=stack.lines
    )
    until = settings.serve.life.until if settings.serve.life else None
    if until is not None and until <= now:
        path: KeyPath = (SERVE, "life", "until")
        raise ConfigError(
            f"{quote(until.isoformat())} is over",
            file=stack.shown,
            key=f"{SERVE}.life.until",
            line=stack.lines.get(path),
            allowed=f"a moment after {now.isoformat(timespec='seconds')}",
        )
    return settings


def locating(stack: StackFile, work: Callable[[], T]) -> T:
    """Do ``work``; an error about something that stands in the stack file gains its place there.

    The core knows values and keys, not files: an unknown name that it refuses is looked up among the file's keys and
    values, a key that it names is looked up by its path.

    Raises:
        ModelyardError: what ``work`` raised.
    """
    try:
        return work()
    except ModelyardError as error:
        _add_place(error, stack)
        raise


def _add_place(error: ModelyardError, stack: StackFile) -> None:
    details = error.details or ""
    named = _WHERE_KEY.search(details)
    if isinstance(error, UnknownNameError) and "where " not in details:
        path = _find(stack.config, error.name, ())
        if path is not None:
            error.details = "\n".join(part for part in (f"where    {_place(stack, path)}", details) if part)
        return
    if isinstance(error, ConfigError) and error.line is None and error.key is not None:
        path = _by_name(stack, error.key)
        if path is not None:
            error.file, error.key, error.line = stack.shown, show_path(path), stack.lines.get(path)
            allowed = f"\nallowed  {error.allowed}" if error.allowed else ""
            error.details = f"where    {_place(stack, path)}{allowed}"
    elif named is not None:
        key = named[1] or f"{SERVE}.{named[2].replace('_', '-')}"
        path = _by_name(stack, key)
        place = f"where    {_place(stack, path)}" if path else f"where    {stack.shown}, key {key}"
        error.details = _WHERE_KEY.sub(lambda _: place, details, count=1)


def _by_name(stack: StackFile, key: str) -> KeyPath | None:
    """The path of a key as the file has it, or of the nearest key around it; its namespace may be left out."""
    by_name = {show_path(path): path for path in stack.lines}
    for prefix in ("", "modelyard:", f"{SERVE}."):
        wanted = f"{prefix}{key}"
        while wanted.removesuffix(".") not in ("", SERVE):
            if wanted in by_name:
                return by_name[wanted]
            wanted = wanted.rpartition(".")[0]
    return None


def _place(stack: StackFile, path: KeyPath) -> str:
    line = stack.lines.get(path)
    return f"{stack.shown}:{line}, key {show_path(path)}" if line else f"{stack.shown}, key {show_path(path)}"


def _find(value: object, wanted: str, path: KeyPath) -> KeyPath | None:
    """Where a name stands in the configuration, as a value or as a key."""
    if isinstance(value, str):
        return path if value.strip().lower() == wanted.strip().lower() else None
    pairs: Sequence[tuple[str | int, object]] = ()
    if isinstance(value, Mapping):
        mapping = cast("Mapping[str, object]", value)
        if wanted in mapping:
            return (*path, wanted)
        pairs = list(mapping.items())
    elif isinstance(value, list):
        pairs = list(enumerate(cast("list[object]", value)))
    for step, item in pairs:
        found = _find(item, wanted, (*path, step))
        if found is not None:
            return found
    return None


def show_path(path: Sequence[str | int]) -> str:
    """A key path for people: ``modelyard:serve.place.vendors[0]``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
