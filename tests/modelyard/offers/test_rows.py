"""A price row that cannot be trusted stops the reading, with its line and column."""

from pathlib import Path

import pytest

from modelyard.catalog.rows import data_dir
from modelyard.errors import CatalogError, ExitCode
from modelyard.offers.rows import read_rows

HEADER = (data_dir() / "prices.csv").read_text(encoding="utf-8").splitlines()[0]


def table(tmp_path: Path, **cells: str) -> Path:
    facts = {
        "provider": "runpod", "sku": "X", "gpu_name": "L4", "gpu_count": "1", "on_demand_usd_per_hour": "0.49",
        "as_of": "2026-10-01", "source_url": "https://example.org/prices", "kind": "compute",
    } | cells  # fmt: skip
    path = tmp_path / "prices.csv"
    line = ",".join(facts.get(column, "") for column in HEADER.split(","))
    path.write_text(f"{HEADER}\n{line}\n", encoding="utf-8")
    return path


def test_a_good_row(tmp_path: Path) -> None:
    (row,) = read_rows(table(tmp_path))
    assert (row.vendor, row.gpu, row.second, row.line) == ("runpod", "L4", None, 2)


@pytest.mark.parametrize(
    ("column", "text", "message"),
    [
        ("source_url", "", "has no source"),
        ("source_url", "a friend", "has no source"),
        ("on_demand_usd_per_hour", "cheap", "'cheap' is not allowed"),
        ("on_demand_usd_per_hour", "0", "'0' is not allowed"),
        ("on_demand_usd_per_hour", "-1", "'-1' is not allowed"),
        ("on_demand_usd_per_hour", "NaN", "'NaN' is not allowed"),
        ("as_of", "last week", "'last week' is not allowed"),
        ("gpu_count", "two", "'two' is not allowed"),
    ],
)
def test_a_bad_row_names_its_line_and_column(tmp_path: Path, column: str, text: str, message: str) -> None:
    with pytest.raises(CatalogError, match=message) as caught:
        read_rows(table(tmp_path, **{column: text}))
    assert f"prices.csv:2, column {column}" in str(caught.value)
    assert caught.value.exit_code is ExitCode.USAGE


def test_a_missing_file_and_a_missing_column(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="cannot read"):
        read_rows(tmp_path / "none.csv")
    (tmp_path / "bare.csv").write_text("provider,sku\nrunpod,x\n", encoding="utf-8")
    with pytest.raises(CatalogError, match="has no column 'source_url'"):
        read_rows(tmp_path / "bare.csv")
