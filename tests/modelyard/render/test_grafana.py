import json
import re
from typing import Any

import pytest
import yaml

from modelyard.catalog.rows import data_dir
from modelyard.render.dcgm import DCGM_FIELDS
from modelyard.render.grafana import DATASOURCE_UID, dashboard_json, dashboards_yml, datasource_yml


def panels(*, has_gpu_metrics: bool = True) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(dashboard_json(title="dev", has_gpu_metrics=has_gpu_metrics))["panels"]
    return found


def exposed() -> set[str]:
    raw = json.loads((data_dir() / "vllm-metrics-0.33.0.json").read_text(encoding="utf-8"))["metrics"]
    always = {name for facts in raw.values() if facts["when"] is None for name in facts["exposed"]}
    return always | set(DCGM_FIELDS)


def test_every_query_asks_only_for_metrics_that_exist() -> None:
    known = exposed()
    asked: set[str] = set()
    for panel in panels():
        for target in panel.get("targets", []):
            names = set(re.findall(r"vllm:\w+|DCGM_\w+", target["expr"]))
            assert names, target["expr"]
            asked |= names
    assert asked <= known, asked - known
    assert len(asked) > 15


def test_labels_that_queries_group_by_exist() -> None:
    raw = json.loads((data_dir() / "vllm-metrics-0.33.0.json").read_text(encoding="utf-8"))["metrics"]
    labels = {"le", "instance", "gpu"} | {label for facts in raw.values() for label in facts["labels"]}
    for panel in panels():
        for target in panel.get("targets", []):
            grouped = re.findall(r"by \((\w+)\)", target["expr"]) + re.findall(r"{{(\w+)}}", target["legendFormat"])
            assert set(grouped) <= labels


def test_gpu_panels_only_with_gpu_metrics() -> None:
    assert "GPU utilisation" in {panel["title"] for panel in panels()}
    assert not any("GPU" in panel["title"] for panel in panels(has_gpu_metrics=False))


@pytest.mark.parametrize("has_gpu_metrics", [True, False])
def test_panels_do_not_overlap_and_have_one_id_each(*, has_gpu_metrics: bool) -> None:
    found = panels(has_gpu_metrics=has_gpu_metrics)
    cells: set[tuple[int, int]] = set()
    for panel in found:
        grid = panel["gridPos"]
        mine = {
            (x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not cells & mine, panel["title"]
        cells |= mine
    assert len({panel["id"] for panel in found}) == len(found)


def test_provisioning_points_panels_at_the_one_source() -> None:
    source = yaml.safe_load(datasource_yml(prometheus_url="http://p:9090"))["datasources"][0]
    assert (source["uid"], source["url"], source["isDefault"]) == (DATASOURCE_UID, "http://p:9090", True)
    assert all(panel["datasource"]["uid"] == source["uid"] for panel in panels() if panel["type"] != "row")
    assert yaml.safe_load(dashboards_yml(folder="/d"))["providers"][0]["options"]["path"] == "/d"
