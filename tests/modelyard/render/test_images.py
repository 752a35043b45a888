import re

import pytest

from modelyard.errors import UnknownNameError
from modelyard.render import find_image, load_images


def test_every_image_is_pinned_to_a_version_from_a_named_registry() -> None:
    images = load_images()
    assert {image.name for image in images} == {"nginx", "prometheus", "grafana", "dcgm-exporter"}
    for image in images:
        assert re.search(r"\d+\.\d+\.\d+", image.tag), image.name
        assert image.version in image.tag
        assert "." in image.repository.split("/")[0], "the registry is part of the name"
        assert image.source.startswith("https://")


def test_reference_is_what_a_runtime_pulls() -> None:
    assert find_image("prometheus").reference == "docker.io/prom/prometheus:v3.15.0"


def test_unknown_image() -> None:
    with pytest.raises(UnknownNameError, match="grafanna"):
        find_image("grafanna")
