"""What ``modelyard fit --from-csv FILE --json`` prints: one object a row, in order. Free of click.

Exit codes: 0 when every row was read (whatever its verdict), 1 when one could not be, 2 when the file could not.
"""

import json
import sys
from pathlib import Path

from modelyard.errors import ExitCode, UsageError, quote
from modelyard.fit.batch import fit_csv
from modelyard.fit.reading import Resolver
from modelyard.fit.table import decode

STDIN = "-"
LARGEST_BYTES = 64 << 20


def read_table(file: str) -> str:
    """The text of a CSV file; of standard input where the name is ``-``.

    Raises:
        UsageError: no such file, not text, or too large: names it.
    """
    if file == STDIN:
        return decode(sys.stdin.buffer.read())
    path = Path(file)
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise UsageError(f"{quote(file)} is too large", details=f"allowed  at most {LARGEST_BYTES >> 20} MiB")
        return decode(path.read_bytes())
    except OSError as error:
        raise UsageError(
            f"cannot read {quote(file)}",
            details=f"because  {error.strerror or error}",
            resolution="give a CSV file, or - for standard input",
        ) from error


def fit_batch(file: str, *, resolver: Resolver | None = None) -> tuple[str, ExitCode]:
    """The JSON document of a table of runs, and the exit code.

    Args:
        file: a CSV file, or ``-``.
        resolver: finds models that the catalog lacks.

    Raises:
        UsageError: the file cannot be read.
    """
    try:
        results = fit_csv(read_table(file), resolver)
    except UsageError as error:
        brief = f"{quote(Path(file).name)}: {error.brief}"
        raise UsageError(brief, details=error.details, resolution=error.resolution) from error
    code = ExitCode.FAILED if any("error" in result for result in results) else ExitCode.OK
    return json.dumps(results, indent=2, ensure_ascii=False, allow_nan=False), code
