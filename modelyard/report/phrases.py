"""Sentences that every surface says the same way, from a preview document alone."""

from modelyard.report.reader import Reader
from modelyard.units import format_duration, format_tokens, format_usd, format_usd_change

_LONG_LIFE = 10
"""A life of so many starts: the minutes that one start takes no longer decide anything."""

VERDICTS = {"fits": "fits", "tight": "tight", "does_not_fit": "does not fit"}


def title(plan: Reader) -> str:
    """``llama-3.1-405b fp8 · vLLM 0.33.0 · 16k context × 8``."""
    parts = [" ".join(word for word in (plan.text("model"), plan.text("quantization")) if word)]
    engine = plan.text("engine.name")
    if engine:
        name = {"vllm": "vLLM"}.get(engine, engine)
        parts.append(f"{name} {plan.text('engine.version')}".strip())
    context, concurrency = plan.whole("context_tokens"), plan.whole("concurrency")
    if context:
        parts.append(f"{format_tokens(context)} context" + (f" × {concurrency}" if concurrency else ""))
    replicas = plan.whole("replicas")
    if replicas and replicas > 1:
        parts.append(f"{replicas} replicas")
    return " · ".join(part for part in parts if part)


def life(plan: Reader) -> str:
    """How long it lives; empty when it has no end."""
    seconds, deadline = plan.whole("lifetime_seconds"), plan.text("deadline")
    if deadline:
        return f"until {deadline}"
    return f"for {format_duration(seconds)}" if seconds else ""


def holds(plan: Reader, fit: Reader) -> str:
    """``13.9 requests of 16k at once, 8 asked``."""
    most, context, asked = fit.number("max_concurrency"), plan.whole("context_tokens"), plan.whole("concurrency")
    if most is None:
        return ""
    of = f" of {format_tokens(context)}" if context else ""
    if fit.whole("kv_bytes_per_token") == 0:
        return f"no KV cache: one step takes {most:,.0f} requests{of}"
    return f"holds {most:.1f} requests{of} at once" + (f", {asked} asked" if asked else "")


def reach(fit: Reader) -> str:
    """``128k* × 1 · 38k × 8   longest context × requests …``; empty when it was not worked out."""
    reached = [item for item in fit.parts("reach") if item.whole("concurrency")]
    if not any(item.whole("context_tokens") for item in reached):
        return ""
    starred = any(item.text("limited_by") == "model" for item in reached)
    lengths = [f"{_length(item)} × {item.whole('concurrency')}" for item in reached]
    note = "longest context × requests" + ("; * the model's longest" if starred else "")
    return f"{' · '.join(lengths)}   {note}"


def _length(item: Reader) -> str:
    tokens = item.whole("context_tokens")
    if not tokens:
        return "none"
    return format_tokens(tokens) + ("*" if item.text("limited_by") == "model" else "")


def remedy_price(remedy: Reader) -> str:
    """``−$13.56/h``, ``free``, ``+$4.80/h`` or ``not priced``."""
    return format_usd_change(remedy.money("usd_per_hour_delta"), moves=bool(remedy.text("offer")))


def remedy(item: Reader) -> str:
    """``max-num-seqs 1024 → 256: frees 1.33 GiB per GPU, then fits``."""
    after = VERDICTS.get(item.text("verdict"), "")
    effect = ", then ".join(part for part in (item.text("effect"), after) if part)
    onto = f" ({item.text('offer')})" if item.text("offer") else ""
    return f"{item.text('change')}{onto}: {effect}"


def totals(cost: Reader, *, run_on: bool = False) -> list[tuple[str, str]]:
    """The totals that mean something: a name and an amount each, ``at least`` said where it is only that.

    Args:
        cost: The document's ``cost``.
        run_on: Whether to say also what a month would cost of something that ends before.
    """
    least = "at least " if cost.flag("lower_bound") else ""
    shown: list[tuple[str, str]] = []
    if not cost.parts("lines"):
        return [("in all", "not priced" if least else "nothing that costs money by itself")]
    most = cost.money("max_spend_usd")
    for key, name in (("hourly_usd", "an hour"), ("monthly_usd", "a month"), ("max_spend_usd", "before the deadline")):
        amount = cost.money(key)
        if amount is None:
            continue
        if key == "monthly_usd" and most is not None:
            if run_on:
                shown.append(("a month if it ran on", f"{least}{format_usd(amount)}"))
        elif key == "max_spend_usd":
            shown.append((name, f"{least or 'at most '}{format_usd(amount)}"))
        else:
            shown.append((name, f"{least}{format_usd(amount)}"))
    return shown


def ceilings(plan: Reader, cost: Reader) -> list[tuple[str, bool | None]]:
    """Each ceiling that is set, and whether the total stays under it; None when the total is only a lower bound."""
    lower = cost.flag("lower_bound") is True
    said: list[tuple[str, bool | None]] = []
    pairs = (
        ("max_usd_per_hour", "hourly_usd", "an hour"),
        ("max_usd_per_month", "monthly_usd", "a month"),
        ("max_spend_usd", "max_spend_usd", "in all"),
    )
    for limit_key, total_key, per in pairs:
        limit, total = plan.money(f"budget.{limit_key}"), cost.money(total_key)
        if limit is None:
            continue
        under = total is not None and total <= limit
        said.append((f"ceiling {format_usd(limit)} {per}", None if under and lower else under))
    return said


def price_dates(cost: Reader) -> str:
    """``prices of 2026-08-20 to 2026-11-09``."""
    dates = sorted({date for line in cost.parts("lines") if (date := line.text("as_of"))})
    if not dates:
        return ""
    return f"prices of {dates[0]}" if len(dates) == 1 else f"prices of {dates[0]} to {dates[-1]}"


def stale(cost: Reader) -> str:
    """The warning about old prices; empty when they are fresh."""
    if cost.flag("stale") is not True:
        return ""
    return (
        f"the oldest price is {cost.whole('oldest_price_days')} days old ({cost.text('oldest_price')}), and you asked "
        f"to hear of anything over {cost.whole('price_age_warning_days')}: look it up before you rely on it"
    )


def counts(document: Reader) -> str:
    """``6 pass · 0 warn · 1 fail · 1 skipped``."""
    words = [f"{document.whole(f'summary.{name}') or 0} {name}" for name in ("pass", "warn", "fail")]
    for name, word in (("unknown", "cannot be decided"), ("skipped", "skipped")):
        count = document.whole(f"summary.{name}")
        if count:
            words.append(f"{count} {word}")
    return " · ".join(words)


def useful_minutes(plan: Reader) -> str:
    """What a start leaves of a bounded life; empty without an end, or with one so far off that it hardly matters."""
    seconds, start = plan.whole("lifetime_seconds"), plan.whole("startup.expected_seconds")
    if not seconds or start is None or seconds > _LONG_LIFE * start:
        return ""
    left = max(seconds - start, 0) // 60
    return f"leaves about {left} of the {seconds // 60} minutes" if left else "leaves nothing of its life to use"


def chosen_note(offers: list[Reader], plan: Reader) -> str:
    """What to say about where it runs when no offer was chosen."""
    nodes = plan.whole("nodes")
    if offers or plan.text("vendor") != "kubernetes" or not nodes:
        return ""
    return f"{nodes} node{'s' if nodes > 1 else ''} of a cluster that is already there"


def source_label(source: str) -> str:
    """A source's site; on a site of repositories, which repository."""
    site, _, path = source.removeprefix("https://").removeprefix("www.").partition("/")
    if site in {"github.com", "raw.githubusercontent.com"}:
        return "/".join(("github.com", *path.split("/")[:2]))
    return site


def seconds_short(seconds: int | None) -> str:
    """A phase's length: whole minutes from one minute on."""
    if seconds is None:
        return "?"
    return f"{seconds} s" if seconds < 60 else format_duration(seconds)
