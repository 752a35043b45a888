"""Runs a Serving in the fake engine."""

from typing import Final

import pulumi

from components import Serving, serving
from modelyard.plan.types import Plan
from tests.fakes.engine import Engine, run

KEY: Final = "aKeyThatMustNeverBeSeenInTheClear0123456789"
TOKEN: Final = "hf_aTokenThatMustNeverBeSeenInTheClear"
OUTPUTS: Final = {
    "modelyard-rental:index:AccessKey": {"value": KEY},
    "modelyard-rental:index:Machine": {"address": "https://pod7-8080.example.com"},
    "modelyard-rental:index:Ready": {"endpoint": "https://pod7-8080.example.com"},
}


def run_serving(plan: Plan, *, token: str | None = None) -> Engine:
    """What a Serving of ``plan`` registers."""

    def program() -> None:
        args = serving.args_for(plan)
        if token is not None:
            args["hub_token"] = pulumi.Output.secret(token)
        made = Serving(plan.spec.name, args)
        pulumi.export("endpoint", made.endpoint)
        pulumi.export("key", made.key)

    return run(program, outputs=OUTPUTS)
