"""The offers that were not taken, the most telling first and each story told once.

Hundreds of offers lose. What a reader asks is: what would have held it and was left out, and how close were the others.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from modelyard.fit import Fit
from modelyard.offers import Offer, Rejection
from modelyard.plan.holds import fit_on
from modelyard.plan.request import Asked
from modelyard.plan.types import Loser


def make_loser(offer: Offer, reason: str) -> Loser:
    """An offer and why it was not taken."""
    return Loser(label=offer.label, usd_per_hour=offer.usd_per_hour, reason=reason)


def order_losers(
    asked: Asked,
    *,
    beaten: Iterable[Rejection],
    unfit: Iterable[Rejection],
    filtered: Sequence[Rejection],
) -> tuple[Loser, ...]:
    """Everything that was not taken.

    First what holds the model: beaten by a better offer, or kept out by a filter; then, of each kind of machine, the
    largest that is too small; then the rest of what the filters kept out, the cheapest of each kind.

    Args:
        asked: the spec with its names looked up.
        beaten: offers that hold the model and were not needed.
        unfit: offers within the filters that do not hold it.
        filtered: offers that the filters keep out.
    """
    holding = [r for r in filtered if isinstance(fit_on(asked, r.offer), Fit)]
    kept = {r.offer.key for r in holding}
    rest = [r for r in filtered if r.offer.key not in kept]
    # Elsewhere one price per kind of machine is comparison enough: the others are regions and sizes.
    elsewhere = _one_per_kind(sorted((r for r in holding if not r.offer.rentable), key=_by_price))
    within_reach = [r for r in holding if r.offer.rentable]
    groups = (
        sorted([*beaten, *within_reach, *elsewhere], key=_by_price),
        sorted(_one_per_kind(sorted(unfit, key=lambda r: -r.offer.gpu_count)), key=_by_price),
        _one_per_kind(sorted(rest, key=_by_price)),
    )
    return tuple(dict.fromkeys(make_loser(r.offer, r.reason) for group in groups for r in group))


def _one_per_kind(rejections: Iterable[Rejection]) -> list[Rejection]:
    """The first of each vendor, GPU and market."""
    first: dict[tuple[str, str, str, bool], Rejection] = {}
    for rejection in rejections:
        offer = rejection.offer
        first.setdefault((offer.vendor, offer.gpu, offer.trust.value, offer.spot), rejection)
    return list(first.values())


def _by_price(rejection: Rejection) -> tuple[Decimal, str]:
    return rejection.offer.usd_per_hour, rejection.offer.key
