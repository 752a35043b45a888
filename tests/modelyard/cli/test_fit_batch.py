import json
from pathlib import Path

import pytest

from modelyard.cli.commands.fit_batch import fit_batch
from modelyard.cli.lookup import hub_resolver
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


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_table_as_a_spreadsheet_saves_it(tmp_path: Path, encoding: str, separator: str) -> None:
    file = tmp_path / "runs.csv"
    file.write_bytes(TABLE.replace(",", separator).replace("\n", "\r\n").encode(encoding))
    text, code = fit_batch(str(file))
    assert code is ExitCode.OK
    assert [row["verdict"] for row in json.loads(text)] == ["fits"]


def test_a_table_without_models_is_one_error(tmp_path: Path) -> None:
    file = tmp_path / "runs.csv"
    file.write_text(TABLE.replace(",", ":"), encoding="utf-8")
    with pytest.raises(UsageError, match=r"^'runs\.csv': the table has no column that names models"):
        fit_batch(str(file))


def test_a_folder_in_a_table_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    file = tmp_path / "runs.csv"
    file.write_text(f"model,gpu\n{tmp_path},H200\n", encoding="utf-8")
    rows = json.loads(fit_batch(str(file), resolver=hub_resolver())[0])
    assert "has no 'num_hidden_layers'" in rows[0]["error"]
