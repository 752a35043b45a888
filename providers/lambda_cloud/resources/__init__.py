"""Lambda's own resources: instances, filesystems, SSH keys and firewall rulesets."""

from collections.abc import Callable
from typing import Final

from providers.base.accounts import Accounts
from providers.base.resource import Lifecycle, ResourceType
from providers.lambda_cloud.resources.filesystem import FILESYSTEM, Filesystems
from providers.lambda_cloud.resources.firewall_ruleset import FIREWALL_RULESET, FirewallRulesets
from providers.lambda_cloud.resources.instance import INSTANCE, Instances
from providers.lambda_cloud.resources.ssh_key import SSH_KEY, SshKeys

RESOURCES: Final[tuple[tuple[ResourceType, Callable[[Accounts], Lifecycle]], ...]] = (
    (INSTANCE, Instances),
    (FILESYSTEM, Filesystems),
    (SSH_KEY, SshKeys),
    (FIREWALL_RULESET, FirewallRulesets),
)
