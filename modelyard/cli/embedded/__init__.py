"""Pulumi programs without Pulumi's engine: what they would register, in about a second, with no account.

The program that ``Pulumi.yaml`` names is run by path, as the engine's own Python host runs it, but against a monitor
inside this process that answers as the engine does in a preview: inputs come back as they are, everything that only a
provider could know is unknown. Nothing is created and nothing outside the process is asked.
"""

from modelyard.cli.embedded.program import run_program as run_program

__all__ = ["run_program"]
