"""The README's own commands, so that what is tested is what people are told to run.

Run as a script with ``run`` or ``test`` it prints that command.
"""

import re
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def commands() -> tuple[str, str]:
    """The first two single-line shell blocks of the README: run, test."""
    text = README.read_text(encoding="utf-8")
    blocks = re.findall(r"^```(?:sh|bash|console)[^\n]*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    single = [b.strip().removeprefix("$ ") for b in blocks if len(b.strip().splitlines()) == 1]
    return single[0], single[1]


if __name__ == "__main__":
    sys.stdout.write(commands()[{"run": 0, "test": 1}[sys.argv[1]]] + "\n")
