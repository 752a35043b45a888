"""`offers --live` and `prices refresh` over real HTTP: every vendor at once, and honest about who did not answer."""

import json
import os
import subprocess
import sys
from collections.abc import Generator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from modelyard.catalog.rows import data_dir
from modelyard.cli.main import main
from modelyard.offers import load_offers
from modelyard.offers.rows import FILE, read_rows
from modelyard.offers.snapshot import offers_from
from tests.simulators.account import Vendors, vendors_on_loopback

PRICED = ("runpod", "lambda", "vastai")
"""Vendors with prices in the table and rules in billing.toml."""


@pytest.fixture
def vendors(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Generator[Vendors]:
    with vendors_on_loopback(PRICED) as found:
        for name, value in found.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("HOME", str(tmp_path))
        yield found


def offers(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main(["offers", "--live", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def today() -> str:
    return datetime.now(UTC).date().isoformat()


@pytest.mark.usefixtures("vendors")
def test_every_vendor_is_asked_and_says_price_and_stock(capsys: pytest.CaptureFixture[str]) -> None:
    document = offers(capsys, "--gpu", "H100-PCIe", "--rentable")
    assert [(v["vendor"], v["answered"]) for v in document["vendors"]] == [(name, True) for name in PRICED]
    rows = document["offers"]
    assert {row["vendor"] for row in rows} == set(PRICED)
    assert all(row["live"] and not row["stale"] and row["as_of"] == today() for row in rows)
    assert {row["stock"] for row in rows} <= {"none", "low", "medium", "high", "unknown"}
    assert all(Decimal(row["usd_per_hour"]) > 0 and row["source"].startswith("https://") for row in rows)
    prices = [Decimal(row["usd_per_hour"]) for row in rows]
    assert prices == sorted(prices)


def test_what_is_sold_out_says_so(vendors: Vendors, capsys: pytest.CaptureFixture[str]) -> None:
    vendors.simulators["runpod"].stock("NVIDIA H200", "any", 0)
    rows = offers(capsys, "--gpu", "H200", "--vendor", "runpod", "--min-gpus", "8")["offers"]
    assert {row["stock"] for row in rows} == {"none"}


def test_a_vendor_that_does_not_answer_in_time_keeps_its_stale_prices(
    vendors: Vendors, capsys: pytest.CaptureFixture[str]
) -> None:
    vendors.served["lambda"].stop()
    assert main(["offers", "--live", "--timeout", "1", "--gpu", "H100-PCIe", "--vendor", "lambda", "--json"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["vendors"] == [
        {
            "vendor": "lambda",
            "answered": False,
            "source": "https://cloud.lambda.ai/api/v1",
            "reason": "no answer within 1 s",
        }
    ]
    assert [(row["standing"], row["stale"], row["live"]) for row in document["offers"]] == [("stale", True, False)]
    assert "lambda did not answer, so its prices are the snapshot's: no answer within 1 s" in err


@pytest.mark.usefixtures("vendors")
def test_a_region_is_one_that_the_vendor_names_now(capsys: pytest.CaptureFixture[str]) -> None:
    rows = offers(capsys, "--region", "US-KS-2", "--vendor", "runpod")["offers"]
    assert rows
    assert all("US-KS-2" in row["places"] for row in rows if row["live"])
    assert main(["offers", "--live", "--region", "us-kansas"]) == 2
    assert "unknown region 'us-kansas'" in capsys.readouterr().err


@pytest.mark.usefixtures("vendors")
def test_the_table_has_a_column_for_stock(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["offers", "--live", "--gpu", "H100-PCIe", "--vendor", "lambda"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0].split("  ")[-2].strip() == "STOCK"
    assert out.splitlines()[1].endswith("6 regions  medium  now")
    assert "1 offers (1 live), prices of" in err


@pytest.mark.usefixtures("vendors")
def test_a_vendor_without_a_live_list_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["offers", "--live", "--vendor", "aws"]) == 2
    assert "aws cannot be asked for live prices" in capsys.readouterr().err


def test_the_snapshot_alone_has_no_live_fields(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["offers", "--limit", "1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert "vendors" not in document
    assert not {"live", "stale", "stock", "places"} & set(document["offers"][0])


@pytest.mark.usefixtures("vendors")
def test_refresh_writes_a_table_of_today_that_loads(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    assert main(["prices", "refresh", "--output", str(path)]) == 0
    out, err = capsys.readouterr()
    assert "~ vastai 1× H200 community  $3.30/h → $2.95/h  (-10.6 %)" in out.splitlines()
    assert "+ lambda 1× gpu_1x_a100 secure  $1.99/h" in out.splitlines()
    assert err.splitlines()[-1].startswith("wrote prices.csv: prices ")
    fresh = {offer.key: offer for offer in offers_from(read_rows(path))}
    known = {offer.key: offer for offer in load_offers()}
    assert fresh["vastai/H200/1/marketplace/community"].as_of == date.fromisoformat(today())
    assert fresh["runpod/NVIDIA H200/4/any/secure"].source == "https://api.runpod.io/v2"
    others = {key: offer for key, offer in known.items() if offer.vendor not in PRICED}
    assert {key: fresh[key] for key in others} == others
    assert set(known) <= set(fresh)


def test_refresh_writes_nothing_when_nobody_answers(
    vendors: Vendors, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for served in vendors.served.values():
        served.stop()
    path = tmp_path / "prices.csv"
    assert main(["prices", "refresh", "--timeout", "0.5", "--output", str(path)]) == 1
    assert "no vendor answered; nothing was written" in capsys.readouterr().err
    assert not path.exists()


@pytest.mark.usefixtures("vendors")
def test_prices_of_a_simulator_never_reach_the_projects_table(capsys: pytest.CaptureFixture[str]) -> None:
    before = (data_dir() / FILE).read_bytes()
    assert main(["prices", "refresh"]) == 2
    assert "RUNPOD_REST_URL points to this machine" in capsys.readouterr().err
    assert (data_dir() / FILE).read_bytes() == before


@pytest.mark.usefixtures("vendors")
def test_outside_of_a_checkout_it_asks_where_to_write(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["prices", "refresh"]) == 2
    assert "--output prices.csv" in capsys.readouterr().err


@pytest.mark.usefixtures("vendors")
def test_refresh_as_json_names_every_move(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["prices", "refresh", "--vendor", "lambda", "--output", str(tmp_path / "p.csv"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "modelyard.prices/1"
    assert {row["vendor"] for row in document["prices"]} == {"lambda"}
    assert {row["change"] for row in document["prices"]} == {"confirmed", "added"}


def test_simulators_are_started_by_hand() -> None:
    root = Path(__file__).resolve().parents[4]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.simulators", "--vendor", "lambda", "--vendor", "runpod", "--speed", "200"],
        cwd=root,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        told = list(iter(process.stdout.readline, "# ready\n"))
        exports = dict(
            line.removeprefix("export ").strip().split("=", 1) for line in told if line.startswith("export ")
        )
        assert exports["MODELYARD_GATEWAY_URL"].strip("'").endswith("/__gateway/{machine}")
        env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **exports}
        done = subprocess.run(
            [sys.executable, "-m", "modelyard.cli", "reap"],
            cwd=root,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr.splitlines()[-1] == "nothing to end: no machine with our marker at runpod, lambda"
    finally:
        process.terminate()
        process.communicate(timeout=30)
