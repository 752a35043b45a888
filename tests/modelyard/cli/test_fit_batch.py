import json
from pathlib import Path

import pytest

from modelyard.cli.commands.fit_batch import fit_batch
from modelyard.errors import ExitCode, UsageError

TABLE = "hf_id,gpu,tp,max_model_len\nmeta-llama/Llama-3.1-8B-Instruct,H100,1,8192\n"


def test_a_table_of_runs(tmp_path: Path) -> None:
    file = tmp_path / "runs.csv"
    file.write_text(TABLE, encoding="utf-8")
    text, code = fit_batch(str(file))
    assert code is ExitCode.OK
    assert [row["verdict"] for row in json.loads(text)] == ["fits"]


def test_a_row_that_cannot_be_read_is_an_object_and_a_failure(tmp_path: Path) -> None:
    file = tmp_path / "runs.csv"
    file.write_text(TABLE + "no/such,H100,1,8192\n", encoding="utf-8")
    text, code = fit_batch(str(file))
    rows = json.loads(text)
    assert code is ExitCode.FAILED
    assert rows[0]["verdict"] == "fits"
    assert "unknown model 'no/such'" in rows[1]["error"]


def test_a_missing_file_is_named() -> None:
    with pytest.raises(UsageError, match=r"cannot read 'nowhere.csv'"):
        fit_batch("nowhere.csv")
