"""Apple's chips as people write them, with and without their memory, in the catalog and not."""

import pytest

from modelyard.errors import UsageError
from modelyard.fit.apple_chips import is_memory_sure, read_chip
from modelyard.fit.reading import read_gpu
from modelyard.units import GIB


@pytest.mark.parametrize(
    ("written", "memory", "name", "gib"),
    [
        ("M3 Ultra", 512, "M3-Ultra", 512), ("Apple M4 Max", 128, "M4-Max", 128), ("m2-max", 96.0, "M2-Max", 96),
        ("Mac Studio M3 Ultra 256GB", None, "M3-Ultra", 256), ("Apple M1 Max (64 GB)", None, "M1-Max", 64),
        ("M4", 32, "M4", 32), ("Apple M4", 16, "M4", 16), ("MacBook Pro M3_Max 48 GB", None, "M3-Max", 48),
        ("M2 Ultra (76-core GPU)", 192, "M2-Ultra", 192),
    ],
)  # fmt: skip
def test_known_chips(written: str, memory: float | None, name: str, gib: float) -> None:
    chip = read_chip(written, memory)
    assert chip is not None
    assert (chip.gpu.name, chip.gpu.total_memory_bytes, chip.gpu.total_memory_estimated) == (name, gib * GIB, False)
    assert chip.notes == ()
    assert is_memory_sure(chip.gpu)


@pytest.mark.parametrize("name", ["H100", "MI300X", "Tesla M40", "M40", "NVIDIA M4 (Tesla)", "RTX A4000", "M10", ""])
def test_other_cards(name: str) -> None:
    assert read_chip(name, 24) is None


def test_without_memory_the_largest_stands_and_nothing_is_sure() -> None:
    chip = read_chip("M3 Ultra", None)
    assert chip is not None
    assert (chip.gpu.total_memory_bytes, chip.gpu.total_memory_estimated) == (512 * GIB, True)
    assert not is_memory_sure(chip.gpu)


def test_memory_that_the_chip_is_not_sold_with() -> None:
    chip = read_chip("M3 Max", 72)
    assert chip is not None
    assert not is_memory_sure(chip.gpu)
    assert "not for its wired limit" in chip.notes[0]


@pytest.mark.parametrize(
    ("written", "name"), [("M7 Max", "M7-Max"), ("Apple M12 Ultra", "M12-Ultra"), ("Apple M9", "M9")]
)
def test_chips_of_the_future(written: str, name: str) -> None:
    chip = read_chip(written, 256)
    assert chip is not None
    assert (chip.gpu.name, chip.gpu.is_apple, chip.gpu.total_memory_bytes) == (name, True, 256 * GIB)
    assert chip.gpu.memory_bandwidth_gb_s is None
    assert "not in the catalog" in chip.notes[0]
    assert is_memory_sure(chip.gpu)
    with pytest.raises(UsageError, match="the memory of"):
        read_chip(written, None)


def test_a_cell_of_a_table() -> None:
    card = read_gpu("Apple M4 Max", 128)
    assert (card.gpu.name, card.notes, card.known) == ("M4-Max", (), True)
