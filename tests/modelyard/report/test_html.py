"""The preview as a page: it stands by itself, it can be read by everyone, and names stay text."""

import re
from html.parser import HTMLParser

import pytest

from modelyard.report.html import to_html
from modelyard.resources import UNKNOWN, Value
from tests.modelyard.report.documents import NO_BILL, make, prod, rule, trial

HOSTILE = "</style><script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7*7 }}"
_VOID = {"meta", "br", "rect", "img", "link", "input"}


class _Page(HTMLParser):
    """Tags and attributes of a page, and whether every tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


DOCUMENTS = {
    "trial": trial(),
    "stopped": trial(rule("fail"), rule("unknown"), rule("warn"), rule("skipped")),
    "prod": prod(),
    "unknown": trial(gpu=UNKNOWN, fit=UNKNOWN, startup=UNKNOWN, offers=UNKNOWN),
    "empty": make((), NO_BILL),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_page_is_well_formed_and_asks_for_nothing(name: str) -> None:
    text = to_html(DOCUMENTS[name])
    page = _Page(text)
    assert page.open == []
    assert {"script", "link", "iframe", "object", "img"}.isdisjoint(page.tags)
    assert not [value for _, key, value in page.attributes if key in {"src", "srcset", "action"} or key[:2] == "on"]
    assert {tag for tag, key, _ in page.attributes if key == "href"} <= {"a"}
    assert not re.search(r"url\(|@import", text)
    assert "default-src 'none'" in text


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_page_can_be_read_by_everyone(name: str) -> None:
    page = _Page(to_html(DOCUMENTS[name]))
    assert ("html", "lang", "en") in page.attributes
    assert ("meta", "name", "viewport") in page.attributes
    assert page.tags.count("h1") == 1
    assert page.tags.count("table") == page.tags.count("caption")
    headers, scopes = page.tags.count("th"), sum(key == "scope" for _, key, _ in page.attributes)
    assert headers == scopes
    pictures = page.tags.count("svg")
    assert sum(tag == "svg" and key == "aria-label" for tag, key, _ in page.attributes) == pictures


def test_figures_of_the_trial() -> None:
    words = " ".join(_Page(to_html(trial())).words.split())
    for said in (
        "at most $20.31",
        "Ceiling $30.00 in all",
        "68%",
        "128.6 of 139.8 GiB per GPU",
        "96.8 GiB",
        "About 19 min",
        "runpod 8× H100-SXM secure",
        "over your $30.00/h",
        "The oldest price is 93 days old",
        "can be created",
        "2026-11-21T02:00:00Z",
    ):
        assert said in words


@pytest.mark.parametrize("name", ["trial", "prod"])
def test_the_sum_stands_below_the_columns_that_it_sums(name: str) -> None:
    text = to_html(DOCUMENTS[name])
    table = text[text.rindex("<table>", 0, text.index("<tfoot>")) : text.index("</tfoot>")]
    head, foot = table[: table.index("</thead>")], table[table.index("<tfoot>") :]
    assert head.count("<th ") == foot.count("<th ") + foot.count("<td ") == 3


def test_a_stopped_preview_says_so_first_with_the_way_out() -> None:
    words = " ".join(_Page(to_html(trial(rule("pass"), rule("fail")))).words.split())
    assert "stopped by 1 rule" in words
    assert "To change: raise budget.max-spend-usd to 20.31." in words
    assert words.index("fails The worst case") < words.index("pass The worst case")


def test_what_is_not_priced_is_never_a_zero() -> None:
    words = " ".join(_Page(to_html(prod())).words.split())
    assert "8× H100 nodellama-70b-nodes" in words
    assert "not priced" in words
    assert "$0.00" not in words
    assert "every total here is the least that it costs" in words


def test_stretches_of_the_memory_bar_fill_it() -> None:
    text = to_html(trial())
    first = text[text.index('aria-label="Memory of one GPU') :].split("</svg>")[0]
    shares = [
        float(share)
        for share in re.findall(r'<rect class="fill-(?:weights|engine|kv|spare)"[^>]* width="([\d.]+)%"', first)
    ]
    assert len(shares) == 4
    assert sum(shares) == pytest.approx(100, abs=0.01)


def test_hostile_names_stay_text() -> None:
    losers: list[Value] = [{"label": HOSTILE, "usdPerHour": "1", "reason": HOSTILE}]
    document = trial(
        rule("fail", rule_id=HOSTILE, resource=HOSTILE),
        model=HOSTILE,
        modelTitle=HOSTILE,
        warnings=[HOSTILE],
        offers={"candidates": [], "losers": losers},
        fit={"verdict": HOSTILE, "reasons": [HOSTILE]},
        startup={"phases": [{"name": HOSTILE, "seconds": 60, "why": HOSTILE}], "expectedSeconds": 60},
        engine={"name": HOSTILE, "image": HOSTILE, "argv": [HOSTILE]},
    )
    page = _Page(to_html({**document, "stack": HOSTILE, "project": HOSTILE}))
    assert {"script", "img"}.isdisjoint(page.tags)
    assert page.tags.count("style") == 1
    assert "{{ 7*7 }}" in page.words
    assert not [key for _, key, _ in page.attributes if key.startswith("on")]


@pytest.mark.parametrize("source", ["javascript:alert(1)", "http://plain.example", "data:text/html,x"])
def test_only_a_safe_source_becomes_a_link(source: str) -> None:
    document = trial()
    cost = document["cost"]
    assert isinstance(cost, dict)
    lines = cost["lines"]
    assert isinstance(lines, list)
    first = lines[0]
    assert isinstance(first, dict)
    first["source"] = source
    page = _Page(to_html(document))
    assert not [value for _, key, value in page.attributes if key == "href" and source in value]
    assert source in page.words


def test_a_long_list_of_offers_is_folded_away_but_whole() -> None:
    losers: list[Value] = [{"label": f"offer {n}.", "usdPerHour": "9", "reason": "dearer"} for n in range(30)]
    words = " ".join(_Page(to_html(trial(offers={"candidates": [], "losers": losers}))).words.split())
    assert "22 more were looked at" in words
    assert all(f"offer {n}." in words for n in range(30))


def test_what_would_help_has_its_price() -> None:
    remedy: Value = {
        "change": "4× H200", "effect": "holds 9", "verdict": "fits", "usdPerHourDelta": "-13.56",
        "offer": "runpod 4× H200 secure", "caveat": "24% less <memory>",
    }  # fmt: skip
    reach: Value = [{"concurrency": 8, "limitedBy": "memory", "contextTokens": 38912}]
    page = to_html(trial(fit={"verdict": "tight", "remedies": [remedy], "reach": reach}))
    assert "<h3>What would help</h3>" in page
    assert "4× H200 (runpod 4× H200 secure): holds 9, then fits" in page
    assert "24% less &lt;memory&gt;" in page
    assert '<td class="num">−$13.56/h</td>' in page
    assert "Reach: 38k × 8   longest context × requests" in page
    assert "What would help" not in to_html(trial(fit={"verdict": "fits", "remedies": [remedy]}))
