"""GPU names: Vast's, the catalog's and the price table's."""

import pytest

from modelyard.catalog.gpus import find_gpu, load_gpus
from modelyard.offers.rows import load_rows
from providers.vastai.gpus import GPUS, NOT_SOLD, by_catalog_name, by_vendor_name
from tests.simulators.vastai.market import PRODUCTS


def test_every_gpu_of_the_catalog_is_known_or_named_as_not_sold() -> None:
    ours = {gpu.gpu for gpu in GPUS}
    assert ours | NOT_SOLD == {gpu.name for gpu in load_gpus() if gpu.vendor == "nvidia"}
    assert not ours & NOT_SOLD
    assert len({gpu.sku for gpu in GPUS}) == len(GPUS) == len(ours)


def test_the_memory_that_tells_a100s_apart_is_the_catalogs() -> None:
    for gpu in GPUS:
        assert gpu.is_it(gpu.vendor_gpu, find_gpu(gpu.gpu).memory_mib)


def test_skus_are_those_of_the_price_table() -> None:
    rows = {(row.gpu, row.sku) for row in load_rows() if row.vendor == "vastai"}
    assert rows <= {(gpu.gpu, gpu.sku) for gpu in GPUS}
    assert {(gpu.sku, gpu.vendor_gpu) for gpu in GPUS} == {(p.sku, p.gpu_name) for p in PRODUCTS}


@pytest.mark.parametrize(
    ("vendor_gpu", "ram", "gpu"),
    [
        ("A100 SXM4", 40960, "A100-40-SXM"),
        ("A100 SXM4", 81920, "A100-80-SXM"),
        ("A100 PCIE", 81920, "A100-80-PCIe"),
        ("A100_PCIE", 40960, "A100-40-PCIe"),
        ("A100 PCIE", None, None),
        ("RTX 4090", None, "RTX-4090"),
        ("RTX 4090D", 24564, None),
        ("H200 NVL", 143771, "H200-NVL"),
        ("RTX 3060", 12288, None),
    ],
)
def test_names(vendor_gpu: str, ram: float | None, gpu: str | None) -> None:
    found = by_vendor_name(vendor_gpu, ram)
    assert (found.gpu if found else None) == gpu


def test_catalog_names() -> None:
    found = by_catalog_name("RTX-PRO-6000")
    assert found is not None
    assert found.vendor_gpu == "RTX PRO 6000 S"
    assert by_catalog_name("MI300X") is None
