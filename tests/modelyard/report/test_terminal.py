"""The preview for a terminal."""

import pytest

from modelyard.report import to_terminal
from modelyard.report.style import visible
from modelyard.resources import UNKNOWN, Value
from tests.modelyard.report.documents import NO_BILL, make, prod, rule, trial

FULL = """\
trial-405b · llama-3.1-405b fp8 · vLLM 0.33.0 · 16k context × 8 · for 1 h

Place   runpod 4× H200 secure   $18.36/h
        2.   runpod 8× H100-SXM secure     $31.92/h  tight, at most $34.99
        not  lambda 8× H100-SXM            $31.92/h  over your $30.00/h
        not  runpod 4× H200 community      $14.36/h  community: you asked for secure
        not  runpod 8× A100-SXM-80 secure  $15.92/h  does not fit
        ! one vendor alone: price two before committing
Fit     fits   128.6 of 139.8 GiB per GPU   █████████████████████▓▒▒▒▒▒▒··
        █ weights 96.8   ▓ engine 4.5   ▒ KV cache 27.4   · left alone 11.2
        holds 13.9 requests of 16k at once, 8 asked
Start   about 19 min to the first answer, given up after 38 min, leaves about 41 of the 60 minutes
        machine  2 min  runpod hands out a pod in about two minutes
        image    4 min  9.9 GB at 0.04 GB/s
        weights  9 min  410 GB at 0.8 GB/s
        load     4 min  103.9 GB per GPU from NVMe, compile and CUDA graphs
Cost    $18.42 an hour   $13,449.90 a month if it ran on   at most $20.31 before the deadline
        ✓ ceiling $30.00 in all
        llama-405b-machine  runpod 4× H200 secure   $18.36/h  2026-11-09  runpod.io
        llama-405b-machine  container disk, 471 GB   $0.06/h  2026-08-20  runpod.io
        ! the oldest price is 93 days old (2026-08-20), and you asked to hear of anything over 60:
          look it up before you rely on it
"""


def test_the_trial_at_a_hundred_columns() -> None:
    shown = to_terminal(trial(), width=100)
    assert shown.startswith(FULL)
    assert "+ Serving            llama-405b              Llama 3.1 405B Instruct, fp8\n" in shown
    assert (
        "+     Machine        llama-405b-machine      runpod 4× H200 secure, gone 1 h after it was asked for\n" in shown
    )
    assert shown.endswith(
        "Rules   1 pass · 0 warn · 0 fail\n        ✓ spend-ceiling\nNext    pulumi up -s trial-405b\n"
    )


@pytest.mark.parametrize("width", [60, 80, 100, 140])
@pytest.mark.parametrize("color", [False, True])
def test_no_line_is_wider_than_the_screen(width: int, *, color: bool) -> None:
    for document in (trial(), trial(rule("fail")), prod()):
        lines = to_terminal(document, width=width, color=color).splitlines()
        assert max(visible(line) for line in lines) <= width


def test_color_changes_nothing_but_color() -> None:
    plain, painted = to_terminal(trial(rule("fail"))), to_terminal(trial(rule("fail")), color=True)
    assert "\x1b" not in plain
    assert "\x1b[" in painted
    assert [visible(line) for line in painted.splitlines()] == [len(line) for line in plain.splitlines()]


def test_a_broken_rule_says_what_was_measured_the_limit_and_the_way_out() -> None:
    shown = to_terminal(trial(rule("fail"), rule("pass")), width=100)
    assert (
        "Rules   1 pass · 0 warn · 1 fail\n"
        "        ✓ spend-ceiling\n"
        "  ✗ spend-ceiling  The worst case stays under its ceiling\n"
        "        measured  llama-405b: $20.31 before the deadline\n"
        "        limit     $15.00 before the deadline (budget.max-spend-usd)\n"
        "        way out   raise budget.max-spend-usd to 20.31\n"
        "Next    nothing was created; `up` is stopped by 1 rule\n"
    ) in shown


def test_what_is_not_priced_is_named_and_the_totals_are_lower_bounds() -> None:
    shown = to_terminal(prod(), width=100)
    assert "Cost    at least $0.10 an hour   at least $73.00 a month\n" in shown
    assert "? not priced: llama-70b-nodes, 8× H100 node (no price is known)" in shown
    assert "? ceiling $60.00 an hour (of what is priced)" in shown
    assert "1 node of a cluster that is already there" in shown


def test_a_model_that_does_not_fit_says_why_and_what_would_help() -> None:
    fit: Value = {
        "verdict": "does_not_fit",
        "perGpu": {
            "totalBytes": 80 << 30,
            "weightsBytes": 70 << 30,
            "activationsBytes": 4 << 30,
            "cudaGraphsBytes": 1 << 30,
            "runtimeBytes": 3 << 30,
            "kvCacheBytes": -(4 << 30),
            "reserveBytes": 6 << 30,
        },
        "reasons": ["4.00 GiB short"],
        "remedies": [
            {
                "kind": "machine",
                "change": "4× H200 instead",
                "effect": "holds 9 requests",
                "verdict": "fits",
                "usdPerHourDelta": "-13.56",
                "offer": "runpod 4× H200 secure",
                "caveat": "24% less memory bandwidth",
            },
            {
                "kind": "quantization",
                "change": "take fp8",
                "effect": "frees 35 GiB",
                "verdict": "fits",
                "usdPerHourDelta": "0.00",
            },
            {"kind": "gpu", "change": "2× Z100", "effect": "holds 1 request", "verdict": "tight"},
        ],
        "reach": [
            {"concurrency": 1, "limitedBy": "model", "contextTokens": 131072},
            {"concurrency": 8, "limitedBy": "memory", "contextTokens": 38912},
            {"concurrency": 128, "limitedBy": "memory"},
        ],
    }
    shown = to_terminal(trial(fit=fit), width=100)
    assert "does not fit   needs 84.0 of 80.0 GiB per GPU" in shown
    assert "no room for KV cache" in shown
    assert "! 4.00 GiB short" in shown
    assert (
        """\
        What would help
         −$13.56/h  4× H200 instead (runpod 4× H200 secure): holds 9 requests, then fits
                    24% less memory bandwidth
              free  take fp8: frees 35 GiB, then fits
        not priced  2× Z100: holds 1 request, then tight
"""
        in shown
    )
    assert "Reach   128k* × 1 · 38k × 8 · none × 128   longest context × requests; * the model's longest\n" in shown


def test_all_offers_are_shown_when_asked_for() -> None:
    losers: list[Value] = [{"label": f"offer {n}", "usdPerHour": "9", "reason": "dearer"} for n in range(9)]
    document = trial(offers={"candidates": [], "losers": losers})
    assert "6 more were looked at: --offers shows what came closest" in to_terminal(document)
    every = to_terminal(document, all_offers=True)
    assert "offer 8" in every
    assert "more were looked at" not in every


def test_unknowns_and_an_empty_stack_are_shown_too() -> None:
    assert "? not known before `up`: gpu" in to_terminal(trial(gpu=UNKNOWN))
    empty = to_terminal(make((), NO_BILL, stack="empty"))
    assert "no resources" in empty
    assert "Next    pulumi up -s empty" in empty


def test_a_hostile_name_cannot_move_the_cursor() -> None:
    shown = to_terminal(trial(model="a\x1b[2Jb\nc"))
    assert "\x1b" not in shown
    assert "a�[2Jb c" in shown


def test_offers_that_the_props_left_out_are_counted() -> None:
    document = trial(offers={"candidates": [], "losers": [], "losersLeftOut": 7})
    assert "7 more were looked at" in to_terminal(document)
    assert "7 more were looked at\n" in to_terminal(document, all_offers=True)


def test_a_long_life_is_not_counted_in_minutes() -> None:
    assert "leaves about" in to_terminal(trial())
    assert "leaves about" not in to_terminal(trial(lifetimeSeconds=7 * 86400))
