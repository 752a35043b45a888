"""Serves one model: the stack's configuration becomes a plan, and the plan becomes resources."""

from typing import Final

import pulumi

from components import Serving, serving
from modelyard.plan import make_plan
from stacks.settings import parse_settings

KEYS: Final = ("serve", "rules", "price-age-warning-days")


def serve() -> None:
    """Declare the resources of the current stack.

    Raises:
        UsageError: the stack's configuration is wrong; the message names file, key and what is allowed.
        NotPossibleError: no place holds the model within the ceilings.
    """
    stack = pulumi.get_stack()
    config = pulumi.Config("modelyard")
    raw = {f"modelyard:{key}": value for key in KEYS if (value := config.get_object(key)) is not None}
    settings = parse_settings(raw, file=f"stacks/Pulumi.{stack}.yaml")
    plan = make_plan(settings.to_spec(stack))
    args = serving.args_for(plan)
    # The policy pack is shown registered resources and no stack configuration, so the strictness travels as a fact.
    args["facts"]["rules"] = settings.rules.model_dump(mode="json")
    token = pulumi.Config("huggingface").get_secret("token")
    if token is not None:
        args["hub_token"] = token
    elif plan.weights.gated:
        pulumi.log.warn(
            f"{plan.weights.hub_id} is gated: `pulumi config set --secret huggingface:token` before `pulumi up`"
        )
    made = Serving(stack, args)
    pulumi.export("endpoint", made.endpoint)
    pulumi.export("key", made.key)
    pulumi.export("model", plan.model_name)
