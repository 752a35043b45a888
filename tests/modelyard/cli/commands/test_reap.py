"""`modelyard reap` over real HTTP: by marker alone, no state, nothing that is not ours, and honest about doubt."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from modelyard.cli.main import main
from providers.base.marker import Marker
from tests.simulators.account import Vendors, vendors_on_loopback
from tests.simulators.runpod import RunpodSimulator

ROOT = Path(__file__).resolve().parents[4]
EXPIRED, IN_TIME = timedelta(minutes=-30), timedelta(hours=3)


@pytest.fixture
def vendors(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Generator[Vendors]:
    with vendors_on_loopback() as found:
        for name, value in found.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("HOME", str(tmp_path))
        yield found


def run(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    assert main(["reap", *arguments, "--json"]) == code
    out = capsys.readouterr().out
    return json.loads(out) if out else None


def outcomes(document: Any) -> dict[str, str]:
    return {f"{row['vendor']}/{row['machine_id']}": row["outcome"] for row in document["machines"]}


def test_expired_machines_go_on_every_vendor_and_the_others_stay(
    vendors: Vendors, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = [f"{name}/{vendors.rent(name, title='trial', ends_in=EXPIRED)}" for name in vendors.simulators]
    kept = f"runpod/{vendors.rent('runpod', title='prod', ends_in=IN_TIME, urn='other')}"
    endless = f"vastai/{vendors.rent('vastai', title='prod', ends_in=None, urn='other')}"

    document = run(capsys)

    assert outcomes(document) == {**dict.fromkeys(ended, "deleted"), kept: "kept", endless: "kept"}
    assert document["schema"] == "modelyard.reap/1"
    assert document["proved"] is True
    assert document["ended"] == len(ended)
    assert vendors.alive() == sorted([kept, endless])
    assert outcomes(run(capsys)) == {kept: "kept", endless: "kept"}  # a second pass finds nothing to do


def test_a_dry_run_ends_nothing_and_says_what_it_would_stop_costing(
    vendors: Vendors, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = vendors.rent("runpod", title="trial", ends_in=EXPIRED)
    assert main(["reap", "--dry-run"]) == 0
    out, err = capsys.readouterr()
    row = out.splitlines()[1].split()
    assert row[:2] == ["runpod", machine]
    assert "(30 min over)" in out or "(31 min over)" in out
    assert out.rstrip().endswith("$18.36  expired  would delete")
    assert err.splitlines()[-1] == "would end 1 machine: would stop $18.36/h"
    assert vendors.alive() == [f"runpod/{machine}"]


def test_an_expired_network_volume_goes_and_its_row_says_what_it_is(
    vendors: Vendors, capsys: pytest.CaptureFixture[str]
) -> None:
    simulator = vendors.simulators["runpod"]
    assert isinstance(simulator, RunpodSimulator)
    deadline = datetime.now(UTC) + EXPIRED
    marker = Marker.new(title="trial", owner="o/p/s", urn="node", spec={}, deadline=deadline)
    volume = simulator.volumes.create({"name": marker.name, "size": 100, "dataCenter": "US-KS-2"})
    assert main(["reap", "--dry-run"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[1].split()[:3] == ["runpod", "volume", volume.id]
    assert err.splitlines()[-1] == "would end 1 volume: would stop price not told by the vendor"
    (row,) = run(capsys)["machines"]
    assert (row["kind"], row["machine_id"], row["outcome"]) == ("volume", volume.id, "deleted")
    assert simulator.ledger.alive() == []


def test_an_older_twin_is_a_duplicate(vendors: Vendors, capsys: pytest.CaptureFixture[str]) -> None:
    older = vendors.rent("runpod", title="trial", ends_in=IN_TIME)
    vendors.served["runpod"].advance(60)
    newer = vendors.rent("runpod", title="trial", ends_in=IN_TIME)
    assert outcomes(run(capsys)) == {f"runpod/{older}": "deleted", f"runpod/{newer}": "kept"}


def test_grace_leaves_a_machine_to_its_own_watchdog(vendors: Vendors, capsys: pytest.CaptureFixture[str]) -> None:
    machine = vendors.rent("lambda", title="trial", ends_in=timedelta(minutes=-5))
    assert outcomes(run(capsys, "--grace", "2h")) == {f"lambda/{machine}": "kept"}
    assert outcomes(run(capsys, "--grace", "2m")) == {f"lambda/{machine}": "deleted"}


def test_strangers_are_never_touched(vendors: Vendors, capsys: pytest.CaptureFixture[str]) -> None:
    for name, simulator in vendors.simulators.items():
        simulator.faults.arm("duplicate_name")  # a machine of almost our name, without our marker
        vendors.rent(name, title="trial", ends_in=EXPIRED)
    run(capsys, "--all", "--yes")
    assert vendors.alive() == []
    touched = [getattr(simulator, "strangers_touched", set[str]()) for simulator in vendors.simulators.values()]
    assert touched == [set()] * len(touched)


def test_all_asks_first_and_refuses_where_nobody_can_answer(
    vendors: Vendors, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = vendors.rent("runpod", title="trial", ends_in=IN_TIME)
    assert main(["reap", "--all"]) == 2
    assert "--all --yes" in capsys.readouterr().err
    assert vendors.alive() == [f"runpod/{machine}"]
    assert outcomes(run(capsys, "--all", "--yes")) == {f"runpod/{machine}": "deleted"}


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "ends"), [("y\n", True), ("n\n", False)])
def test_at_a_terminal_all_shows_what_would_end_and_asks(
    *,
    typed: str,
    ends: bool,
    vendors: Vendors,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    machine = vendors.rent("runpod", title="trial", ends_in=IN_TIME)
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    assert main(["reap", "--all"]) == 0
    out, err = capsys.readouterr()
    assert machine in out
    assert "End 1 machine ($18.36/h)?" in err
    assert vendors.alive() == ([] if ends else [f"runpod/{machine}"])


def test_one_machine_by_its_id_and_no_other(vendors: Vendors, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = vendors.rent("runpod", title="trial", ends_in=IN_TIME)
    other = vendors.rent("runpod", title="old", ends_in=EXPIRED, urn="other")
    assert outcomes(run(capsys, "--machine", f"runpod/{wanted}")) == {f"runpod/{wanted}": "deleted"}
    assert vendors.alive() == [f"runpod/{other}"]
    assert outcomes(run(capsys, "--machine", f"runpod/{wanted}")) == {f"runpod/{wanted}": "gone already"}


def test_a_machine_that_is_not_ours_is_refused_by_its_id(vendors: Vendors, capsys: pytest.CaptureFixture[str]) -> None:
    vendors.simulators["vastai"].faults.arm("duplicate_name")
    ours = vendors.rent("vastai", title="trial", ends_in=IN_TIME)
    document = run(capsys, "--all", "--dry-run")
    assert outcomes(document) == {f"vastai/{ours}": "would delete"}
    simulator: Any = vendors.simulators["vastai"]
    stranger = next(str(number) for number in simulator.world.contracts if str(number) != ours)
    assert main(["reap", "--machine", f"vastai/{stranger}"]) == 1
    out, err = capsys.readouterr()
    assert out.rstrip().endswith("not ours")
    assert "does not carry our marker; it was not touched" in err
    assert simulator.strangers_touched == set()


def test_titles_narrow_it(vendors: Vendors, capsys: pytest.CaptureFixture[str]) -> None:
    trial = vendors.rent("runpod", title="trial-405b", ends_in=EXPIRED)
    prod = vendors.rent("runpod", title="prod", ends_in=EXPIRED, urn="other")
    assert outcomes(run(capsys, "--stack", "Trial")) == {f"runpod/{trial}": "deleted"}
    assert vendors.alive() == [f"runpod/{prod}"]


def test_a_vendor_that_cannot_be_listed_is_exit_4_with_its_console(
    vendors: Vendors, capsys: pytest.CaptureFixture[str]
) -> None:
    other = vendors.rent("lambda", title="trial", ends_in=EXPIRED)
    vendors.simulators["runpod"].faults.arm("malformed_list", times=1000)
    assert main(["reap"]) == 4
    out, err = capsys.readouterr()
    assert "deleted" in out  # the others are reaped all the same
    assert f"lambda/{other}" not in vendors.alive()
    assert "runpod could not be asked" in err
    assert "https://console.runpod.io/pods: runpod: list pods" in err


def test_a_machine_that_cannot_be_proved_gone_is_exit_4_with_its_console(
    vendors: Vendors, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = vendors.rent("runpod", title="trial", ends_in=EXPIRED)
    vendors.simulators["runpod"].faults.arm("delete_fails", times=10_000)
    document = run(capsys, code=4)
    assert outcomes(document) == {f"runpod/{machine}": "not verified"}
    assert document["proved"] is False
    assert document["ended"] == 0


def test_two_at_once_do_not_disturb_each_other(vendors: Vendors) -> None:
    for name in vendors.simulators:
        vendors.rent(name, title="trial", ends_in=EXPIRED)
    command = [sys.executable, "-m", "modelyard.cli", "reap", "--json"]
    both = [
        subprocess.Popen(command, cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    documents = [json.loads(process.communicate(timeout=60)[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert [document["proved"] for document in documents] == [True, True]
    assert vendors.alive() == []


def test_ctrl_c_says_that_it_must_be_run_again(vendors: Vendors) -> None:
    vendors.rent("runpod", title="trial", ends_in=EXPIRED)
    vendors.simulators["runpod"].faults.arm("delete_fails", times=10_000)
    # A job in the background of a shell ignores Ctrl-C, and so would what it starts.
    process = subprocess.Popen(
        ["env", "--default-signal=INT", sys.executable, "-m", "modelyard.cli", "reap"],
        cwd=ROOT,
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert "ending" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run `modelyard reap` again to be certain" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--vendor", "runpot"], "unknown vendor 'runpot'"),
        (["--machine", "runpod"], "'runpod' is not a machine"),
        (["--machine", "azure/x"], "unknown vendor 'azure'"),
        (["--all", "--yes", "--machine", "runpod/x"], "--all and --machine do not go together"),
        (["--vendor", "lambda", "--machine", "runpod/x"], "none of the vendors"),
        (["--stack", "—"], "no letter or digit"),
        (["--grace", "soon"], "'soon' is not a length of time"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    arguments: list[str], says: str, vendors: Vendors, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reap", *arguments]) == 2
    assert says in capsys.readouterr().err
    assert [call for simulator in vendors.simulators.values() for call in simulator.calls] == []


@pytest.mark.usefixtures("vendors")
def test_vendors_without_a_key_are_named_and_skipped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("LAMBDA_API_KEY")
    assert main(["reap"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0] == "left out, no key: lambda (LAMBDA_API_KEY)"
    assert "no machine with our marker at runpod, vastai" in err
    assert main(["reap", "--vendor", "lambda"]) == 2
    assert "no API key for lambda" in capsys.readouterr().err


def test_a_vendor_with_settings_that_cannot_be_used_does_not_stop_the_others(
    vendors: Vendors, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = vendors.rent("vastai", title="trial", ends_in=EXPIRED)
    monkeypatch.setenv("RUNPOD_REST_URL", "http://example.com/v2")
    document = run(capsys, code=4)
    assert outcomes(document) == {f"vastai/{machine}": "deleted"}
    assert vendors.alive() == []
    assert main(["reap", "--vendor", "runpod"]) == 2
    assert "in the clear" in capsys.readouterr().err


def test_without_any_key_it_says_which_variables_there_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RUNPOD_API_KEY", "LAMBDA_API_KEY", "VAST_API_KEY", "VERDA_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    assert main(["reap"]) == 2
    err = capsys.readouterr().err
    assert all(name in err for name in ("RUNPOD_API_KEY", "LAMBDA_API_KEY", "VAST_API_KEY"))
