"""A firewall ruleset: what may reach the instances that name it. The account-wide rules are never touched."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import UNSET

from providers.base.accounts import Accounts
from providers.base.errors import Kind, VendorError
from providers.base.marker import read_marker
from providers.base.resource import Change, Field, Found, Plain, ResourceType, Wanted
from providers.lambda_cloud.client import client_for
from providers.lambda_cloud.errors import VENDOR
from providers.lambda_cloud.replies import Rule, Ruleset
from providers.lambda_cloud.resources.naming import is_of, name_field, name_input, named

PROTOCOLS: Final = ("tcp", "udp", "icmp", "all")
FIREWALL_RULESET: Final = ResourceType(
    module="lambda",
    name="FirewallRuleset",
    description="What may reach the instances that name it. Does not apply in us-south-1.",
    inputs=(
        name_field(Change.UPDATE),
        Field(name="region", kind="string", description="Region of the instances that may name it.", required=True),
        Field(
            name="rules",
            kind="array",
            items="object",
            description="What may come in.",
            required=True,
            change=Change.UPDATE,
            fields=(
                Field(name="protocol", kind="string", description="Protocol.", required=True, choices=PROTOCOLS),
                Field(
                    name="firstPort",
                    kind="integer",
                    description="First port; not with icmp.",
                    minimum=1,
                    maximum=65535,
                ),
                Field(
                    name="lastPort",
                    kind="integer",
                    description="Last port; the first where it is left out.",
                    minimum=1,
                    maximum=65535,
                ),
                Field(
                    name="sourceNetwork",
                    kind="string",
                    description="IPv4 addresses that may come in, as CIDR; 0.0.0.0/0 is everybody.",
                    required=True,
                ),
                Field(name="description", kind="string", description="For people.", maximum=128),
            ),
        ),
    ),
    outputs=(
        Field(name="rulesetName", kind="string", description="Its whole name at Lambda."),
        Field(name="instanceIds", kind="array", description="Instances that name it."),
        Field(name="created", kind="string", description="When it was made, ISO 8601."),
    ),
    billed=False,
)


class FirewallRulesets:
    """The calls behind ``lambda:FirewallRuleset``."""

    kind = FIREWALL_RULESET

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def create(self, wanted: Wanted) -> Found:
        """Create it."""
        rules = [_sent(rule) for rule in wanted.inputs["rules"]]
        name, region = named(wanted).name, str(wanted.inputs["region"])
        return _found(await client_for(self._accounts).create_ruleset(name, region, rules))

    async def find(self, wanted: Wanted) -> Sequence[Found]:
        """Those with a marker of this resource."""
        everything = await client_for(self._accounts).rulesets.fresh()
        return [_found(ruleset) for ruleset in everything if is_of(ruleset.name, wanted)]

    async def read(self, object_id: str) -> Found | None:
        """One."""
        ruleset = await client_for(self._accounts).ruleset(object_id)
        return None if ruleset is None else _found(ruleset)

    async def update(self, object_id: str, *, old: Plain, new: Plain, changed: Sequence[str]) -> Found:
        """Set its rules, its name, or both."""
        del old
        client, body = client_for(self._accounts), dict[str, Any]()
        if "rules" in changed:
            body["rules"] = [_sent(rule) for rule in new["rules"]]
        if "name" in changed:
            there = await client.ruleset(object_id)
            marker = None if there is None else read_marker(there.name)
            if marker is None:
                raise VendorError(VENDOR, Kind.INVALID, "a ruleset that modelyard did not make keeps its name")
            body["name"] = marker.titled(str(new.get("name") or marker.title)).name
        return _found(await client.update_ruleset(object_id, body))

    async def delete(self, object_id: str) -> None:
        """Delete it; CONFLICT while an instance names it."""
        await client_for(self._accounts).delete_ruleset(object_id)

    def console_url(self, object_id: str) -> str:
        """Where a person looks at it."""
        del object_id
        return "https://cloud.lambda.ai/firewall"


def _sent(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule as Lambda takes it."""
    protocol, first = str(rule["protocol"]), rule.get("firstPort")
    sent: dict[str, Any] = {
        "protocol": protocol,
        "source_network": rule["sourceNetwork"],
        "description": rule.get("description", ""),
    }
    if (protocol == "icmp") != (first is None):
        raise VendorError(VENDOR, Kind.INVALID, f"a rule for {protocol} {'has no' if first else 'needs a'} firstPort")
    if first is not None:
        sent["port_range"] = [int(first), int(rule.get("lastPort", first))]
    return sent


def _shown(rule: Rule) -> dict[str, Any]:
    """A rule as the resource has it; what may be left out and says nothing is left out."""
    shown: dict[str, Any] = {"protocol": rule.protocol, "sourceNetwork": rule.source_network}
    if rule.description:
        shown["description"] = rule.description
    if rule.port_range is not UNSET:
        first, last = rule.port_range
        shown["firstPort"] = first
        if last != first:
            shown["lastPort"] = last
    return shown


def _found(ruleset: Ruleset) -> Found:
    outputs = {
        "name": name_input(ruleset.name),
        "region": ruleset.region.name,
        "rules": [_shown(rule) for rule in ruleset.rules],
        "rulesetName": ruleset.name,
        "instanceIds": ruleset.instance_ids,
        "created": ruleset.created,
    }
    return Found(id=ruleset.id, outputs=outputs, marker=read_marker(ruleset.name))
