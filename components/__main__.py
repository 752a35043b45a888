"""Serves the components to Pulumi programs in every language."""

from pulumi.provider.experimental import component_provider_host

import components
from components.base import PACKAGE

if __name__ == "__main__":
    hosted = [getattr(components, name) for name in components.__all__]
    component_provider_host(components=hosted, name=PACKAGE)
