from collections.abc import Mapping
from pathlib import Path

import pytest

from modelyard.errors import UsageError
from providers import registry
from providers.base.accounts import Accounts, VendorAccess, is_loopback, line_key, toml_key
from providers.base.errors import Kind, VendorError

ACCESS = VendorAccess(
    vendor="acme",
    title="Acme",
    key_variable="ACME_API_KEY",
    url_variable="ACME_URL",
    base_url="https://api.acme.example/v1/",
    judge=lambda reply, operation: None,  # noqa: ARG005  # no answer is an error
    intervals={},
    key_files=(".config/acme.toml", ".acme_key"),
    key_from_file=toml_key("default", "key"),
    where_to_get="Keys are made at https://acme.example/keys.",
)


def accounts(
    home: Path, settings: Mapping[str, str] | None = None, environment: Mapping[str, str] | None = None
) -> Accounts:
    return Accounts(settings=settings or {}, environment=environment or {}, home=home)


def bearer(given: Accounts) -> str:
    return given.http(ACCESS).client.headers["Authorization"]


def test_config_wins_over_the_environment_and_that_over_files(tmp_path: Path) -> None:
    settings, environment = {"acmeApiKey": "from-config"}, {"ACME_API_KEY": " from-environment\n"}
    (tmp_path / ".acme_key").write_text("[default]\nkey = 'from-file'\n")
    assert bearer(accounts(tmp_path, settings, environment)) == "Bearer from-config"
    assert bearer(accounts(tmp_path, {}, environment)) == "Bearer from-environment"
    assert bearer(accounts(tmp_path, {}, {"ACME_API_KEY": " "})) == "Bearer from-file"


@pytest.mark.parametrize("text", ["", "not = [toml", "[other]\nkey = 'x'", "[default]\nkey = ''", "[default]\nkey = 5"])
def test_a_file_without_a_key_is_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / ".config").mkdir()
    (tmp_path / ".config" / "acme.toml").write_text(text)
    (tmp_path / ".acme_key").write_text("[default]\nkey = 'second'\n")
    assert bearer(accounts(tmp_path)) == "Bearer second"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("api_key = abc\n", "abc"),
        ("x = 1\napi_key='a=b'", "a=b"),
        ("api_keys = abc", None),
        ("", None),
        ("api_key =", None),
    ],
)
def test_a_file_of_lines_is_read_by_name(text: str, expected: str | None) -> None:
    assert line_key("api_key")(text) == expected


def test_without_a_key_it_says_where_one_goes(tmp_path: Path) -> None:
    given = accounts(tmp_path)
    assert given.has_key(ACCESS) is False
    with pytest.raises(VendorError) as caught:
        given.http(ACCESS)
    assert caught.value.kind is Kind.AUTH
    assert str(caught.value).splitlines()[-1] == (
        "Set ACME_API_KEY, or `pulumi config set --secret modelyard-rental:acmeApiKey`. "
        "Keys are made at https://acme.example/keys."
    )


@pytest.mark.parametrize(
    ("settings", "environment", "expected"),
    [
        ({}, {}, "https://api.acme.example/v1"),
        ({}, {"ACME_URL": "http://127.0.0.1:9/v2/"}, "http://127.0.0.1:9/v2"),
        ({"acmeUrl": "https://proxy.example"}, {"ACME_URL": "http://127.0.0.1:9"}, "https://proxy.example"),
    ],
)
def test_the_address_is_configured_like_the_key(
    tmp_path: Path, settings: dict[str, str], environment: dict[str, str], expected: str
) -> None:
    given = accounts(tmp_path, {**settings, "acmeApiKey": "k"}, environment)
    assert given.url(ACCESS) == expected
    assert str(given.http(ACCESS).client.base_url).rstrip("/") == expected


@pytest.mark.parametrize("url", ["http://api.acme.example", "ftp://127.0.0.1.example", "api.acme.example", "https://"])
def test_a_key_is_never_sent_in_the_clear(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError, match="in the clear"):
        accounts(tmp_path, {"acmeApiKey": "the-key", "acmeUrl": url}).http(ACCESS)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:80/v1", True),
        ("http://[::1]:80", True),
        ("http://localhost:8080", True),
        ("http://127.0.0.1.example", False),
        ("http://localhost.example", False),
        ("https://10.0.0.1", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine_alone(url: str, expected: bool) -> None:  # noqa: FBT001  # a table
    assert is_loopback(url) is expected


def test_a_pace_is_for_this_machine_alone(tmp_path: Path) -> None:
    environment = {"MODELYARD_PACE": "0.01", "ACME_API_KEY": "k"}
    with pytest.raises(UsageError, match="simulators on this machine"):
        accounts(tmp_path, {}, environment).http(ACCESS)
    assert accounts(tmp_path, {"acmeUrl": "http://127.0.0.1:9"}, environment).http(ACCESS).vendor == "acme"


@pytest.mark.parametrize("pace", ["0", "-1", "2", "fast", "nan"])
def test_a_pace_is_a_share_of_the_waits(tmp_path: Path, pace: str) -> None:
    with pytest.raises(UsageError, match="more than 0, up to 1"):
        accounts(tmp_path, {}, {"MODELYARD_PACE": pace}).time()


def test_clients_and_limits_are_shared_by_key(tmp_path: Path) -> None:
    given = accounts(tmp_path, {"acmeApiKey": "k"})
    assert given.http(ACCESS) is given.http(ACCESS)
    other = accounts(tmp_path, {"acmeApiKey": "k2"})
    assert given.key_id(ACCESS) != other.key_id(ACCESS)
    assert len(given.key_id(ACCESS)) == 12


@pytest.mark.parametrize("vendor", sorted(registry.VENDORS))
def test_every_vendor_is_reached_over_tls_and_tells_where_keys_are_made(vendor: str) -> None:
    access = registry.find(vendor).access()
    assert access.vendor == vendor
    assert access.base_url.startswith("https://")
    assert "https://" in access.where_to_get


@pytest.mark.parametrize("key", ["kéy-0123456789", "key\x00-0123456789", "two\nlines"])
def test_a_key_that_no_header_can_hold_is_refused_without_being_shown(tmp_path: Path, key: str) -> None:
    with pytest.raises(VendorError) as caught:
        accounts(tmp_path, {"acmeApiKey": key}).http(ACCESS)
    assert caught.value.kind is Kind.AUTH
    assert key not in str(caught.value)


@pytest.mark.parametrize("proxy", ["foo://user:hunter2@bar", "socks5://user:hunter2@127.0.0.1:1"])
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(UsageError, match="proxy") as caught:
        accounts(tmp_path, {"acmeApiKey": "k"}).http(ACCESS)
    assert "hunter2" not in str(caught.value)


def test_without_a_home_folder_there_is_just_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert not Accounts(environment={}).has_key(ACCESS)
