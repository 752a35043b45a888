"""Vast.ai on the loopback address: its market of vanishing asks, its contracts, its odd status codes."""

from tests.simulators.vastai.server import VastSimulator

__all__ = ["VastSimulator"]
