"""One object of each vendor under the real engine: made, changed, refreshed, imported, destroyed."""

from typing import Any

import pytest

from tests.engine.conftest import Engine
from tests.engine.rental import RentalStack, Row, counted, small_stack
from tests.simulators.account import Vendors

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300), pytest.mark.xdist_group("rental")]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8m0Q9m0Q9m0Q9m0Q9m0Q9m0Q9m0Q9m0Q9m0Q9m0Q9m engine-test"
PASSWORD = "engine-test-registry-password"
STACK_ITSELF = 1


def rows(*, size_gb: int = 20, import_ids: dict[str, str] | None = None) -> list[Row]:
    """The objects, by the type's last word."""
    props: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
        "NetworkVolume": ("runpod", {"name": "weights", "sizeGb": size_gb, "dataCenter": "US-KS-2"}, ()),
        "RegistryAuth": ("runpod", {"name": "hub", "username": "u", "password": PASSWORD}, ("password",)),
        "Filesystem": ("lambda", {"name": "weights", "region": "us-east-1"}, ()),
        "SshKey": ("lambda", {"name": "laptop", "publicKey": KEY}, ()),
        "Volume": ("vastai", {"sizeGb": 50}, ()),
    }
    return [
        Row(
            type=f"modelyard-rental:{vendor}:{kind}",
            name=kind.lower(),
            props=inputs,
            secret=secret,
            import_id=(import_ids or {}).get(kind.lower()),
        )
        for kind, (vendor, inputs, secret) in props.items()
    ]


def ids(stack: RentalStack) -> dict[str, str]:
    """Name in the program → id at the vendor."""
    return {row.name: stack.resources(row.type)[0]["id"] for row in rows()}


def billed(stack: RentalStack) -> list[str]:
    """What costs money."""
    return [entry.kind for s in stack.vendors.simulators.values() for entry in s.ledger.alive()]


def test_objects_of_every_vendor(rental_engine: Engine, vendors: Vendors) -> None:
    stack = small_stack(rental_engine, vendors, "objects")
    count = len(rows())
    stack.write(*rows())
    assert counted(stack.up()) == {"created": count + STACK_ITSELF}
    assert counted(stack.up()) == {"unchanged": count + STACK_ITSELF}
    made = ids(stack)
    stack.write(*rows(size_gb=40))
    assert counted(stack.up()) == {"updated": 1, "unchanged": count}
    assert ids(stack) == made
    (volume,) = stack.runpod.volumes.things.values()
    volume.asked["size"] = 60
    assert counted(stack.refresh()) == {"updated": 1, "unchanged": count}
    stack.write(*rows(size_gb=60))
    assert "updated" not in counted(stack.up()), "what was changed outside is what the program asks for now"

    other = small_stack(rental_engine, vendors, "objects-imported")
    other.write(*rows(size_gb=60, import_ids=made))
    assert counted(other.up())["imported"] == count
    assert counted(other.up()) == {"unchanged": count + STACK_ITSELF}
    assert ids(other) == made

    assert counted(stack.destroy()) == {"deleted": count + STACK_ITSELF}
    assert billed(stack) == []
    assert counted(other.refresh())["deleted"] == count
    for each in (stack, other):
        assert each.secrets_in_the_clear(PASSWORD) == []
