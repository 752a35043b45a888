"""Which image of nginx, Prometheus, Grafana and the DCGM exporter is pinned, with where its tag was read."""

from dataclasses import dataclass
from datetime import date
from functools import cache

from modelyard.catalog.rows import Source, data_dir, parse_rows, read_toml
from modelyard.errors import UnknownNameError


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """One pinned image."""

    name: str
    title: str
    repository: str
    """With its registry."""
    tag: str
    version: str
    """Version of the software inside."""
    source: Source
    as_of: date
    notes: str = ""

    @property
    def reference(self) -> str:
        """What a container runtime pulls: ``docker.io/prom/prometheus:v3.15.0``."""
        return f"{self.repository}:{self.tag}"


def find_image(name: str) -> Image:
    """The pinned image called ``name``.

    Raises:
        UnknownNameError: nothing is pinned under that name.
        CatalogError: a row that cannot be trusted.
    """
    images = {image.name: image for image in load_images()}
    if name not in images:
        raise UnknownNameError("image", name, images)
    return images[name]


@cache
def load_images() -> tuple[Image, ...]:
    """Every pinned image.

    Raises:
        CatalogError: a row that cannot be trusted.
    """
    path = data_dir() / "images.toml"
    return parse_rows(Image, read_toml(path).get("image", []), file="images.toml", label="image")
