"""A model that was read becomes a catalog row, and the row reads back as the model."""

import tomllib
from dataclasses import replace

import pytest

from modelyard.catalog.models import Model, load_models
from modelyard.catalog.rows import parse_rows
from modelyard.errors import UsageError
from modelyard.hub import to_toml
from tests.modelyard.fit.builders import a_model


def back(text: str) -> Model:
    (model,) = parse_rows(Model, tomllib.loads(text)["model"], file="row", label="model")
    return model


@pytest.mark.parametrize("model", [m for m in load_models() if m.source.startswith("https://")], ids=lambda m: m.name)
def test_every_row_of_the_catalog_survives(model: Model) -> None:
    assert back(to_toml(model)) == model


def test_awkward_text() -> None:
    model = a_model(title='A "quoted" \\ name', notes="tab\there\nand \x7f more", aliases=("a", "b/c"))
    assert back(to_toml(replace(model, notes="plain"))).title == 'A "quoted" \\ name'
    assert "\x7f" not in to_toml(replace(model, notes="tab here  and   more"))


def test_a_folder_is_no_source() -> None:
    with pytest.raises(UsageError, match="has no public source"):
        to_toml(a_model(source="modelyard:folder/x"))
