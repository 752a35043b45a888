"""What every test of RunPod begins with."""

from pathlib import Path

import pytest

from tests.providers.runpod.lab import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """An empty account."""
    return Lab(tmp_path)
