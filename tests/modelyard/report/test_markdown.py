"""The preview as Markdown."""

import pytest

from modelyard.report.markdown import code, escape, to_markdown
from modelyard.resources import Value
from tests.modelyard.report.documents import NO_BILL, make, prod, rule, trial

HOSTILE = (
    "x` | <img src=x onerror=alert(1)> [a](https://evil.example) ![b](//c) @everyone #1 **b** $x$ \\ www.evil.example"
)


def test_the_title_is_the_cost() -> None:
    first = to_markdown(trial()).splitlines()[0]
    assert first == "### 💰 trial-405b: **at most $20.31** before the deadline · $18.42 an hour"
    assert to_markdown(prod()).splitlines()[0] == "### 💰 prod: **at least $73.00** a month · at least $0.10 an hour"


def test_there_is_an_alert_only_when_something_is_wrong() -> None:
    fresh = trial()
    cost = fresh["cost"]
    assert isinstance(cost, dict)
    cost["stale"] = False
    assert "[!" not in to_markdown(fresh)
    assert "> [!WARNING]" in to_markdown(trial())
    stopped = to_markdown(trial(rule("fail")))
    assert "> [!CAUTION]\n> **`up` will be stopped**\n> - **spend-ceiling** `llama-405b`: \\$20.31 before" in stopped


def test_the_table_has_a_line_for_each_cost_and_for_what_is_not_priced() -> None:
    shown = to_markdown(prod())
    assert "| `llama-405b-machine` | EKS control plane | $0.10 | $73.00 | 2026-11-09 |" in shown
    assert "| `llama-70b-nodes` | 8× H100 node | – | **not priced** | – |" in shown
    assert "1 not priced, so every total is the least that it costs" in shown


def test_fit_start_budget_and_offers() -> None:
    shown = to_markdown(trial())
    assert "**Fit** ✅ fits, 128.6 of 139.8 GiB per GPU, holds 13.9 requests of 16k at once, 8 asked" in shown
    assert "**Start** about 19 min, leaves about 41 of the 60 minutes" in shown
    assert "**Budget** `▓▓▓▓▓▓▓▓▓▓▓▓▓░░░░░░░` 68% of $30.00 in all ✅" in shown
    assert "| runpod 8× H100-SXM secure | $31.92 | +74% | tight, at most $34.99 |" in shown
    assert "| runpod 4× H200 community | $14.36 | – | not taken: community: you asked for secure |" in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", "a\\|b"),
        ("<b>", "&lt;b&gt;"),
        ("[x](y)", "\\[x\\](y)"),
        ("@you", "@\N{WORD JOINER}you"),
        ("#12", "#\N{WORD JOINER}12"),
        ("https://x", "https://\N{WORD JOINER}x"),
        ("a_b*c`d", "a\\_b\\*c\\`d"),
        ("4× H200", "4× H200"),
    ],
)
def test_escape(text: str, shown: str) -> None:
    assert escape(text) == shown


def test_code_cannot_be_ended_from_inside() -> None:
    assert code("a`b|c") == "`a\N{MODIFIER LETTER GRAVE ACCENT}b¦c`"
    assert code("  ") == ""


def test_hostile_names_stay_text_everywhere() -> None:
    losers: list[Value] = [{"label": HOSTILE, "usdPerHour": "1", "reason": HOSTILE}]
    document = trial(
        rule("fail", resource=HOSTILE),
        model=HOSTILE,
        gpu=HOSTILE,
        warnings=[HOSTILE],
        offers={"candidates": [], "losers": losers},
        fit={"verdict": HOSTILE, "reasons": [HOSTILE]},
    )
    shown = to_markdown({**document, "stack": HOSTILE, "generated_at": HOSTILE})
    outside_code = "".join(part for index, part in enumerate(shown.replace("\\`", "").split("`")) if index % 2 == 0)
    assert "<img" not in outside_code
    assert "](https:" not in outside_code.replace("\\](", "")
    assert "@everyone" not in outside_code
    assert "](//" not in outside_code.replace("\\](", "")
    for row in (line for line in shown.splitlines() if line.startswith("| ")):
        assert row.replace("\\|", "").count("|") in {4, 5, 6}


def test_an_empty_stack() -> None:
    shown = to_markdown(make((), NO_BILL, stack="empty"))
    assert "Nothing in it is billed." in shown
    assert "Offer" not in shown


def test_what_would_help_stands_in_a_table_with_its_price() -> None:
    fit: Value = {
        "verdict": "tight",
        "remedies": [
            {"change": "max-num-seqs 1024 → 256", "effect": "frees 1 GiB", "verdict": "fits", "usdPerHourDelta": "0"},
            {
                "change": "4× H200", "effect": "holds 9", "verdict": "fits", "usdPerHourDelta": "-13.56",
                "offer": "runpod 4× H200 secure", "caveat": "slower",
            },
            {"change": "8× Z100", "effect": "holds 9", "verdict": "tight"},
        ],
        "reach": [{"concurrency": 8, "limitedBy": "memory", "contextTokens": 38912}],
    }  # fmt: skip
    shown = to_markdown(trial(fit=fit))
    assert (
        """**What would help**

| Price | Change | What it costs besides |
| --: | --- | --- |
| free | max-num-seqs 1024 → 256: frees 1 GiB, then fits | – |
| −\\$13.56/h | 4× H200 (runpod 4× H200 secure): holds 9, then fits | slower |
| not priced | 8× Z100: holds 9, then tight | – |
"""
        in shown
    )
    assert "**Reach** 38k × 8   longest context × requests" in shown
    assert "What would help" not in to_markdown(trial())
