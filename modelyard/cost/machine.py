"""What a rented machine costs: its hours, its disk, its network volume, and what its vendor leaves open."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

from modelyard.cost.lines import bill_parts, machine_line, make_bill, storage_line, tidy
from modelyard.cost.prices import unit_price
from modelyard.cost.types import Bill, CostLine, NotPriced
from modelyard.errors import UnknownNameError
from modelyard.offers import find_vendor
from modelyard.offers.types import Offer
from modelyard.offers.vendors import Vendor

_ZERO = Decimal(0)


def bill_offer(
    offer: Offer,
    *,
    resource: str,
    disk_gb: int,
    network_volume_gb: int | None = None,
    lifetime_seconds: int | None = None,
) -> Bill:
    """What one machine of this offer costs.

    Args:
        offer: What is rented.
        resource: Name of the resource that the lines are for.
        disk_gb: Decimal GB of the machine's own disk.
        network_volume_gb: Decimal GB of a network volume; None: there is none.
        lifetime_seconds: Seconds until the deadline; None: there is none, and so no worst case.
    """
    machine = machine_line(resource=resource, offer=offer, lifetime_seconds=lifetime_seconds)
    try:
        vendor = find_vendor(offer.vendor)
    except UnknownNameError:
        why = f"no billing rules of {offer.vendor} are known"
        return make_bill([machine], [NotPriced(resource=resource, what="disk and traffic", why=why)])
    parts = [*_disk(vendor, resource, disk_gb, lifetime_seconds), *_traffic(vendor, resource)]
    if network_volume_gb:
        parts += _volume(vendor, resource, network_volume_gb, lifetime_seconds)
    return bill_parts([machine, *parts])


def bill_machine(
    candidates: Sequence[Offer],
    *,
    resource: str,
    disk_gb: int,
    network_volume_gb: int | None = None,
    lifetime_seconds: int | None = None,
) -> Bill:
    """What a machine costs that is the first of ``candidates`` that has capacity.

    The lines are the first candidate's; the worst case is the dearest candidate's, because that is what may be rented
    when the others are sold out. What any candidate leaves open is not priced.

    Args:
        candidates: Offers in the order in which they are tried, at least one.
        resource: Name of the resource that the lines are for.
        disk_gb: Decimal GB of the machine's own disk.
        network_volume_gb: Decimal GB of a network volume; None: there is none.
        lifetime_seconds: Seconds until the deadline; None: there is none, and so no worst case.
    """
    bills = [
        bill_offer(
            offer,
            resource=resource,
            disk_gb=disk_gb,
            network_volume_gb=network_volume_gb,
            lifetime_seconds=lifetime_seconds,
        )
        for offer in candidates
    ]
    first = bills[0]
    not_priced = [item for bill in bills for item in bill.not_priced]
    dearest = max(range(len(bills)), key=lambda i: (_worst_sum(bills[i]), -i))
    if lifetime_seconds is None or dearest == 0:
        return make_bill(first.lines, not_priced)
    machine, rest = first.lines[0], first.lines[1:]
    others = sum((line.max_spend_usd or _ZERO for line in rest), _ZERO)
    offer = candidates[dearest]
    note = f"worst case: {offer.label} at ${offer.usd_per_hour}/h, when every earlier choice is sold out"
    machine = replace(
        machine,
        max_spend_usd=tidy(_worst_sum(bills[dearest]) - others),
        note="; ".join(n for n in (machine.note, note) if n),
    )
    return make_bill([machine, *rest], not_priced)


def _worst_sum(bill: Bill) -> Decimal:
    return sum((line.max_spend_usd or _ZERO for line in bill.lines), _ZERO)


def _disk(vendor: Vendor, resource: str, disk_gb: int, lifetime_seconds: int | None) -> Iterator[CostLine | NotPriced]:
    if vendor.disk == "included" or disk_gb <= 0:
        return
    price = unit_price(vendor.name, vendor.disk_price) if vendor.disk_price else None
    if price is None:
        yield NotPriced(resource=resource, what=f"disk, {disk_gb} GB", why=vendor.disk_note)
        return
    yield storage_line(
        resource=resource,
        what=f"{vendor.name} disk",
        gb=disk_gb,
        price=price,
        lifetime_seconds=lifetime_seconds,
        granularity_seconds=vendor.granularity_seconds,
        note=price.notes,
    )


def _traffic(vendor: Vendor, resource: str) -> Iterator[NotPriced]:
    if vendor.transfer_note:
        yield NotPriced(resource=resource, what="traffic", why=vendor.transfer_note)


def _volume(
    vendor: Vendor, resource: str, size_gb: int, lifetime_seconds: int | None
) -> Iterator[CostLine | NotPriced]:
    left = size_gb
    for index, row in enumerate(vendor.volume):
        price = unit_price(vendor.name, row)
        if price is None:
            break
        is_last = index == len(vendor.volume) - 1
        part = left if is_last or vendor.volume_first_gb is None else min(left, vendor.volume_first_gb)
        tiers = "billed as long as it exists, also without a machine"
        if vendor.volume_first_gb is not None:
            tiers += f"; the first {vendor.volume_first_gb:,} GB at the first price, the rest at the second"
        yield storage_line(
            resource=resource,
            what=f"{vendor.name} {row}",
            gb=part,
            price=price,
            lifetime_seconds=lifetime_seconds,
            granularity_seconds=vendor.volume_granularity_seconds,
            note=tiers,
        )
        left -= part
        if left <= 0:
            return
    if left > 0:
        yield NotPriced(
            resource=resource, what=f"network volume, {left} GB", why=f"no price of one at {vendor.name} is known"
        )
