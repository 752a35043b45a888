"""Lambda Cloud API v1 as a simulator."""

from tests.simulators.lambda_cloud.server import LambdaSimulator as LambdaSimulator

__all__ = ["LambdaSimulator"]
