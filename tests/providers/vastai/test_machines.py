"""Renting at Vast, against the simulator."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from providers.base.accounts import Accounts
from providers.base.errors import Kind, VendorError
from providers.base.machines import Candidate, Sighting, Status
from providers.base.marker import Marker
from providers.base.release import release
from providers.vastai.client import ACCESS
from providers.vastai.machines import VastMachines
from tests.providers.vastai.setting import Setting, candidate, only
from tests.simulators.core import SimRequest
from tests.simulators.transport import SimTransport


def rent(setting: Setting, *, wait: float = 0.0, **changes: Any) -> tuple[str, Sighting]:
    """A machine, and how it looks ``wait`` seconds later."""

    async def main(vendor: VastMachines) -> tuple[str, Sighting]:
        machine_id = await vendor.create(setting.order(**changes))
        await asyncio.sleep(wait)
        seen = await vendor.get(machine_id)
        assert seen is not None
        return machine_id, seen

    return setting.run(main)


def test_a_machine_is_seen_as_it_is() -> None:
    setting = Setting()
    marker = setting.marker()
    machine_id, seen = rent(setting, marker=marker, wait=70)
    assert (seen.machine_id, seen.name, seen.marker) == (machine_id, marker.name, marker)
    assert (seen.gpu, seen.gpu_count, seen.spot) == ("H100-SXM", 1, False)
    assert seen.status is Status.RUNNING
    assert seen.usd_per_hour == Decimal("1.55274")  # 1.55 and 100 GB of disk
    assert seen.created_at == datetime.fromtimestamp(1_800_000_000, UTC)
    assert seen.image == "vllm/vllm-openai:v0.33.0"
    assert seen.address == f"https://{seen.ports[8080]}"
    assert "\n" not in seen.ports[8080]
    assert set(seen.ports) == {22, 8080}
    assert setting.sim.creates == {marker.name: 1}


@pytest.mark.parametrize(
    ("age", "status", "detail"),
    [
        (0.0, Status.PENDING, "not started"),
        (3.0, Status.PENDING, "created: Pulling fs layer 3/12"),
        (30.0, Status.PENDING, "loading: Pulling fs layer 3/12"),
        (61.0, Status.RUNNING, "running: success, running"),
    ],
)
def test_a_machine_boots(age: float, status: Status, detail: str) -> None:
    _, seen = rent(Setting(), wait=age)
    assert (seen.status, seen.detail) == (status, detail)
    assert (seen.address is None) == (status is not Status.RUNNING)


def test_the_cheapest_ask_is_taken_and_the_order_goes_out_whole() -> None:
    setting = Setting()
    rent(setting, candidate=candidate(trust="secure", region="de"))
    contract = only(setting.sim.world.contracts)
    assert (contract.host.country, contract.host.secure) == ("DE", True)
    assert contract.env["-p 8080:8080"] == "1"
    assert contract.env["VLLM_API_KEY"] == "sk-very-secret-key"
    assert contract.onstart == "#!/bin/bash\necho hello\n"
    assert contract.runtype == "ssh_direc ssh_proxy"
    assert contract.bid is None


@pytest.mark.parametrize(
    ("changes", "has_offer"),
    [
        ({"usd_per_hour": Decimal("1.48")}, True),  # 1.55274 is 4.9 % above
        ({"usd_per_hour": Decimal("1.47")}, False),  # 5.6 %
        ({"gpu": "A100-80-SXM", "usd_per_hour": Decimal("0.71")}, True),
        ({"gpu": "A100-40-SXM", "usd_per_hour": Decimal("0.43")}, True),
        ({"gpu": "A100-80-SXM", "usd_per_hour": Decimal("0.43")}, False),
        ({"gpu": "H200", "gpu_count": 8, "usd_per_hour": Decimal(24)}, True),
        ({"gpu": "H200", "gpu_count": 3, "usd_per_hour": Decimal(24)}, False),
        ({"region": "FR"}, False),
    ],
)
def test_a_quote_is_not_exceeded(changes: dict[str, Any], *, has_offer: bool) -> None:
    setting = Setting()
    wanted = candidate(**changes)
    if has_offer:
        _, seen = rent(setting, candidate=wanted)
        assert (seen.gpu, seen.gpu_count) == (wanted.gpu, wanted.gpu_count)
        assert seen.usd_per_hour is not None
        assert seen.usd_per_hour <= wanted.usd_per_hour * Decimal("1.05")
    else:
        with pytest.raises(VendorError, match="no ask for") as caught:
            rent(setting, candidate=wanted)
        assert caught.value.kind is Kind.CAPACITY
        assert setting.sim.creates == {}


def test_no_ask_whose_host_leaves_before_the_deadline() -> None:
    setting = Setting()
    with pytest.raises(VendorError, match="no ask for"):
        rent(setting, marker=setting.marker(hours=31 * 24))


def test_the_next_ask_is_tried_only_when_nothing_was_made() -> None:
    setting = Setting()
    setting.sim.faults.arm("out_of_stock", times=3)
    rent(setting)
    assert sum(call.startswith("PUT /api/v0/asks/") for call in setting.sim.calls) == 4
    assert len(setting.sim.ledger.alive()) == 1
    assert setting.clock.now - 1_800_000_000 >= 3 * 4.5
    assert setting.sim.early == 0


def test_after_four_asks_it_is_sold_out() -> None:
    setting = Setting()
    setting.sim.faults.arm("out_of_stock", times=9)
    with pytest.raises(VendorError, match="no_such_ask") as caught:
        rent(setting)
    assert caught.value.kind is Kind.CAPACITY
    assert sum(call.startswith("PUT /api/v0/asks/") for call in setting.sim.calls) == 4


def test_stock_runs_out() -> None:
    setting = Setting()
    setting.sim.stock("H100 SXM", "any", 1)
    machine_id, _ = rent(setting)
    with pytest.raises(VendorError, match="no ask for"):
        rent(setting)
    setting.run(lambda vendor: vendor.delete(machine_id))
    rent(setting)


@pytest.mark.parametrize(
    ("fault", "params", "kind", "made", "alive"),
    [
        ("error_before", {}, Kind.AMBIGUOUS, 0, 0),
        ("error_after", {}, Kind.AMBIGUOUS, 1, 1),
        ("lost_reply", {}, Kind.AMBIGUOUS, 1, 1),
        ("slow_accept", {"seconds": 75}, Kind.AMBIGUOUS, 1, 1),
        ("retired", {}, Kind.RETIRED, 0, 0),
        ("auth_as_404", {}, Kind.AUTH, 0, 0),
    ],
)
def test_a_create_that_goes_wrong(fault: str, params: dict[str, float], kind: Kind, made: int, alive: int) -> None:
    setting = Setting()
    marker = setting.marker()
    setting.sim.faults.arm(fault, times=1, **params)
    with pytest.raises(VendorError) as caught:
        rent(setting, marker=marker)
    assert caught.value.kind is kind
    assert caught.value.created_id is None
    assert sum(setting.sim.creates.values()) == made
    assert len(setting.sim.ledger.alive()) == alive
    listed = setting.run(lambda vendor: vendor.list())
    assert [seen.marker for seen in listed] == [marker] * alive


def test_an_error_that_made_a_contract_says_which() -> None:
    setting = Setting()
    setting.sim.faults.arm("contract_in_error")
    with pytest.raises(VendorError, match="bid is too low") as caught:
        rent(setting)
    assert caught.value.kind is Kind.CAPACITY
    assert caught.value.created_id == str(only(setting.sim.world.contracts).id)
    assert sum(setting.sim.creates.values()) == 1  # no second ask was tried


def test_no_credit() -> None:
    setting = Setting()
    setting.sim.world.credit = Decimal(0)
    with pytest.raises(VendorError, match="add credit") as caught:
        rent(setting)
    assert caught.value.kind is Kind.BALANCE


def test_too_many_requests_are_waited_out() -> None:
    setting = Setting()
    setting.sim.faults.arm("rate_limited", times=4)
    rent(setting)
    assert sum(setting.sim.creates.values()) == 1


def test_a_wrong_key_is_no_missing_machine() -> None:
    setting = Setting(key="another-key")
    with pytest.raises(VendorError, match="Invalid user key") as caught:
        setting.run(lambda vendor: vendor.get("1"))
    assert caught.value.kind is Kind.AUTH
    assert "another-key" not in str(caught.value)


@pytest.mark.parametrize("call", ["get", "list", "delete"])
def test_a_404_that_means_a_wrong_key(call: str) -> None:
    setting = Setting()
    machine_id, _ = rent(setting)
    setting.sim.faults.arm("auth_as_404")

    async def main(vendor: VastMachines) -> object:
        calls = {"get": vendor.get(machine_id), "list": vendor.list(), "delete": vendor.delete(machine_id)}
        wanted = calls.pop(call)
        for other in calls.values():
            other.close()
        return await wanted

    with pytest.raises(VendorError) as caught:
        setting.run(main)
    assert caught.value.kind is Kind.AUTH


@pytest.mark.parametrize("machine_id", ["", "abc", "12/..", "١٢"])
def test_an_id_that_is_none(machine_id: str) -> None:
    with pytest.raises(VendorError, match="is no Vast id") as caught:
        Setting().run(lambda vendor: vendor.get(machine_id))
    assert caught.value.kind is Kind.INVALID


def test_a_machine_that_is_gone() -> None:
    setting = Setting()
    machine_id, _ = rent(setting)
    setting.sim.remove_behind_back(machine_id)

    async def main(vendor: VastMachines) -> Sighting | None:
        await vendor.delete(machine_id)
        return await vendor.get(machine_id)

    assert setting.run(main) is None


def test_all_pages_are_read() -> None:
    setting = Setting()

    async def main(vendor: VastMachines) -> list[Sighting]:
        for _ in range(27):
            await vendor.create(setting.order(setting.marker().again()))
        return await vendor.list()

    seen = setting.run(main)
    assert len({s.machine_id for s in seen}) == 27
    assert setting.sim.calls.count("GET /api/v1/instances/") == 2
    assert setting.sim.early == 0


@pytest.mark.parametrize("seed", range(6))
def test_a_malformed_list_is_an_error_or_read_again(seed: int) -> None:
    setting = Setting()
    setting.sim.random.seed(seed)
    rent(setting)
    setting.sim.faults.arm("malformed_list", times=1)
    assert len(setting.run(lambda vendor: vendor.list())) == 1
    setting.sim.faults.arm("malformed_list", times=1000)
    with pytest.raises(VendorError) as caught:
        setting.run(lambda vendor: vendor.list())
    assert caught.value.kind is Kind.MALFORMED


def test_a_machine_that_comes_between_two_pages_is_not_lost() -> None:
    setting = Setting()

    async def fill(vendor: VastMachines) -> None:
        for _ in range(26):
            await vendor.create(setting.order(setting.marker().again()))

    setting.run(fill)
    pages = 0

    def vanish(_sim: object, request: SimRequest) -> None:
        nonlocal pages
        if request.path == "/api/v1/instances/":
            pages += 1
            if pages == 1:
                setting.sim.remove_behind_back(str(min(setting.sim.world.contracts)))

    setting.run(lambda _: setting.accounts.close())
    setting.accounts.transport = SimTransport({"console.vast.ai": setting.sim}, after=vanish)
    seen = setting.run(lambda vendor: vendor.list())
    assert len(seen) == 25
    assert pages == 3  # two that did not add up, then one of 25


def test_rename_puts_the_new_marker_first() -> None:
    setting = Setting()
    machine_id, _ = rent(setting)
    new = setting.marker(hours=5, title="longer")

    async def main(vendor: VastMachines) -> Sighting | None:
        await vendor.rename(machine_id, new)
        return await vendor.get(machine_id)

    seen = setting.run(main)
    assert seen is not None
    assert (seen.name, seen.marker) == (new.name, new)


def test_the_marker_in_the_environment_stands_in_for_a_changed_label() -> None:
    setting = Setting()
    marker = setting.marker()
    machine_id, _ = rent(setting, marker=marker)
    setting.sim.world.contracts[int(machine_id)].label = "my favourite"
    (seen,) = setting.run(lambda vendor: vendor.list())
    assert (seen.name, seen.marker) == ("my favourite", marker)


def test_a_stranger_has_no_marker() -> None:
    setting = Setting()
    setting.sim.faults.arm("duplicate_name")
    marker = setting.marker()
    rent(setting, marker=marker)
    seen = setting.run(lambda vendor: vendor.list())
    assert sorted((s.marker is None) for s in seen) == [False, True]


@pytest.mark.parametrize(
    ("fault", "status", "detail"),
    [
        ("oci_error", Status.FAILED, "OCI runtime create failed"),
        ("never_ready", Status.PENDING, "loading"),
        ("slow_boot", Status.PENDING, "loading"),
    ],
)
def test_machines_that_do_not_come_up(fault: str, status: Status, detail: str) -> None:
    setting = Setting()
    setting.sim.faults.arm(fault)
    _, seen = rent(setting, wait=100)
    assert seen.status is status
    assert detail in seen.detail
    assert seen.address is None


def test_another_gpu_than_was_listed_shows() -> None:
    setting = Setting()
    setting.sim.faults.arm("capacity_lie", delivered=1)
    _, seen = rent(setting)
    assert seen.gpu == "RTX 3060"


def test_a_price_that_drifted_shows() -> None:
    setting = Setting()
    setting.sim.faults.arm("price_drift", factor=2)
    _, seen = rent(setting)
    assert seen.usd_per_hour == Decimal("3.10274")


def test_a_spot_machine_bids_what_it_was_quoted() -> None:
    setting = Setting()
    machine_id, seen = rent(setting, candidate=candidate(spot=True, usd_per_hour=Decimal("0.9")), wait=61)
    assert seen.spot
    assert only(setting.sim.world.contracts).bid == Decimal("0.9")
    setting.sim.preempt(machine_id)
    again = setting.run(lambda vendor: vendor.get(machine_id))
    assert again is not None
    assert again.status is Status.STOPPED


@pytest.mark.parametrize(("bid", "kind"), [("0.5", Kind.CAPACITY), ("129", Kind.INVALID), ("0.0001", Kind.INVALID)])
def test_bids_that_cannot_win(bid: str, kind: Kind) -> None:
    setting = Setting()
    with pytest.raises(VendorError) as caught:
        rent(setting, candidate=candidate(spot=True, usd_per_hour=Decimal(bid)))
    assert caught.value.kind is kind
    assert setting.sim.creates == {}


def test_the_end_of_the_hosts_offer_stops_the_machine_and_then_deletes_it() -> None:
    setting = Setting()
    machine_id, _ = rent(setting)
    setting.clock.advance(30 * 86_400)
    seen = setting.run(lambda vendor: vendor.get(machine_id))
    assert seen is not None
    assert seen.status is Status.STOPPED
    setting.clock.advance(48 * 3600)
    assert setting.run(lambda vendor: vendor.get(machine_id)) is None
    assert setting.sim.ledger.alive() == []


@pytest.mark.parametrize("fault", ["delete_fails", "delete_ignored", "delete_reappears", "read_error", "rate_limited"])
def test_release_proves_absence(fault: str) -> None:
    setting = Setting()
    machine_id, _ = rent(setting)
    setting.sim.faults.arm(fault, times=2)
    assert setting.run(lambda vendor: release(vendor, machine_id, clock=setting.accounts.time())) is True
    assert setting.sim.ledger.alive() == []
    assert setting.sim.early == 0


def test_delayed_visibility_shows_nothing_then_everything() -> None:
    setting = Setting()
    setting.sim.faults.arm("delayed_visibility", seconds=30)

    async def main(vendor: VastMachines) -> tuple[int, int]:
        await vendor.create(setting.order())
        early = len(await vendor.list())
        await asyncio.sleep(30)
        return early, len(await vendor.list())

    assert setting.run(main) == (0, 1)


def test_logs_come_from_another_host_without_the_key() -> None:
    setting = Setting()
    machine_id, _ = rent(setting)
    contract = setting.sim.world.contracts[int(machine_id)]
    contract.log = [f"line {n}" for n in range(50)] + ["key sk-very-secret-key and test-account-key"]
    lines = setting.run(lambda vendor: vendor.logs(machine_id, lines=3))
    assert lines == ["line 48", "line 49", "key [hidden] and [hidden]"]


def test_quote_is_the_cheapest_ask_now() -> None:
    setting = Setting()

    async def main(vendor: VastMachines) -> list[Decimal | None]:
        wanted: list[Candidate] = [
            candidate(usd_per_hour=Decimal("0.01")),
            candidate(spot=True),
            candidate(trust="secure"),
            candidate(gpu_count=5),
        ]
        return [await vendor.quote(each) for each in wanted]

    community, spot, secure, none = setting.run(main)
    assert community == Decimal("1.550219")  # with the 8 GB that a search without a disk counts
    assert spot == Decimal("0.775")
    assert secure == Decimal("1.596719")
    assert none is None


def test_a_gpu_that_vast_does_not_sell() -> None:
    with pytest.raises(VendorError, match="'GB200' is not sold") as caught:
        rent(Setting(), candidate=candidate(gpu="GB200"))
    assert caught.value.kind is Kind.INVALID


def test_a_region_that_is_no_country() -> None:
    with pytest.raises(VendorError, match="two letters") as caught:
        rent(Setting(), candidate=candidate(region="us-east-1"))
    assert caught.value.kind is Kind.INVALID


def test_a_volume_decides_the_machine() -> None:
    setting = Setting()
    host = next(h for h in setting.sim.world.market.hosts if h.product.sku == "H100 SXM" and h.count == 1 and h.secure)
    volume = setting.sim.world.make_volume(host, size_gb=200, label="cache")
    machine_id, _ = rent(setting, network_volume_id=str(volume.id), cache_path="/models")
    contract = setting.sim.world.contracts[int(machine_id)]
    assert (contract.host, contract.volume_id) == (host, volume.id)
    with pytest.raises(VendorError, match="there is no volume 7"):
        rent(setting, network_volume_id="7", cache_path="/models")
    with pytest.raises(VendorError, match="absolute path"):
        rent(setting, network_volume_id=str(volume.id), cache_path=None)


def test_paces_are_kept_across_many_machines() -> None:
    setting = Setting()

    async def main(vendor: VastMachines) -> None:
        async def life(number: int) -> None:
            machine_id = await vendor.create(setting.order(setting.marker(title=f"m{number}").again()))
            await vendor.get(machine_id)
            await vendor.list()
            await vendor.delete(machine_id)

        await asyncio.gather(*(life(number) for number in range(16)))

    setting.run(main)
    assert setting.sim.early == 0
    assert setting.sim.ledger.alive() == []
    assert sum(setting.sim.creates.values()) == 16
    assert setting.clock.now - 1_800_000_000 < 16 * 4.5 * 1.3


def test_console() -> None:
    setting = Setting()
    assert setting.machines.console_url("1") == "https://cloud.vast.ai/instances/"
    assert setting.machines.name == "vastai"
    assert isinstance(setting.marker(), Marker)


def test_many_who_look_share_a_list() -> None:
    setting = Setting()

    async def main(vendor: VastMachines) -> list[Sighting | None]:
        made = [await vendor.create(setting.order(setting.marker().again())) for _ in range(8)]
        setting.sim.calls.clear()
        seen = await asyncio.gather(*(vendor.get(machine_id) for machine_id in made))
        setting.sim.remove_behind_back(made[7])
        await asyncio.sleep(3)
        return [*seen, *await asyncio.gather(*(vendor.get(machine_id) for machine_id in made))]

    seen = setting.run(main)
    assert [s is None for s in seen] == [False] * 15 + [True]
    assert setting.sim.calls.count("GET /api/v1/instances/") == 2
    assert (
        sum(call.startswith("GET /api/v0/instances/") for call in setting.sim.calls) == 9
    )  # the first is done before the second asks: 4, then 4 and the absent


def test_the_key_may_lie_where_the_vendors_own_tools_keep_it(tmp_path: Path) -> None:
    accounts = Accounts(environment={}, home=tmp_path)
    with pytest.raises(VendorError, match="no API key") as caught:
        VastMachines(accounts)
    assert caught.value.kind is Kind.AUTH
    folder = tmp_path / ".config" / "vastai"
    folder.mkdir(parents=True)
    (folder / "vast_api_key").write_text("key-in-a-file\n", encoding="utf-8")
    assert accounts.has_key(ACCESS)
