"""`modelyard models add`, against a hub on the loopback address."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from huggingface_hub import close_session, constants

from modelyard.catalog.models import Model
from modelyard.catalog.rows import parse_rows
from modelyard.cli.commands.models_add import command, with_add
from modelyard.errors import CatalogError, UsageError
from tests.modelyard.hub import makers
from tests.modelyard.hub.configs import LLAMA_3_1_8B
from tests.simulators.hub import HubSimulator, hub_simulator


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubSimulator]:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "nobody"))
    with hub_simulator() as simulator:
        monkeypatch.setenv("HF_ENDPOINT", simulator.endpoint + "/")
        simulator.add("org/My-Model", {"config.json": LLAMA_3_1_8B, **makers.sharded(makers.dense(LLAMA_3_1_8B), 2)})
        yield simulator
        close_session()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


def rows(text: str) -> tuple[Model, ...]:
    return parse_rows(Model, tomllib.loads(text)["model"], file="row", label="model")


def test_prints_a_row_that_cites_the_commit(hub: HubSimulator) -> None:
    result = run("org/My-Model")
    assert result.exit_code == 0
    (row,) = rows(result.stdout)
    assert (row.name, row.hub_id, row.total_params) == ("my-model", "org/My-Model", 8_030_261_248)
    assert row.source == f"https://huggingface.co/org/My-Model/tree/{hub.repos['org/My-Model'].commit}"


def test_writes_beside_what_is_there_and_refuses_a_second_time(hub: HubSimulator, tmp_path: Path) -> None:
    hub.add("org/Other", dict(hub.repos["org/My-Model"].files))
    file = tmp_path / "ours.toml"
    assert run("org/My-Model", "--as", "ours", "--write", str(file)).exit_code == 0
    assert run("org/Other", "--write", str(file)).exit_code == 0
    assert [row.name for row in rows(file.read_text())] == ["ours", "other"]
    before = file.read_text()
    for arguments in (("org/My-Model", "--as", "again"), ("org/Other",)):
        error = run(*arguments, "--write", str(file)).exception
        assert isinstance(error, CatalogError)
        assert "is in the catalog already" in error.brief
    assert file.read_text() == before


def test_a_name_of_the_catalog_is_taken(hub: HubSimulator) -> None:
    error = run("org/My-Model", "--as", "qwen3-8b").exception
    assert isinstance(error, CatalogError)
    assert error.brief == "the name 'qwen3-8b' is taken"
    assert hub.overruns == []


@pytest.mark.parametrize("name", ["", "Upper", "../x", "a b"])
def test_a_name_that_no_row_has(hub: HubSimulator, name: str) -> None:
    error = run("org/My-Model", "--as", name).exception
    assert isinstance(error, UsageError)
    assert "is no name for a catalog row" in error.brief
    assert hub.overruns == []


def test_what_is_not_known_is_said(hub: HubSimulator) -> None:
    hub.repos["org/My-Model"].license = None
    assert run("org/My-Model").stderr == "not known: license\n"


def listing() -> click.Command:
    @click.command("models", short_help="List.")
    @click.argument("pattern", required=False)
    @click.option("--json", "as_json", is_flag=True)
    def listing(pattern: str | None, *, as_json: bool) -> None:
        click.echo(f"{pattern} {as_json}")

    return listing


@pytest.mark.parametrize(
    ("arguments", "output"),
    [((), "None False\n"), (("qwen",), "qwen False\n"), (("--json",), "None True\n"), (("list", "x"), "x False\n")],
)
def test_listing_stays_as_it_was(arguments: tuple[str, ...], output: str) -> None:
    assert CliRunner().invoke(with_add(listing()), arguments).output == output


def test_help_names_both() -> None:
    text = CliRunner().invoke(with_add(listing()), ["--help"]).output
    assert "add" in text
    assert "list" in text
    assert "--as" in CliRunner().invoke(with_add(listing()), ["add", "--help"]).output
