"""YAML as Pulumi reads it, with the line of every key, and refusals that name the file, the line and the column.

Pulumi reads stack files with a YAML 1.2 parser: ``no`` is text, ``0x10`` a number, a date stays text. PyYAML's own
resolver is YAML 1.1, so the words that become numbers or truth are decided here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from modelyard.errors import ConfigError, UsageError, quote

KeyPath = tuple[str | int, ...]

MAX_BYTES = 256 * 1024
MAX_NODES = 10_000
MAX_DEPTH = 40
MAX_NUMBER = 40

_NULL = re.compile(r"^(~|null|Null|NULL|)$")
_BOOL = re.compile(r"^(true|True|TRUE|false|False|FALSE)$")
_INT = re.compile(r"^[-+]?(0|[1-9][0-9]*|0o[0-7]+|0x[0-9a-fA-F]+)$")
_FLOAT = re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$|^[-+]?\.(inf|Inf|INF)$|^\.(nan|NaN|NAN)$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A mapping read from a file, and where each of its keys stands."""

    data: dict[str, Any]
    lines: Mapping[KeyPath, int]
    """Line (from 1) of each key and list item, by its path."""


def read_yaml(path: Path, *, shown: str) -> Document:
    """Read a file that holds one mapping.

    Args:
        path: the file.
        shown: its name in messages.

    Raises:
        UsageError: it cannot be read, is too large, or is not text.
        ConfigError: it is not YAML, not a mapping, repeats a key, or unfolds to far more than it holds.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read {quote(shown)}", details=f"because  {error.strerror or error}") from error
    if len(content) > MAX_BYTES:
        raise UsageError(f"{quote(shown)} is too large", details=f"allowed  at most {MAX_BYTES // 1024} KiB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigError(
            f"byte 0x{content[error.start]:02x} is not UTF-8 text",
            file=shown,
            line=line,
            allowed="a text file in UTF-8",
        ) from error
    return parse_yaml(text, shown=shown)


def parse_yaml(text: str, *, shown: str) -> Document:
    """Read YAML text that holds one mapping.

    Raises:
        ConfigError: it is not YAML, not a mapping, repeats a key, or unfolds to far more than it holds.
    """
    try:
        _refuse_depth(text, shown)
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, text, shown) from error
    except yaml.YAMLError as error:
        line = text[: getattr(error, "position", 0)].count("\n") + 1
        raise ConfigError(f"not YAML: {_plain(error)}", file=shown, line=line) from error
    if root is None or (isinstance(root, yaml.ScalarNode) and not root.value):
        return Document(data={}, lines={})
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError("the file holds no keys", file=shown, line=1, allowed="key: value lines")
    builder = _Builder(shown=shown, lines={})
    return Document(data=builder.mapping(root, ()), lines=builder.lines)


class _Loader(yaml.CSafeLoader):
    """Leaves every word as text: which ones are numbers is decided here."""


_Loader.yaml_implicit_resolvers = {}


def _line(thing: yaml.Node | yaml.Event) -> int:
    return thing.start_mark.line + 1 if thing.start_mark else 1


def _refuse_depth(text: str, shown: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                line = _line(event)
                raise ConfigError("nested too deeply", file=shown, line=line, allowed=f"at most {MAX_DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


@dataclass(slots=True)
class _Builder:
    """Turns nodes into plain values; every expansion of an alias counts, so that a few lines cannot fill the memory."""

    shown: str
    lines: dict[KeyPath, int]
    nodes: int = 0

    def value(self, node: yaml.Node, path: KeyPath) -> Any:  # noqa: ANN401  # whatever YAML can hold
        self.nodes += 1
        if self.nodes > MAX_NODES or len(path) > MAX_DEPTH:
            raise self._error(
                "the file unfolds to too much", node, allowed=f"at most {MAX_NODES:,} values, aliases unfolded"
            )
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            self._refuse_tag(node, "tag:yaml.org,2002:seq")
            return self._items(node, path)
        return self._scalar(cast("yaml.ScalarNode", node))

    def mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        self._refuse_tag(node, "tag:yaml.org,2002:map")
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            if key in found:
                first = self.lines[(*path, key)]
                raise self._error(
                    f"the key {quote(key)} stands twice", key_node, allowed=f"once (first in line {first})"
                )
            self.lines[(*path, key)] = _line(key_node)
            found[key] = self.value(value_node, (*path, key))
        return found

    def _items(self, node: yaml.SequenceNode, path: KeyPath) -> list[Any]:
        items: list[Any] = []
        for index, item in enumerate(node.value):
            self.lines[(*path, index)] = _line(item)
            items.append(self.value(item, (*path, index)))
        return items

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self._error("a list or mapping stands where a key is expected", node, allowed="text")
        if node.value == "<<" and not node.style:
            raise self._error("merge keys (<<) are not read here", node, allowed="the keys themselves")
        value = self._scalar(node)
        if not isinstance(value, str):
            raise self._error(
                f"the key {quote(node.value)} is not text", node, allowed=f'in quotes: "{node.value[:40]}"'
            )
        return value

    def _scalar(self, node: yaml.ScalarNode) -> Any:  # noqa: ANN401  # whatever a YAML word can mean
        text: str = node.value
        self._refuse_tag(node, "tag:yaml.org,2002:str")
        if node.style:
            return text
        if _NULL.match(text):
            return None
        if _BOOL.match(text):
            return text.lower() == "true"
        if _INT.match(text) or _FLOAT.match(text):
            return self._number(text, node)
        return text

    def _number(self, text: str, node: yaml.ScalarNode) -> int | float:
        if len(text) > MAX_NUMBER:
            raise self._error(
                f"{quote(text, limit=30)} is too long for a number", node, allowed=f"at most {MAX_NUMBER} digits"
            )
        if _INT.match(text):
            return int(text, 0)
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))

    def _refuse_tag(self, node: yaml.Node, expected: str) -> None:
        tag: str = node.tag
        if tag not in (expected, "!"):
            raise self._error(f"the tag {quote(tag)} is not read here", node, allowed="plain values")

    def _error(self, problem: str, node: yaml.Node, *, allowed: str) -> ConfigError:
        return ConfigError(problem, file=self.shown, line=_line(node), allowed=allowed)


def _syntax_error(error: yaml.MarkedYAMLError, text: str, shown: str) -> ConfigError:
    source = text.splitlines()
    marks = [mark for mark in (error.problem_mark, error.context_mark) if mark is not None]
    mark = next((m for m in marks if m.line < len(source)), marks[-1] if marks else None)
    line, column = (mark.line, mark.column) if mark else (0, 0)
    shown_line = source[line] if line < len(source) else ""
    start = max(0, column - 60)
    excerpt = "".join(c if c.isprintable() else "�" for c in shown_line[start : start + 80])
    problem = "a tab where only spaces may indent" if "\t" in shown_line[: column + 1] else _plain(error)
    return ConfigError(
        f"not YAML: {problem}, in column {column + 1}",
        file=shown,
        line=line + 1,
        resolution=f"{line + 1:>5} | {excerpt}\n      | {' ' * (column - start)}^" if excerpt.strip() else None,
    )


def _plain(error: yaml.YAMLError) -> str:
    """What the parser complains of, on one line."""
    if isinstance(error, yaml.MarkedYAMLError):
        parts = [part for part in (error.problem, error.context) if part]
        return " ".join(" ".join(parts).split())[:120]
    reason = getattr(error, "reason", None)
    return " ".join(str(reason or error).split())[:120]
