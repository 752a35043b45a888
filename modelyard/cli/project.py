"""A Pulumi project on disk: its program, its environments, and what one of them is configured with."""

import importlib
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from modelyard.cli.yamlfile import Document, KeyPath, parse_yaml, read_yaml
from modelyard.errors import ConfigError, UnknownNameError, UsageError, nearest, quote, shorten_list
from modelyard.resources import SECRET

PROJECT_FILE = "Pulumi.yaml"
_STACK_NAME = re.compile(r"^[A-Za-z0-9_.-]{1,100}$")
_STACK_KEYS = ("config", "secretsprovider", "encryptedkey", "encryptionsalt", "environment")


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """One Pulumi project."""

    root: Path
    name: str
    program: Path
    """What runs: a folder with ``__main__.py``, or a file."""
    config_dir: Path
    defaults: Mapping[str, Any]
    """Configuration that the project file gives to every environment, by namespaced key."""

    @property
    def program_dir(self) -> Path:
        """The folder that the program runs in."""
        return self.program if self.program.is_dir() else self.program.parent

    def environments(self) -> tuple[str, ...]:
        """Names of the environments that have a stack file."""
        names = (
            path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in self.config_dir.glob("Pulumi.*.yaml")
        )
        return tuple(sorted(name for name in names if _STACK_NAME.fullmatch(name)))

    def stack_file(self, environment: str) -> Path:
        """Where the stack file of an environment is, or would be."""
        return self.config_dir / f"Pulumi.{environment}.yaml"

    def shown(self, path: Path) -> str:
        """A path for messages: from the project's folder."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.name

    def make_importable(self) -> None:
        """Let the project's own packages be imported when they are not installed."""
        if str(self.root) not in sys.path:
            sys.path.append(str(self.root))


@dataclass(frozen=True, kw_only=True, slots=True)
class StackFile:
    """What one environment is configured with."""

    environment: str
    shown: str
    """The file's name in messages."""
    config: Mapping[str, Any]
    """Values by namespaced key (``modelyard:serve``); every secret is ``SECRET``."""
    secret_keys: frozenset[str]
    """Keys that hold a secret, wholly or somewhere inside."""
    lines: Mapping[KeyPath, int]


def find_project(start: Path) -> Project:
    """The project that ``start`` is in.

    Raises:
        UsageError: there is none, or its project file cannot be used.
    """
    here = start.resolve()
    for folder in (here, *here.parents):
        if (folder / PROJECT_FILE).is_file():
            return load_project(folder)
    raise UsageError(
        f"no {PROJECT_FILE} here or in a folder above",
        details="where    this command runs a project's program, so it needs a project around it",
        resolution="run it in a clone of modelyard, or in a project made from it with `pulumi new`",
    )


def load_project(root: Path) -> Project:
    """Read ``Pulumi.yaml`` in ``root``.

    Raises:
        UsageError: it cannot be read, or names no Python program.
    """
    document = read_yaml(root / PROJECT_FILE, shown=PROJECT_FILE)
    data = document.data
    name = data.get("name")
    if not isinstance(name, str) or _STACK_NAME.fullmatch(name) is None:
        raise ConfigError(
            f"{quote(name)} is not a project name", file=PROJECT_FILE, key="name", line=document.lines.get(("name",))
        )
    runtime = data.get("runtime")
    language = cast("dict[str, Any]", runtime).get("name") if isinstance(runtime, dict) else runtime
    if language != "python":
        raise ConfigError(
            f"the program's runtime is {quote(language)}",
            file=PROJECT_FILE,
            key="runtime",
            line=document.lines.get(("runtime",)),
            allowed="python: other programs cannot run inside modelyard",
        )
    program = _inside(root, document, "main", default=".")
    if not (program.is_file() or (program / "__main__.py").is_file()):
        raise ConfigError(
            f"no program at {quote(data.get('main', '.'))}",
            file=PROJECT_FILE,
            key="main",
            line=document.lines.get(("main",)),
            allowed="a folder with __main__.py, or a Python file",
        )
    return Project(
        root=root,
        name=name,
        program=program,
        config_dir=_inside(root, document, "stackConfigDir", default="."),
        defaults=_defaults(data.get("config"), name),
    )


def import_project_module(name: str) -> ModuleType:
    """A module of a modelyard project, such as ``stacks.settings``; the wheel alone does not hold them.

    Raises:
        UsageError: this is not a modelyard project, so there is none.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in (name, name.partition(".")[0]):
            raise
    project = find_project(Path.cwd())
    project.make_importable()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the project {quote(project.name)} has no {name.replace('.', '/')}.py",
            resolution="run it in a clone of modelyard, or in a project made from it with `pulumi new`",
        ) from error


def load_stack(project: Project, environment: str) -> StackFile:
    """Read the stack file of one environment.

    Raises:
        UnknownNameError: there is no such environment.
        UsageError: its file cannot be read or is not a stack file.
    """
    path = project.stack_file(environment)
    if _STACK_NAME.fullmatch(environment) is None or not path.exists():
        folder = project.shown(project.config_dir)
        raise UnknownNameError(
            "environment",
            environment,
            project.environments(),
            see=f"Environments are the files {folder}/Pulumi.<env>.yaml; `modelyard init` writes one.",
        )
    shown = project.shown(path)
    return _stack_file(project, environment, shown, read_yaml(path, shown=shown))


def parse_stack(project: Project, environment: str, text: str) -> StackFile:
    """What ``load_stack`` makes of a stack file with this text.

    Raises:
        UsageError: it is not a stack file.
    """
    shown = project.shown(project.stack_file(environment))
    return _stack_file(project, environment, shown, parse_yaml(text, shown=shown))


def is_environment_name(name: str) -> bool:
    """Whether an environment may be called this."""
    return _STACK_NAME.fullmatch(name) is not None


def _refuse_keys(document: Document, shown: str) -> None:
    for key in document.data:
        if key not in _STACK_KEYS:
            near = nearest(key, (*_STACK_KEYS, "modelyard:serve"), count=1)
            hint = "indent it under config:" if ":" in key else f"did you mean {quote(near[0])}?" if near else None
            raise ConfigError(
                f"unknown key {quote(key)}",
                file=shown,
                key=key,
                line=document.lines.get((key,)),
                allowed=shorten_list(_STACK_KEYS),
                resolution=hint,
            )


def _stack_file(project: Project, environment: str, shown: str, document: Document) -> StackFile:
    _refuse_keys(document, shown)
    raw: object = document.data.get("config")
    if raw is not None and not isinstance(raw, dict):
        raise ConfigError(
            "config holds no keys",
            file=shown,
            key="config",
            line=document.lines.get(("config",)),
            allowed="key: value lines",
        )
    config = dict(project.defaults)
    secrets: set[str] = set()
    for key, value in cast("dict[str, Any]", raw or {}).items():
        name = _namespaced(key, project.name)
        config[name], is_secret = _without_secrets(value)
        if is_secret:
            secrets.add(name)
    lines = {
        (_namespaced(str(path[1]), project.name), *path[2:]): line
        for path, line in document.lines.items()
        if path[0] == "config" and len(path) > 1
    }
    return StackFile(environment=environment, shown=shown, config=config, secret_keys=frozenset(secrets), lines=lines)


def _inside(root: Path, document: Document, key: str, *, default: str) -> Path:
    value = document.data.get(key, default)
    path = (root / value).resolve() if isinstance(value, str) else None
    if path is None or not path.is_relative_to(root.resolve()):
        raise ConfigError(
            f"{quote(value)} is not a path inside the project",
            file=PROJECT_FILE,
            key=key,
            line=document.lines.get((key,)),
        )
    return path


def _namespaced(key: str, project: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _defaults(raw: object, project: str) -> dict[str, Any]:
    """Values that ``config:`` in the project file gives: plain, as ``value:`` or as ``default:``."""
    if not isinstance(raw, dict):
        return {}
    found: dict[str, Any] = {}
    for key, value in cast("dict[str, Any]", raw).items():
        if not isinstance(value, dict):
            found[_namespaced(key, project)] = value
            continue
        for word in ("value", "default"):
            if word in value:
                found[_namespaced(key, project)] = value[word]
                break
    return found


def _without_secrets(value: object) -> tuple[Any, bool]:
    """A value with every ``{secure: …}`` replaced, and whether there was one."""
    if isinstance(value, dict):
        mapping = cast("dict[str, object]", value)
        if set(mapping) == {"secure"}:
            return SECRET, True
        cleaned = {key: _without_secrets(item) for key, item in mapping.items()}
        return {key: item for key, (item, _) in cleaned.items()}, any(secret for _, secret in cleaned.values())
    if isinstance(value, list):
        items = [_without_secrets(item) for item in cast("list[object]", value)]
        return [item for item, _ in items], any(secret for _, secret in items)
    return value, False
