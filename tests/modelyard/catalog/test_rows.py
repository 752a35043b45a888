from pathlib import Path
from typing import Any

import pytest

from modelyard.catalog import rows
from modelyard.catalog.engines import Engine
from modelyard.errors import CatalogError

ENGINE: dict[str, Any] = {
    "name": "x",
    "title": "X",
    "version": "1.0",
    "image": "docker.io/x/x:1.0",
    "image_bytes": 1,
    "port": 8000,
    "health_path": "/health",
    "metrics_path": "/metrics",
    "can_serve": True,
    "source": "https://example.org/x",
    "as_of": "2026-11-20",
}


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"source": None}, "source"),
        ({"source": "somebody said"}, "source"),
        ({"as_of": None}, "as_of"),
        ({"as_of": "last week"}, "as_of"),
        ({"port": "many"}, "port"),
        ({"pot": 1}, "pot"),
    ],
)
def test_a_row_that_cannot_be_trusted_is_refused_with_file_row_and_key(change: dict[str, Any], key: str) -> None:
    row = {k: v for k, v in (ENGINE | change).items() if v is not None}
    with pytest.raises(CatalogError) as caught:
        rows.parse_rows(Engine, [row], file="engines.toml", label="engine")
    assert caught.value.brief.startswith("engine 'x': ")
    assert caught.value.details == f"where    engines.toml, key {key}"
    assert caught.value.exit_code == 2


def test_a_good_row_is_read() -> None:
    (engine,) = rows.parse_rows(Engine, [ENGINE], file="engines.toml", label="engine")
    assert engine.as_of.isoformat() == "2026-11-20"


def test_unreadable_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="cannot read"):
        rows.read_toml(tmp_path / "missing.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("a = [", encoding="utf-8")
    with pytest.raises(CatalogError, match="is not TOML"):
        rows.read_toml(broken)
