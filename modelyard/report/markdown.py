"""A preview as GitHub-flavoured Markdown, for a pull request: cost as the title, an alert only if something is wrong.

Whatever comes from a program or a stack file is escaped: a name must not become a link, an image, a mention or a cell.
"""

import re
from collections.abc import Sequence
from decimal import Decimal

from modelyard.report import phrases
from modelyard.report.memory import headline, read_memory
from modelyard.report.reader import Document, Reader
from modelyard.report.style import bar
from modelyard.units import HOURS_PER_MONTH, format_duration, format_usd

_SPECIAL = re.compile(r"([\\`*_{}\[\]!|~$])")
_LINKS = re.compile(r"(@|#|//|www)(?=\S)", re.IGNORECASE)
_JOINER = "\N{WORD JOINER}"
_MARKS = {"pass": "✅", "warn": "⚠️", "fail": "❌", "unknown": "❓"}
_OFFERS = 6
_CELLS = 20


def to_markdown(document: Document) -> str:
    """The document as Markdown.

    Args:
        document: A ``modelyard.preview/1`` document.
    """
    doc = Reader(document)
    servings = doc.parts("servings")
    blocks = [_title(doc), _alert(doc), _lines(doc.part("cost"))]
    for serving in servings:
        plan, fit = serving.part("plan"), serving.part("fit")
        if len(servings) > 1:
            blocks.append(f"**{escape(plan.text('name'))}**")
        blocks += [_facts(plan, fit, doc.part("cost")), _remedies(fit), _offers(plan)]
    blocks += [_rules(doc), _assumptions(doc.part("cost")), _footer(doc)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def escape(text: str) -> str:
    """A text that Markdown shows as it stands."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # An invisible joiner keeps GitHub from making a mention, a reference or a link of it.
    return _LINKS.sub(lambda match: match[0] + _JOINER, _SPECIAL.sub(r"\\\1", plain))


def code(text: str) -> str:
    """A text as code; a backtick inside cannot end it, a bar cannot end the cell."""
    inside = text.replace("`", "\N{MODIFIER LETTER GRAVE ACCENT}").replace("|", "\N{BROKEN BAR}").strip()
    return f"`{inside}`" if inside else ""


def _title(doc: Reader) -> str:
    order = {"before the deadline": 0, "a month": 1}
    totals = sorted(phrases.totals(doc.part("cost")), key=lambda total: order.get(total[0], 2))
    parts = [
        f"**{amount}** {name}" if index == 0 else f"{amount} {name}" for index, (name, amount) in enumerate(totals)
    ]
    return f"### 💰 {escape(doc.text('stack', 'preview'))}: {' · '.join(parts) or 'nothing is priced'}"


def _alert(doc: Reader) -> str:
    rules = doc.parts("rules")
    blocking = [rule for rule in rules if rule.text("status") in {"fail", "unknown"}]
    warned = [rule for rule in rules if rule.text("status") == "warn"]
    stale = phrases.stale(doc.part("cost"))
    if not (blocking or warned or stale):
        return ""
    lines = ["> [!CAUTION]", "> **`up` will be stopped**"] if blocking else ["> [!WARNING]", "> **Worth knowing**"]
    lines += [f"> - {said}" for rule in (*blocking, *warned) for said in _said(rule)]
    if stale:
        lines.append(f"> - {escape(stale)}")
    return "\n".join(lines)


def _said(rule: Reader) -> list[str]:
    said: list[str] = []
    for finding in rule.parts("findings"):
        if finding.text("status") == "pass":
            continue
        about = f"{code(finding.text('resource'))}: " if finding.text("resource") else ""
        way_out = f". To change: {escape(finding.text('change'))}" if finding.text("change") else ""
        limit = escape(finding.text("limit"))
        said.append(f"**{escape(rule.text('id'))}** {about}{escape(finding.text('measured'))}; limit: {limit}{way_out}")
    return said


def _lines(cost: Reader) -> str:
    bounded = cost.money("max_spend_usd") is not None
    rows: list[tuple[str, ...]] = []
    for line in cost.parts("lines"):
        hourly, once = line.money("hourly_usd") or Decimal(0), line.money("once_usd") or Decimal(0)
        most = line.money("max_spend_usd")
        whole = [format_usd(hourly * HOURS_PER_MONTH)] if hourly else []
        whole += [f"{format_usd(once)} once"] if once else []
        if bounded:
            whole = [] if most is None else [format_usd(most)]
        rows.append(
            (
                code(line.text("resource")),
                escape(line.text("what")),
                format_usd(hourly) if hourly else "–",
                " + ".join(whole) or "–",
                line.text("as_of", "no date"),
            )
        )
    rows += [
        (code(item.text("resource")), escape(item.text("what")), "–", "**not priced**", "–")
        for item in cost.parts("not_priced")
    ]
    if not rows:
        return "Nothing in it is billed."
    return _table(("Resource", "What", "Hourly", "At most" if bounded else "Monthly", "Price of"), rows, right=(2, 3))


def _facts(plan: Reader, fit: Reader, cost: Reader) -> str:
    """Where, fit, start and ceilings: a line each."""
    lines = [f"**Serves** {escape(phrases.title(plan))} on {escape(plan.text('label', 'a place not known'))}"]
    if phrases.life(plan):
        lines[0] += f", {escape(phrases.life(plan))}"
    memory, verdict = read_memory(fit), fit.text("verdict")
    mark = {"fits": "✅", "tight": "⚠️"}.get(verdict, "❌")
    if fit:
        said = [
            phrases.VERDICTS.get(verdict, escape(verdict)),
            headline(memory) if memory else "",
            phrases.holds(plan, fit),
        ]
        reasons = f" ({escape('; '.join(fit.texts('reasons')))})" if fit.texts("reasons") else ""
        lines.append(f"**Fit** {mark} {', '.join(part for part in said if part)}{reasons}")
        reach = phrases.reach(fit)
        lines += [f"**Reach** {escape(reach)}"] if reach else []
    start = plan.whole("startup.expected_seconds")
    if start is not None:
        useful = phrases.useful_minutes(plan)
        lines.append(f"**Start** about {format_duration(start)}" + (f", {useful}" if useful else ""))
    budget = _budget(plan, cost)
    if budget:
        lines.append(f"**Budget** {budget}")
    lines += [f"⚠️ {escape(warning)}" for warning in plan.texts("warnings")]
    return "  \n".join(lines)


def _remedies(fit: Reader) -> str:
    """What would help, with what it does to the price; nothing where it fits."""
    remedies = fit.parts("remedies") if fit.text("verdict") != "fits" else []
    if not remedies:
        return ""
    rows = [
        (escape(phrases.remedy_price(item)), escape(phrases.remedy(item)), escape(item.text("caveat")) or "–")
        for item in remedies
    ]
    return f"**What would help**\n\n{_table(('Price', 'Change', 'What it costs besides'), rows, right=(0,))}"


def _budget(plan: Reader, cost: Reader) -> str:
    said: list[str] = []
    totals = {"max_usd_per_hour": "hourly_usd", "max_usd_per_month": "monthly_usd", "max_spend_usd": "max_spend_usd"}
    names = {"max_usd_per_hour": "an hour", "max_usd_per_month": "a month", "max_spend_usd": "in all"}
    for key, total_key in totals.items():
        limit, total = plan.money(f"budget.{key}"), cost.money(total_key)
        if not limit or total is None or not cost.parts("lines"):
            continue
        share = total / limit
        filled = min(int(share * _CELLS), _CELLS)
        cells = bar((("▓", filled), ("░", _CELLS - filled)), width=_CELLS)
        mark = "❌" if total > limit else "❓" if cost.flag("lower_bound") else "✅"
        least = "at least " if cost.flag("lower_bound") else ""
        said.append(f"`{cells}` {least}{share:.0%} of {format_usd(limit)} {names[key]} {mark}")
    return " · ".join(said)


def _offers(plan: Reader) -> str:
    offers = plan.parts("candidates")
    losers = plan.parts("losers")
    chosen = offers[0].money("usd_per_hour") if offers else None
    rows: list[tuple[str, ...]] = []
    for offer in offers[1 : _OFFERS + 1]:
        price, most = offer.money("usd_per_hour"), offer.money("max_spend_usd")
        saves = f"{(price - chosen) / chosen:+.0%}" if price is not None and chosen else "–"
        words = [phrases.VERDICTS.get(offer.text("verdict"), ""), f"at most {format_usd(most)}" if most else ""]
        rows.append(
            (
                escape(offer.text("label")),
                format_usd(price) if price is not None else "–",
                saves,
                ", ".join(w for w in words if w),
            )
        )
    for loser in losers[: max(_OFFERS - len(rows), 3)]:
        price = loser.money("usd_per_hour")
        cost = format_usd(price) if price is not None else "–"
        rows.append((escape(loser.text("label")), cost, "–", f"not taken: {escape(loser.text('reason'))}"))
    if not rows:
        return ""
    table = _table(("Offer", "$/h", "Against the chosen", "Trade-off"), rows, right=(1, 2))
    count = len(offers) - 1 + len(losers) if offers else len(losers)
    return _details(f"Other offers that were looked at ({count})", table)


def _rules(doc: Reader) -> str:
    rows = [
        (
            f"{_MARKS.get(rule.text('status'), 'skipped')} {escape(rule.text('id'))}",
            escape(rule.text("title")),
            rule.text("level"),
        )
        for rule in doc.parts("rules")
    ]
    if not rows:
        return ""
    return _details(f"Rules: {phrases.counts(doc)}", _table(("Rule", "What is true when all is well", "Level"), rows))


def _assumptions(cost: Reader) -> str:
    sources: dict[str, set[str]] = {}
    for line in cost.parts("lines"):
        sources.setdefault(line.text("source"), set()).add(line.text("as_of", "no date"))
    lines = ["730 hours a month, always on, US dollars, no tax."]
    lines += [f"- {escape(', '.join(sorted(dates)))}: {code(source)}" for source, dates in sorted(sources.items())]
    missing = cost.parts("not_priced")
    if missing:
        lines.append(f"\n{len(missing)} not priced, so every total is the least that it costs:\n")
        lines += [
            f"- {code(item.text('resource'))}, {escape(item.text('what'))}: {escape(item.text('why'))}"
            for item in missing
        ]
    return _details("Assumptions and price sources", "\n".join(lines))


def _footer(doc: Reader) -> str:
    reproduce = code(f"modelyard preview {doc.text('stack')}")
    return f"<sub>{escape(doc.text('generated_at'))} · {reproduce} says the same offline, without an account</sub>"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, right: tuple[int, ...] = ()) -> str:
    rule = ["--:" if index in right else "---" for index in range(len(head))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def _details(summary: str, body: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"
