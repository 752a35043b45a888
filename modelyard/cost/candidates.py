"""A candidate of a registered Machine, read back into the offer that it was made from."""

from collections.abc import Mapping

from modelyard.cost.reading import UnreadableError, need_date, need_int, need_text, read, read_decimal, read_text
from modelyard.errors import UnknownNameError
from modelyard.offers import find_vendor
from modelyard.offers.types import Billing, Offer
from modelyard.resources import Value
from modelyard.spec import Trust


def offer_from_props(candidate: Value) -> Offer:
    """The offer that a candidate's props describe.

    Facts that are not props because no price depends on them (link, vCPUs, local disk) are left at their least.

    Raises:
        UnreadableError: a prop that the price depends on is unknown, secret, absent or of the wrong type.
    """
    if not isinstance(candidate, dict):
        raise UnreadableError("a candidate is not known before it exists")
    price = read_decimal(candidate, "usdPerHour")
    if not price:
        raise UnreadableError("usdPerHour is not set")
    trust = need_text(candidate, "trust")
    if trust not in {tier.value for tier in Trust}:
        raise UnreadableError("trust is not a trust tier")
    return Offer(
        vendor=need_text(candidate, "vendor"),
        sku=read_text(candidate, "sku") or "",
        gpu=need_text(candidate, "gpu"),
        gpu_count=need_int(candidate, "gpuCount"),
        region=read_text(candidate, "region") or "any",
        trust=Trust(trust),
        spot=read(candidate, "spot") is True,
        usd_per_hour=price,
        billing=_billing(candidate),
        fast_link=False,
        as_of=need_date(candidate, "asOf"),
        source=need_text(candidate, "source"),
        rentable=True,
    )


def _billing(candidate: Mapping[str, Value]) -> Billing:
    try:
        note = find_vendor(need_text(candidate, "vendor")).billing_note
    except UnknownNameError:
        note = ""
    return Billing(
        granularity_seconds=need_int(candidate, "granularitySeconds"),
        minimum_seconds=need_int(candidate, "minimumSeconds"),
        note=note,
    )
