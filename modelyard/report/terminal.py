"""A preview for a terminal: one screen, one label a line, the cheapest way out beside every fault."""

from modelyard.report import phrases
from modelyard.report.memory import headline, legend, memory_bar, read_memory
from modelyard.report.reader import Document, Reader
from modelyard.report.style import Paint, Sheet
from modelyard.report.tree import tree
from modelyard.units import format_duration, format_usd

_BAR = 30
_WIDE = 96
_SHOWN_OFFERS = 4
_SHOWN_LOSERS = 3
_MARKS = {"pass": ("green", "✓"), "warn": ("yellow", "!"), "fail": ("red", "✗"), "unknown": ("red", "?")}


def to_terminal(document: Document, *, width: int = 100, color: bool = False, all_offers: bool = False) -> str:
    """The document as text.

    Args:
        document: A ``modelyard.preview/1`` document.
        width: Columns; 60 is the least that is kept to.
        color: Whether to use ANSI colours.
        all_offers: Show every offer that was looked at, and not the first few.
    """
    doc, paint = Reader(document), Paint(color=color)
    sheet = Sheet(width=max(width, 60))
    servings = doc.parts("servings")
    sheet.line(_head(doc, servings, paint))
    for serving in servings:
        sheet.line()
        plan, fit = serving.part("plan"), serving.part("fit")
        if len(servings) > 1:
            sheet.line(f"{paint('bold', plan.text('name'))} · {phrases.title(plan)}")
        _place(sheet, plan, paint, all_offers=all_offers)
        _fit(sheet, plan, fit, paint)
        _start(sheet, plan, paint)
    if not servings:
        sheet.line()
    _cost(sheet, doc, servings, paint)
    sheet.line()
    _tree(sheet, doc, paint)
    sheet.line()
    _rules(sheet, doc, paint)
    _next(sheet, doc, paint)
    return sheet.text()


def _head(doc: Reader, servings: list[Reader], paint: Paint) -> str:
    name = paint("bold", doc.text("stack", "preview"))
    if len(servings) == 1:
        plan = servings[0].part("plan")
        return " · ".join(part for part in (name, phrases.title(plan), phrases.life(plan)) if part)
    return name if not servings else f"{name} · {len(servings)} endpoints"


def _place(sheet: Sheet, plan: Reader, paint: Paint, *, all_offers: bool) -> None:
    offers = plan.parts("candidates")
    losers = plan.parts("losers")
    price = offers[0].money("usd_per_hour") if offers else None
    first = paint("bold", plan.text("label", "not known"))
    if price is not None:
        first += f"   {paint('bold', format_usd(price) + '/h')}"
    note = phrases.chosen_note(offers, plan)
    sheet.row("Place", first + (f"   {note}" if note else ""))
    rows = [
        [f"{index}.", offer.text("label"), _per_hour(offer), _trade_off(offer)]
        for index, offer in enumerate(offers[1 : None if all_offers else _SHOWN_OFFERS], start=2)
    ]
    shown = losers if all_offers else losers[:_SHOWN_LOSERS]
    rows += [["not", loser.text("label"), _per_hour(loser), loser.text("reason")] for loser in shown]
    sheet.cells([[paint("dim", cell) for cell in row] for row in rows], right=frozenset({2}))
    left_out = plan.whole("losers_left_out") or 0
    more = max(len(offers) - 1, 0) + len(losers) + left_out - len(rows)
    if more > 0:
        hint = "" if all_offers else ": --offers shows what came closest"
        sheet.row("", paint("dim", f"{more} more were looked at{hint}"))
    for warning in plan.texts("warnings"):
        sheet.row("", f"{paint('yellow', '!')} {warning}", hang=2)
    unknown = plan.texts("unknown")
    if unknown:
        sheet.row("", f"{paint('yellow', '?')} not known before `up`: {', '.join(unknown)}", hang=2)


def _per_hour(offer: Reader) -> str:
    price = offer.money("usd_per_hour")
    return "price not known" if price is None else f"{format_usd(price)}/h"


def _trade_off(offer: Reader) -> str:
    most, verdict = offer.money("max_spend_usd"), offer.text("verdict")
    words = (phrases.VERDICTS.get(verdict, ""), "" if most is None else f"at most {format_usd(most)}")
    return ", ".join(word for word in words if word)


def _fit(sheet: Sheet, plan: Reader, fit: Reader, paint: Paint) -> None:
    if not fit:
        sheet.row("Fit", paint("yellow", "not worked out"))
        return
    verdict = fit.text("verdict")
    style = {"fits": "green", "tight": "yellow"}.get(verdict, "red")
    parts = [paint(f"bold {style}", phrases.VERDICTS.get(verdict, verdict))]
    memory = read_memory(fit)
    if memory:
        parts += [headline(memory), memory_bar(memory, width=min(_BAR, sheet.width - 54), paint=paint)]
    sheet.row("Fit", "   ".join(parts))
    if memory:
        sheet.row("", legend(memory, paint=paint))
    holds = phrases.holds(plan, fit)
    if holds:
        sheet.row("", holds)
    for reason in fit.texts("reasons"):
        sheet.row("", f"{paint(style, '!')} {reason}", hang=2)
    for item in (*fit.texts("warnings"), *(f"assumed: {fact}" for fact in fit.texts("unknown"))):
        sheet.row("", f"{paint('yellow', '!')} {item}", hang=2)
    if verdict != "fits":
        _remedies(sheet, fit.parts("remedies"), paint)
    reach = phrases.reach(fit)
    if reach:
        sheet.row("Reach", reach)


def _remedies(sheet: Sheet, remedies: list[Reader], paint: Paint) -> None:
    if not remedies:
        return
    sheet.row("", "What would help")
    prices = [phrases.remedy_price(remedy) for remedy in remedies]
    width = max(map(len, prices))
    for remedy, price in zip(remedies, prices, strict=True):
        sheet.row("", f"{paint('bold', price.rjust(width))}  {phrases.remedy(remedy)}", hang=width + 2)
        if remedy.text("caveat"):
            sheet.row("", paint("dim", " " * (width + 2) + remedy.text("caveat")), hang=width + 2)


def _start(sheet: Sheet, plan: Reader, paint: Paint) -> None:
    startup = plan.part("startup")
    expected, timeout = startup.whole("expected_seconds"), startup.whole("timeout_seconds")
    if expected is None:
        return
    parts = [f"about {format_duration(expected)} to the first answer"]
    if timeout:
        parts.append(f"given up after {format_duration(timeout)}")
    useful = phrases.useful_minutes(plan)
    if useful:
        parts.append(useful)
    sheet.row("Start", ", ".join(parts))
    rows = [
        [item.text("name"), phrases.seconds_short(item.whole("seconds")), paint("dim", item.text("why"))]
        for item in startup.parts("phases")
    ]
    sheet.cells(rows, right=frozenset({1}))


def _cost(sheet: Sheet, doc: Reader, servings: list[Reader], paint: Paint) -> None:
    cost = doc.part("cost")
    parts = [f"{paint('bold', amount)} {name}" for name, amount in phrases.totals(cost, run_on=True)]
    sheet.row("Cost", "   ".join(parts) if parts else "nothing is priced")
    for serving in servings:
        for ceiling, under in phrases.ceilings(serving.part("plan"), cost):
            style, mark = _MARKS["pass" if under else "fail" if under is False else "unknown"]
            sheet.row("", f"{paint(style, mark)} {ceiling}" + (" (of what is priced)" if under is None else ""))
    # A narrow screen needs the room for what the line is; whose it is stands in the tree below.
    named = sheet.width >= _WIDE
    rows = [
        [
            *([line.text("resource")] if named else []),
            line.text("what"),
            _line_price(line),
            paint("dim", f"{line.text('as_of', 'no date')}  {phrases.source_label(line.text('source'))}"),
        ]
        for line in cost.parts("lines")
    ]
    sheet.cells(rows, right=frozenset({2 if named else 1}))
    for item in cost.parts("not_priced"):
        said = f"not priced: {item.text('resource')}, {item.text('what')} ({item.text('why')})"
        sheet.row("", f"{paint('yellow', '?')} {said}", hang=2)
    stale = phrases.stale(cost)
    if stale:
        sheet.row("", f"{paint('yellow', '!')} {stale}", hang=2)


def _line_price(line: Reader) -> str:
    hourly, once = line.money("hourly_usd"), line.money("once_usd")
    parts = [f"{format_usd(hourly)}/h"] if hourly else []
    if once:
        parts.append(f"{format_usd(once)} once")
    return " + ".join(parts) or "free"


def _tree(sheet: Sheet, doc: Reader, paint: Paint) -> None:
    rows = [
        [f"{paint('green', '+')} {'  ' * node.depth}{node.kind}", node.name, paint("dim", node.says)]
        for node in tree(doc.parts("resources"))
    ]
    sheet.cells(rows, label=0)
    if not rows:
        sheet.line("no resources")


def _rules(sheet: Sheet, doc: Reader, paint: Paint) -> None:
    sheet.row("Rules", phrases.counts(doc))
    for status, style, mark in (("pass", "green", "✓"), ("skipped", "dim", "–")):
        names = [rule.text("id") for rule in doc.parts("rules") if rule.text("status") == status]
        if names:
            note = " (nothing here that they are about)" if status == "skipped" else ""
            sheet.row("", f"{paint(style, mark)} {', '.join(names)}{note}", hang=2)
    for rule in doc.parts("rules"):
        status = rule.text("status")
        if status in {"pass", "skipped"}:
            continue
        style, mark = _MARKS.get(status, ("red", "?"))
        sheet.line(f"  {paint(style, mark)} {paint('bold', rule.text('id'))}  {rule.text('title')}")
        for finding in rule.parts("findings"):
            if finding.text("status") == "pass":
                continue
            about = f"{finding.text('resource')}: " if finding.text("resource") else ""
            for label, said in (
                ("measured", about + finding.text("measured")),
                ("limit", finding.text("limit")),
                ("way out", finding.text("change")),
            ):
                if said:
                    sheet.row("", f"{paint('dim', label.ljust(9))} {said}", hang=10)


def _next(sheet: Sheet, doc: Reader, paint: Paint) -> None:
    if doc.flag("ok"):
        sheet.row("Next", paint("bold", f"pulumi up -s {doc.text('stack')}"))
        return
    blocked = sum(rule.text("status") in {"fail", "unknown"} for rule in doc.parts("rules"))
    rules = "1 rule" if blocked == 1 else f"{blocked} rules"
    sheet.row("Next", f"nothing was created; `up` is stopped by {rules}")
