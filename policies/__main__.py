"""The policy pack: ``pulumi preview --policy-pack policies`` runs this file.

``PolicyPack(…)`` starts a server and does not return, so nothing else may import this module.
"""

from pulumi_policy import EnforcementLevel, PolicyPack

from policies.pack import PACK_NAME, build_policies

if __name__ == "__main__":
    PolicyPack(name=PACK_NAME, policies=build_policies(), enforcement_level=EnforcementLevel.MANDATORY)
