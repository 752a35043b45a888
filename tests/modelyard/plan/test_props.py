import json
from datetime import UTC, datetime
from decimal import Decimal

from modelyard.offers import load_offers
from modelyard.plan import make_plan
from modelyard.plan.props import MOST_LOSERS, serving_props
from modelyard.spec import Life
from tests.modelyard.plan.specs import prod, trial

KEYS = {
    "environment", "trial", "model", "modelTitle", "hubId", "quantization", "kvCacheDtype", "gated", "contextTokens",
    "concurrency", "replicas", "engine", "vendor", "gpu", "gpuCount", "nodes", "tensorParallelSize", "fit", "startup",
    "offers", "budget", "auth", "public", "cache", "monitoring", "warnings",
}  # fmt: skip


def test_props_are_plain_and_complete() -> None:
    props = serving_props(make_plan(trial()))
    assert json.loads(json.dumps(props)) == props
    assert set(props) == KEYS | {"lifetimeSeconds"}
    assert props["budget"] == {"maxSpendUsd": "30"}
    assert props["vendor"] in {"runpod", "lambda"}
    parts = props["fit"]["perGpu"]
    assert parts.pop("totalBytes") == sum(parts.values())


def test_what_lost_is_there_and_what_is_cut_is_counted() -> None:
    plan = make_plan(trial())
    offers = serving_props(plan)["offers"]
    assert len(offers["losers"]) == min(len(plan.losers), MOST_LOSERS)
    assert offers["losersLeftOut"] == max(len(plan.losers) - MOST_LOSERS, 0)
    assert all(loser["reason"] for loser in offers["losers"])


def test_the_same_spec_gives_the_same_props() -> None:
    assert json.dumps(serving_props(make_plan(trial()))) == json.dumps(serving_props(make_plan(trial())))


def test_a_cluster_has_no_lifetime_and_no_candidates() -> None:
    props = serving_props(make_plan(prod()))
    assert set(props) == KEYS
    assert props["vendor"] == "kubernetes"
    assert props["offers"]["candidates"] == []


def test_an_absolute_end_is_a_deadline() -> None:
    until = datetime(2026, 12, 1, 18, tzinfo=UTC)
    props = serving_props(make_plan(trial(life=Life(until=until)), now=datetime(2026, 12, 1, 16, tzinfo=UTC)))
    assert props["deadline"] == "2026-12-01T18:00:00+00:00"
    assert "lifetimeSeconds" not in props


def test_how_far_it_goes_is_there_for_the_report() -> None:
    plan = make_plan(trial())
    fit = serving_props(plan)["fit"]
    assert fit["maxContextTokens"] == 131_072
    assert fit["maxNumSeqs"] == 1024
    assert [item["concurrency"] for item in fit["reach"]] == [1, 8, 32, 128]
    assert fit["reach"][0] == {"concurrency": 1, "limitedBy": "model", "contextTokens": 131_072}
    (asked,) = (point for point in fit["kvCurve"] if point["contextTokens"] == 16384)
    assert asked["requests"] == round(plan.fit.max_concurrency, 2)
    assert asked["requestsFp8Kv"] > 1.9 * asked["requests"]


def test_what_would_help_has_its_price_against_the_chosen_machine() -> None:
    plan = make_plan(trial(concurrency=32))
    fit = serving_props(plan)["fit"]
    assert fit["verdict"] == "tight"
    chosen = plan.chosen
    assert chosen is not None
    deltas = [Decimal(item["usdPerHourDelta"]) for item in fit["remedies"]]
    assert deltas == sorted(deltas)
    moved = [item for item in fit["remedies"] if "offer" in item]
    assert moved
    prices = {offer.label: offer.usd_per_hour for offer in reversed(load_offers())}
    for item in moved:
        assert Decimal(item["usdPerHourDelta"]) == prices[item["offer"]] - chosen.offer.usd_per_hour
    assert all(item["usdPerHourDelta"] == "0.00" for item in fit["remedies"] if "offer" not in item)


def test_on_a_cluster_only_what_stays_on_its_nodes_has_a_price() -> None:
    fit = serving_props(make_plan(prod(concurrency=300)))["fit"]
    assert fit["verdict"] == "tight"
    assert fit["remedies"]
    assert not any(item["kind"] == "machine" or "offer" in item for item in fit["remedies"])


def test_an_encoder_has_no_curve() -> None:
    fit = serving_props(make_plan(trial(model="bge-m3", quantization=None, context_tokens=512)))["fit"]
    assert (fit["verdict"], fit["kvBytesPerToken"], fit["reach"], fit["kvCurve"]) == ("fits", 0, [], [])
    assert fit["maxContextTokens"] == 8192
