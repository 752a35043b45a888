"""`modelyard init`: a new environment from a few questions or flags, written only when it can be planned."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from modelyard.cli.options import json_option, tokens, usd

if TYPE_CHECKING:
    from modelyard.cli.project import Project
    from modelyard.plan import Plan

_TRUST = ("secure", "community", "cloud")


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """What the new environment shall be."""

    model: str
    context: str
    concurrency: int
    quantization: str | None = None
    vendors: Sequence[str] = ()
    gpus: Sequence[str] = ()
    trust: str = "secure"
    life: str | None = None
    trial: bool = False
    max_usd_per_hour: Decimal | None = None
    max_spend_usd: Decimal | None = None


@click.command("init", short_help="Write a new environment from a few questions or flags.")
@click.argument("environment")
@click.option("--model", help="Catalog name or hub id (asked for when left out).")
@click.option("--quantization", "-q", help="Precision of the weights, such as fp8.")
@click.option("--context", type=tokens, help="Tokens per request, such as 16k.  [default: 16k, or the model's limit]")
@click.option("--concurrency", type=click.IntRange(1, 10_000), help="Requests at full length at once.  [default: 4]")
@click.option("--vendor", "vendors", multiple=True, help="Only this vendor; may be repeated.")
@click.option("--gpu", "gpus", multiple=True, help="Only this GPU; may be repeated.")
@click.option("--trust", type=click.Choice(_TRUST), help="Whose machines to accept.  [default: secure]")
@click.option("--life", help="When it ends, such as 1h or 8h; left out: it runs until destroyed.")
@click.option("--trial", is_flag=True, help="Short-lived: must have a life.")
@click.option("--max-usd-per-hour", type=usd, help="Ceiling for the whole stack, an hour.")
@click.option("--max-spend-usd", type=usd, help="Ceiling until the deadline.")
@click.option("--force", is_flag=True, help="Write over an environment that exists.")
@json_option
def command(environment: str, *, force: bool, as_json: bool, **options: object) -> None:
    """Write stacks/Pulumi.ENVIRONMENT.yaml for a rented machine.

    Asks for what the flags leave open when someone is there to answer. What is written has been parsed and planned
    first: nothing is written that `modelyard preview` would refuse. For an existing Kubernetes start from
    stacks/Pulumi.prod.yaml.

    \b
    Example:
      modelyard init demo --model llama-3.1-8b --context 8k --life 2h --max-spend-usd 5
    """  # noqa: D301  # click's mark for lines that are not re-flowed
    from modelyard.cli.console import emit, emit_json, say
    from modelyard.cli.files import write_text
    from modelyard.cli.project import find_project

    project = find_project(Path.cwd())
    path = project.stack_file(environment)
    _check_name(environment, path, project, force=force)
    answers = _complete(options)
    text = render(answers, environment)
    plan = planned(text, environment, project)
    write_text(path, text, overwrite=force)
    shown = project.shown(path)
    if as_json:
        emit_json({"schema": "modelyard.init/1", "file": shown, "chosen": choice(plan)})
    else:
        emit(shown)
        say(f"{choice(plan)}\nnext     modelyard preview {environment}")


def _check_name(environment: str, path: Path, project: "Project", *, force: bool) -> None:
    from modelyard.cli.project import is_environment_name
    from modelyard.errors import UsageError, quote

    if not is_environment_name(environment):
        raise UsageError(
            f"{quote(environment)} is not a name for an environment",
            details="allowed  letters, digits, dots, dashes and underscores, at most 100",
        )
    if path.exists() and not force:
        raise UsageError(
            f"the environment {quote(environment)} exists",
            details=f"where    {project.shown(path)}",
            resolution="add --force to write over it, or choose another name",
        )


def _complete(options: dict[str, object]) -> Answers:
    """The flags, with questions for what is open when someone is there, else the defaults."""
    from modelyard.catalog.models import find_model
    from modelyard.units import format_tokens, parse_tokens

    given = {key: value for key, value in options.items() if value is not None}
    is_asked = sys.stdin.isatty() and sys.stderr.isatty() and "model" not in given
    if "model" not in given and not is_asked:
        raise click.UsageError("--model is missing, and nobody is there to be asked")

    def ask(key: str, question: str, default: object) -> str:
        if key in given:
            return str(given[key])
        return str(click.prompt(question, default=default, err=True)) if is_asked else str(default)

    name = ask("model", "Model (`modelyard models` lists them)", "llama-3.1-8b")
    longest = find_model(name).max_position_embeddings
    context = ask("context", "Tokens per request", format_tokens(min(16 * 1024, longest)).replace(",", ""))
    life = ask("life", "Gone after (such as 1h, 8h; none: runs until destroyed)", "none")
    return Answers(
        model=name,
        context=format_tokens(parse_tokens(context)).replace(",", ""),
        concurrency=int(ask("concurrency", "Requests at once", 4)),
        quantization=str(given["quantization"]) if "quantization" in given else None,
        vendors=cast("Sequence[str]", given.get("vendors", ())),
        gpus=cast("Sequence[str]", given.get("gpus", ())),
        trust=ask("trust", "Whose machines (secure, community, cloud)", "secure"),
        life=None if life == "none" else life,
        trial=bool(given.get("trial")),
        max_usd_per_hour=Decimal(str(given["max_usd_per_hour"])) if "max_usd_per_hour" in given else None,
        max_spend_usd=Decimal(str(given["max_spend_usd"])) if "max_spend_usd" in given else None,
    )


def render(answers: Answers, environment: str) -> str:
    """The stack file of the answers, as text."""
    place = [f"trust: {answers.trust}"]
    if answers.vendors:
        place.append(f"vendors: {_flow(answers.vendors)}")
    if answers.gpus:
        place.append(f"gpus: {_flow(answers.gpus)}")
    budget = [
        f"{key}: {value:f}"
        for key, value in (("max-usd-per-hour", answers.max_usd_per_hour), ("max-spend-usd", answers.max_spend_usd))
        if value is not None
    ]
    lines = [
        f"model: {_scalar(answers.model)}",
        f"quantization: {_scalar(answers.quantization)}" if answers.quantization else "",
        f"context: {answers.context}",
        f"concurrency: {answers.concurrency}",
        "trial: true" if answers.trial else "",
        f"place: {{{', '.join(place)}}}",
        "expose: {auth: bearer}",
        f"life: {{for: {_scalar(answers.life)}}}" if answers.life else "",
        f"budget: {{{', '.join(budget)}}}" if budget else "",
    ]
    body = "\n".join(f"    {line}" for line in lines if line)
    return (
        "# yaml-language-server: $schema=schema.json\n"
        f"# {environment}: written by `modelyard init`; every key is described in schema.json.\n"
        f"config:\n  modelyard:serve:\n{body}\n"
    )


def planned(text: str, environment: str, project: "Project") -> "Plan":
    """The plan of a stack file's text.

    Raises:
        ModelyardError: it cannot be read or planned.
    """
    from modelyard.cli.environment import check_settings, locating
    from modelyard.cli.project import parse_stack
    from modelyard.plan import make_plan

    project.make_importable()
    stack = parse_stack(project, environment, text)
    settings = check_settings(stack, now=datetime.now(UTC))
    plan = locating(stack, lambda: make_plan(settings.to_spec(environment)))
    _within_ceilings(plan)
    return plan


def _within_ceilings(plan: "Plan") -> None:
    """Refuse what the rules of the first preview would refuse.

    Raises:
        NotPossibleError: the cheapest choice is over a ceiling.
    """
    from modelyard.errors import NotPossibleError
    from modelyard.units import format_usd

    budget, bill = plan.spec.budget, plan.bill
    pairs = (
        ("max-usd-per-hour", budget.max_usd_per_hour, bill.hourly_usd),
        ("max-spend-usd", budget.max_spend_usd, bill.max_spend_usd),
    )
    for key, ceiling, amount in pairs:
        if ceiling is not None and amount is not None and amount > ceiling:
            raise NotPossibleError(
                f"the cheapest that holds it costs {format_usd(amount)}, over your {format_usd(ceiling)}",
                details=f"where    --{key}",
                resolution="raise the ceiling, or ask for a smaller model, a shorter life or other machines",
            )


def choice(plan: "Plan") -> str:
    """What the plan chose, in one line."""
    from modelyard.units import format_usd

    chosen = plan.chosen
    price = f" at {format_usd(chosen.offer.usd_per_hour)}/h" if chosen else ""
    return f"chosen   {chosen.offer.label if chosen else plan.gpu}{price}, {plan.fit.verdict.value}"


def _scalar(text: str) -> str:
    """A YAML scalar: as it is when that is safe, else quoted (a JSON string is a YAML one)."""
    is_plain = bool(text) and text[0].isalnum() and all(c.isalnum() or c in "-_./" for c in text)
    is_word = text.lower() in ("true", "false", "null", "yes", "no", "on", "off")
    is_number = text.replace(".", "", 1).replace("e", "", 1).isdigit()
    return text if is_plain and not is_word and not is_number else json.dumps(text, ensure_ascii=False)


def _flow(items: Sequence[str]) -> str:
    return f"[{', '.join(_scalar(item) for item in items)}]"
