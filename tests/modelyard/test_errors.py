import pytest

from modelyard import errors


def test_exit_codes_are_the_documented_ones() -> None:
    assert {e.name: e.value for e in errors.ExitCode} == {
        "OK": 0,
        "FAILED": 1,
        "USAGE": 2,
        "VIOLATED": 3,
        "UNVERIFIED": 4,
    }
    assert errors.ModelyardError.exit_code == 1
    assert errors.ConfigError("x").exit_code == 2
    assert errors.NotPossibleError("x").exit_code == 3
    assert errors.UnverifiedError("x").exit_code == 4


def test_a_config_error_says_what_where_what_is_allowed_and_what_to_do() -> None:
    error = errors.ConfigError(
        "trust: 'anyone' is not known",
        file="stacks/Pulumi.dev.yaml",
        line=7,
        key="modelyard:serve.place.trust",
        allowed="cloud, secure, community",
        resolution="use one of them",
    )
    assert str(error) == (
        "trust: 'anyone' is not known\n"
        "where    stacks/Pulumi.dev.yaml:7, key modelyard:serve.place.trust\n"
        "allowed  cloud, secure, community\n"
        "use one of them"
    )


def test_an_unknown_name_names_the_nearest() -> None:
    error = errors.UnknownNameError("GPU", "h10-sxm", ["H100-SXM", "H200", "L4"])
    assert error.brief == "unknown GPU 'h10-sxm'"
    assert error.resolution == "did you mean 'H100-SXM'?"


@pytest.mark.parametrize(
    ("name", "near"),
    [("h10", ("H100-SXM",)), ("h20", ("H200",)), ("sxm", ("H100-SXM",)), ("zzz", ()), ("", ())],
)
def test_what_was_begun_or_misspelt_is_found(name: str, near: tuple[str, ...]) -> None:
    assert errors.nearest(name, ["H100-SXM", "H200", "L4"]) == near


@pytest.mark.parametrize(
    ("value", "quoted"), [("a\nb\x1b[31m", "'a�b�[31m'"), ("x" * 80, "'" + "x" * 59 + "…'"), (7, "'7'")]
)
def test_quoted_values_are_one_printable_short_line(value: object, quoted: str) -> None:
    assert errors.quote(value) == quoted


def test_a_long_list_is_cut_with_a_count() -> None:
    assert errors.shorten_list([str(i) for i in range(15)], limit=3) == "0, 1, 2 … and 12 more"
