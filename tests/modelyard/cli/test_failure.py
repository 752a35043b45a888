"""An error fits one screen and says what, where, what is allowed and what to do."""

import pytest

from modelyard.cli import failure
from modelyard.errors import ConfigError, ModelyardError, UnknownNameError


def test_an_error_as_text() -> None:
    error = ConfigError(
        "'sekure' is not one of the choices",
        file="stacks/Pulumi.dev.yaml",
        line=9,
        key="modelyard:serve.place.trust",
        allowed="cloud, secure, community",
        resolution="did you mean 'secure'?",
    )
    assert failure.render(error) == (
        "error  'sekure' is not one of the choices\n"
        "  where    stacks/Pulumi.dev.yaml:9, key modelyard:serve.place.trust\n"
        "  allowed  cloud, secure, community\n"
        "  did you mean 'secure'?"
    )


def test_long_lines_are_wrapped_under_their_label() -> None:
    text = failure.render(ModelyardError("short", details=f"allowed  {'word ' * 40}"))
    lines = text.splitlines()
    assert max(map(len, lines)) <= failure.WIDTH
    assert lines[2].startswith(" " * 11 + "word")


@pytest.mark.parametrize("part", ["word " * 2000, "\n".join("line" for _ in range(200)), "x" * 5000])
def test_an_error_never_fills_more_than_a_screen(part: str) -> None:
    lines = failure.render(ModelyardError(part.replace("\n", " "), details=part, resolution=part)).splitlines()
    assert len(lines) <= failure.HEIGHT
    assert max(map(len, lines)) <= failure.WIDTH
    assert lines[-1].endswith("more lines")


def test_an_error_as_json_facts() -> None:
    assert failure.facts(UnknownNameError("GPU", "H1000", ["H100", "L4"])) == {
        "kind": "UnknownNameError",
        "exit_code": 2,
        "brief": "unknown GPU 'H1000'",
        "details": "allowed  H100, L4",
        "resolution": "did you mean 'H100'?",
        "name": "H1000",
        "nearest": ["H100"],
    }


def test_a_fault_of_ours_tells_its_place_and_not_its_text() -> None:
    with pytest.raises(RuntimeError) as caught:
        raise RuntimeError("the password is hunter2")
    shown = failure.render(failure.bug(caught.value))
    assert "RuntimeError" in shown
    assert "test_failure.py:" in shown
    assert "MODELYARD_DEBUG=1" in shown
    assert "hunter2" not in shown


def test_colour_only_marks_the_word() -> None:
    assert failure.render(ModelyardError("x"), color=True) == "\x1b[31merror\x1b[0m  x"
