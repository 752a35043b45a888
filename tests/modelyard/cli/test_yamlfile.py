"""YAML is read as Pulumi reads it, and every refusal names the line."""

from pathlib import Path

import pytest

from modelyard.cli.yamlfile import MAX_BYTES, parse_yaml, read_yaml
from modelyard.errors import ConfigError, UsageError


def test_words_mean_what_they_mean_to_pulumi() -> None:
    text = "\n".join(
        (
            "no: no",
            "yes: on",
            "truth: true",
            "nothing: ~",
            "empty:",
            "hex: 0x10",
            "octal: 0o17",
            "sum: 1e3",
            "date: 2026-12-01T18:00:00Z",
            "clock: 1:30",
            "quoted: '5'",
            "block: |",
            "  a",
            "  b",
        )
    )
    assert parse_yaml(text, shown="f.yaml").data == {
        "no": "no",
        "yes": "on",
        "truth": True,
        "nothing": None,
        "empty": None,
        "hex": 16,
        "octal": 15,
        "sum": 1000.0,
        "date": "2026-12-01T18:00:00Z",
        "clock": "1:30",
        "quoted": "5",
        "block": "a\nb",
    }


def test_every_key_and_item_has_its_line() -> None:
    document = parse_yaml("a:\n  b: [x,\n    y]\n# talk\nc: {d: 1}\n", shown="f.yaml")
    assert document.lines == {
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "b", 0): 2,
        ("a", "b", 1): 3,
        ("c",): 5,
        ("c", "d"): 5,
    }


@pytest.mark.parametrize("text", ["", "# only talk\n", "---\n"])
def test_an_empty_file_has_no_keys(text: str) -> None:
    assert parse_yaml(text, shown="f.yaml").data == {}


def test_aliases_are_unfolded() -> None:
    assert parse_yaml("a: &x {k: 1}\nb: *x\n", shown="f.yaml").data == {"a": {"k": 1}, "b": {"k": 1}}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: [1,2", 2, "not YAML: did not find expected ',' or ']'"),
        ("a: 1\n\tb: 2", 2, "not YAML: a tab where only spaces may indent"),
        ("a: b: c", 1, "not YAML: mapping values are not allowed in this context, in column 5"),
        ("a: 'open", 1, "not YAML: found unexpected end of stream"),
        ("a: *nobody", 1, "not YAML: found undefined alias"),
        ("a: 1\n--- \nb: 2", 2, "not YAML: but found another document"),
        ("a: 1\nb: 2\na: 3", 3, "the key 'a' stands twice"),
        ("a:\n  b: 1\n  b: 2", 3, "the key 'b' stands twice"),
        ("- a", 1, "the file holds no keys"),
        ("just words", 1, "the file holds no keys"),
        ("a: 1\n5: x", 2, "the key '5' is not text"),
        ("? [1]\n: 2", 1, "a list or mapping stands where a key is expected"),
        ("a: !!python/object/apply:os.getcwd []", 1, "the tag 'tag:yaml.org,2002:python/object/apply:os.getcwd'"),
        ("a: !mine 1", 1, "the tag '!mine' is not read here"),
        ("a: &a [*a]", 1, "the file unfolds to too much"),
        ("[" * 1000, 1, "nested too deeply"),
        ("a: " + "9" * 5000, 1, "is too long for a number"),
        ("<<: {a: 1}", 1, "merge keys (<<) are not read here"),
        ("a: \x00", 1, "not YAML: control characters are not allowed"),
    ],
)
def test_what_is_not_read(text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, shown="f.yaml")
    assert words in caught.value.brief
    assert (caught.value.file, caught.value.line) == ("f.yaml", line)


def test_a_syntax_error_shows_the_line_and_points_at_the_column() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_yaml("config:\n  a: b: c\n", shown="f.yaml")
    assert caught.value.resolution == "    2 |   a: b: c\n      |       ^"


def test_a_bomb_of_aliases_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    with pytest.raises(ConfigError, match="unfolds to too much"):
        parse_yaml("\n".join(lines), shown="f.yaml")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a: \xff\xfe", "byte 0xff is not UTF-8 text"),
        (b"a: 1\n" * MAX_BYTES, "is too large"),
    ],
)
def test_files_that_are_no_text_or_too_long(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=words):
        read_yaml(path, shown="f.yaml")


def test_a_byte_order_mark_is_no_key(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_yaml(path, shown="f.yaml").data == {"a": 1}


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read 'f"):
        read_yaml(tmp_path, shown="f.yaml")
