"""RunPod's REST v2 (the revision with cursor paging), its job API, and the proxy before its pods."""

from tests.simulators.runpod.server import RunpodSimulator

__all__ = ["RunpodSimulator"]
