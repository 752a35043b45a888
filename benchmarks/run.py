"""Every benchmark, one JSON object on stdout. SMOKE=1 shows that they run."""

import importlib
import sys

from benchmarks.measure import SMOKE, emit

NAMES = ("cold_start", "preview", "ranking", "fit_accuracy", "fit_speed", "rental_campaign")


def main() -> None:
    """Run them all, or those that are named."""
    wanted = sys.argv[1:] or NAMES
    emit({"smoke": SMOKE, "results": [importlib.import_module(f"benchmarks.{name}").run() for name in wanted]})


if __name__ == "__main__":
    main()
