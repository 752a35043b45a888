"""What a plan is warned of, in plain words: facts that change no decision and that one should know before paying."""

from collections.abc import Iterator, Sequence

from modelyard.catalog.gpus import Gpu, find_gpu
from modelyard.cost import unit_price
from modelyard.fit import Fit, Verdict
from modelyard.offers import RENTABLE_VENDORS, find_vendor
from modelyard.plan.request import Asked
from modelyard.plan.types import Candidate
from modelyard.render.engines.vllm_options import option_warnings
from modelyard.units import format_usd

_CROSSES_PCIE = "crosses PCIe"
"""What the fit says of slow links; on a rented machine the offer knows better."""

_NOT_FREE = ("research", "non-commercial", "noncommercial")


def rented_warnings(asked: Asked, candidates: Sequence[Candidate]) -> Iterator[str]:
    """Warnings about where it is rented.

    Args:
        asked: the spec with its names looked up.
        candidates: best first, at least one.
    """
    chosen = candidates[0].offer
    slow = links_warning(find_gpu(chosen.gpu), chosen.gpu_count, fast_link=chosen.fast_link)
    if slow:
        yield slow
    vendors = asked.spec.place.vendors or RENTABLE_VENDORS
    if len(set(vendors)) == 1:
        yield f"one vendor alone ({vendors[0]}): price two before committing, spot and stock move weekly"
    elif len({c.offer.vendor for c in candidates}) == 1 and len(candidates) > 1:
        yield f"every offer that is within your ceilings is {chosen.vendor}'s: a stock-out there stops the start"
    yield from _account_warnings(asked, candidates)
    if chosen.vendor == "vastai":
        yield f"{chosen.label}: {format_usd(chosen.usd_per_hour)}/h is the cheapest ask of {chosen.as_of}, not a quote"
    dearest = max(candidates, key=lambda c: c.ranked_usd)
    if dearest.offer.usd_per_hour > chosen.usd_per_hour:
        price = format_usd(dearest.offer.usd_per_hour)
        counted = "the worst case counts" if dearest.bill.max_spend_usd is not None else "no total here counts"
        yield f"sold out, it may become {dearest.offer.label} at {price}/h: {counted} that one"


def warnings_of(asked: Asked, fit: Fit) -> Iterator[str]:
    """Warnings about what is served, wherever it runs."""
    on_nodes = asked.spec.place.kubernetes is not None
    if fit.verdict is Verdict.TIGHT:
        yield from (f"tight: {reason}" for reason in fit.reasons)
    yield from (w for w in fit.warnings if on_nodes or _CROSSES_PCIE not in w)
    support = asked.support(fit.request.gpu)
    if support.kind == "weight-only":
        yield support.why
    if asked.engine.status == "maintenance":
        yield f"{asked.engine.title} is in maintenance mode: its makers send new users to vLLM or SGLang"
    yield from option_warnings(asked.spec.engine.options)
    if fit.request.gpu.vendor == "amd":
        yield f"the tag of {asked.image(fit.request.gpu)} follows its makers' naming; pull it once before relying on it"
    if not asked.engine.metrics_path:
        yield f"{asked.engine.title} has no metrics: only those of the GPUs are collected"
    if asked.spec.weights is not None:
        what = f"{asked.model.title} at {asked.weights.quantization}"
        yield f"{asked.spec.weights} is taken to be {what}: it is not checked"
    if asked.weights.gated:
        yield f"{asked.weights.hub_id} is gated: accept its licence on the hub and give a token (huggingface:token)"
    if any(word in asked.model.license.lower() for word in _NOT_FREE):
        yield f"licence: {asked.model.license}; check that your use is allowed"
    if asked.spec.replicas > 1 and not on_nodes:
        yield f"{asked.spec.replicas} rented machines have an address each; nothing balances between them"


def links_warning(gpu: Gpu, gpu_count: int, *, fast_link: bool) -> str | None:
    """The warning for tensor parallelism over PCI Express; None when the GPUs share a fast link."""
    if gpu_count == 1 or fast_link:
        return None
    return (
        f"tensor parallel over {gpu_count} {gpu.name} without a fast link: expect 30 to 50 % less throughput; "
        "place.nvlink: true asks for machines that have one"
    )


def _account_warnings(asked: Asked, candidates: Sequence[Candidate]) -> Iterator[str]:
    """Spend limits that a fresh account has, at every vendor that may be rented from."""
    dearest: dict[str, Candidate] = {}
    for candidate in candidates:
        known = dearest.setdefault(candidate.offer.vendor, candidate)
        if candidate.offer.usd_per_hour > known.offer.usd_per_hour:
            dearest[candidate.offer.vendor] = candidate
    for name, candidate in dearest.items():
        row = find_vendor(name).hourly_limit
        limit = unit_price(name, row) if row else None
        hourly = candidate.offer.usd_per_hour * asked.spec.replicas
        if limit is not None and hourly > limit.usd:
            yield (
                f"{name} limits a fresh account to {format_usd(limit.usd)}/h and this may take {format_usd(hourly)}/h: "
                "have the limit raised first"
            )
