"""Instances in our words, in the odd forms too."""

from decimal import Decimal
from typing import Any

import pytest

from providers.base.errors import Kind, VendorError
from providers.base.machines import Status
from providers.vastai.replies import Instance, parse
from providers.vastai.sightings import country, reachable, sighting, status_of


def instance(**facts: Any) -> Instance:
    return parse({"id": 5, "actual_status": "running", **facts}, Instance, "show")


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({"actual_status": None}, Status.PENDING),
        ({"actual_status": "something new"}, Status.PENDING),
        ({"actual_status": "rebooting"}, Status.PENDING),
        ({"actual_status": "running"}, Status.RUNNING),
        ({"actual_status": "exited"}, Status.STOPPED),
        ({"actual_status": "offline"}, Status.FAILED),
        ({"actual_status": "frozen"}, Status.FAILED),
        ({"actual_status": "unknown"}, Status.FAILED),
        ({"cur_state": "stopped", "next_state": "stopped", "intended_status": "stopped"}, Status.STOPPED),
        ({"cur_state": "stopped", "next_state": "running", "intended_status": "running"}, Status.RUNNING),
        ({"actual_status": "loading", "status_msg": "Error response from daemon: no space"}, Status.FAILED),
        ({"actual_status": "running", "status_msg": "Error response from daemon: earlier"}, Status.RUNNING),
    ],
)
def test_statuses(facts: dict[str, Any], status: Status) -> None:
    assert status_of(instance(**facts)) is status


@pytest.mark.parametrize(
    ("ports", "address", "expected"),
    [
        ({"8080/tcp": [{"HostIp": "0.0.0.0", "HostPort": "41000"}]}, " 1.2.3.4\n", {8080: "1.2.3.4:41000"}),  # noqa: S104  # as Vast shows it
        ({"8080/tcp": [{"HostPort": 41000}]}, "2001:db8::1", {8080: "[2001:db8::1]:41000"}),
        ({"8080/udp": [{"HostPort": "41000"}], "22/tcp": []}, "1.2.3.4", {}),
        ([22, 8080], "1.2.3.4", {}),
        (None, "1.2.3.4", {}),
        ({"8080/tcp": [{"HostPort": "41000"}]}, None, {}),
        ({"8080/tcp": None, "x/tcp": [{"HostPort": "x"}]}, "1.2.3.4", {}),
    ],
)
def test_ports(ports: object, address: str | None, expected: dict[int, str]) -> None:
    assert reachable(instance(ports=ports, public_ipaddr=address)) == expected


def test_a_machine_of_which_little_is_told() -> None:
    seen = sighting(instance(dph_total=0.0), lambda text: text)
    assert (seen.gpu, seen.gpu_count, seen.usd_per_hour, seen.address) == (None, None, None, None)
    assert (seen.name, seen.marker, seen.created_at, seen.region) == ("", None, None, None)
    assert sighting(instance(dph_total=0.1 + 0.2), lambda text: text).usd_per_hour == Decimal("0.30000000000000004")


@pytest.mark.parametrize(
    ("extra_env", "expected"),
    [
        ([["A", "1"], ["B", "2"]], {"A": "1", "B": "2"}),
        ({"A": "1"}, {"A": "1"}),
        ([["A"], "x", ["B", 2]], {}),
        (None, {}),
        ("-e A=1", {}),
    ],
)
def test_environment_as_echoed(extra_env: object, expected: dict[str, str]) -> None:
    assert instance(extra_env=extra_env).env() == expected


@pytest.mark.parametrize(
    ("text", "code"), [("Oslo, NO", "NO"), (", US", "US"), ("US", "US"), ("Somewhere", None), (None, None)]
)
def test_countries(text: str | None, code: str | None) -> None:
    assert country(text) == code


@pytest.mark.parametrize("body", [{}, {"id": "5", "actual_status": None}, {"id": 5}, [], {"id": 5, "label": 3}])
def test_a_machine_that_is_none(body: object) -> None:
    with pytest.raises(VendorError) as caught:
        parse(body, Instance, "show")
    assert caught.value.kind is Kind.MALFORMED
