"""Verda's API as a simulator."""

from tests.simulators.verda.server import VerdaSimulator as VerdaSimulator

__all__ = ["VerdaSimulator"]
