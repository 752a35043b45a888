import pytest

from components.base import dns_label, whole, without_none
from components.cluster.server import GPU_PRODUCTS
from modelyard.catalog.gpus import find_gpu


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("prod", "server"), "prod-server"),
        (("Prod", ""), "prod"),
        (("trial-405b",), "trial-405b"),
    ],
)
def test_names_that_kubernetes_takes_stay_readable(parts: tuple[str, ...], expected: str) -> None:
    assert dns_label(*parts) == expected


@pytest.mark.parametrize("asked", ["a.b", "a_b", "x" * 70, "405b", "-a-", "ü"])
def test_other_names_are_changed_and_kept_apart(asked: str) -> None:
    label = dns_label(asked, "server")
    assert len(label) <= 63
    assert label[0].isalpha()
    assert label[0].islower()
    assert set(label) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert label != dns_label(asked + "2", "server")


def test_two_names_that_differ_in_a_forbidden_letter_alone() -> None:
    assert dns_label("a.b") != dns_label("a_b")


def test_numbers_cross_the_engine_as_doubles() -> None:
    assert whole(8.0) == 8
    with pytest.raises(ValueError, match=r"8\.5"):
        whole(8.5)


def test_props_have_no_holes() -> None:
    assert without_none(a=1, b=None, c=False) == {"a": 1, "c": False}


@pytest.mark.parametrize(("name", "label"), sorted(GPU_PRODUCTS.items()))
def test_product_labels_are_names_that_the_catalog_knows(name: str, label: str) -> None:
    assert find_gpu(label.replace("-", " ")).name == name
