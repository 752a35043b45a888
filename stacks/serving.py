"""Serves one model: the stack's configuration becomes a plan, and the plan becomes resources."""

from datetime import UTC, datetime
from typing import Final

import pulumi

from components import Serving, serving
from modelyard.errors import UsageError
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
    spec = settings.to_spec(stack)
    # Only an absolute end needs the clock, so that every other preview is the same on every day.
    plan = make_plan(spec, now=datetime.now(UTC) if spec.life.until else None)
    args = serving.args_for(plan)
    # The policy pack is shown registered resources and no stack configuration, so the strictness travels as a fact.
    args["facts"]["rules"] = settings.rules.model_dump(mode="json")
    token = pulumi.Config("huggingface").get_secret("token")
    if token is not None:
        args["hub_token"] = token
    elif plan.weights.gated and not pulumi.runtime.is_dry_run():
        # A machine that cannot fetch its weights would bill until somebody looks. The plan's warnings say so before.
        raise UsageError(
            f"{plan.weights.hub_id} is gated and there is no token to fetch it with",
            details=f"where    stacks/Pulumi.{stack}.yaml, key huggingface:token",
            resolution="accept its licence on the hub, then `pulumi config set --secret huggingface:token`",
        )
    made = Serving(stack, args)
    pulumi.export("endpoint", made.endpoint)
    pulumi.export("key", made.key)
    pulumi.export("model", plan.engine.served_model or plan.model_name)
