"""Tables as spreadsheets write them, and as they are broken: a fault costs its own row and no other."""

import csv
import io
import json
import re
from pathlib import Path

import pytest

from modelyard.errors import UsageError
from modelyard.fit import batch
from modelyard.fit.batch import fit_csv
from modelyard.fit.table import BROKEN, COLUMNS, MOST_LINES, decode, read_rows

HEADER = "model,hf_id,gpu,tp,notes"
GOOD = "Qwen3 8B,Qwen/Qwen3-8B,H200,1,"


def faults(text: str) -> list[str]:
    return [row.get(BROKEN, "") for row in read_rows(text)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings(encoding: str) -> None:
    text = "hf_id,gpu\nQwen/Qwen3-8B,H200 – Köln\n"
    assert list(read_rows(decode(text.encode(encoding)))) == [{"hf_id": "Qwen/Qwen3-8B", "gpu": "H200 – Köln"}]


def test_bytes_that_are_no_utf_8_are_replaced() -> None:
    assert decode("hf_id\nK\xf6ln".encode("latin-1")) == "hf_id\nK\ufffdln"
    assert decode(b"") == ""


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_and_line_ends(separator: str, end: str) -> None:
    text = end.join(("hf_id,gpu,tp", "a/b,H200,8", "", "c/d,H100,4")).replace(",", separator)
    assert list(read_rows(text)) == [
        {"hf_id": "a/b", "gpu": "H200", "tp": "8"},
        {"hf_id": "c/d", "gpu": "H100", "tp": "4"},
    ]


def test_the_line_that_excel_puts_first() -> None:
    assert list(read_rows("sep=;\nhf_id;gpu\na/b;H200\n")) == [{"hf_id": "a/b", "gpu": "H200"}]


@pytest.mark.parametrize("header", ["gpu,tp", "hf_id:gpu:tp", "a/b,H200,8", '"hf_id,gpu', "<html>", "\x00"])
def test_no_column_that_names_models_is_one_error(header: str) -> None:
    with pytest.raises(UsageError, match="no column that names models") as caught:
        fit_csv(f"{header}\na/b,H200,8\nc/d,H200,8\n")
    assert "hf_id or model" in (caught.value.details or "")


@pytest.mark.parametrize("text", ["", "\n\n", "  \n\t\n", "\ufeff", HEADER, f"{HEADER}\n\n"])
def test_nothing_in_nothing_out(text: str) -> None:
    assert fit_csv(text) == []


@pytest.mark.parametrize(
    "swallowing",
    [
        'Qwen3 8B,Qwen/Qwen3-8B,H200,1,"not closed',
        '"Qwen3 8B,Qwen/Qwen3-8B,H200,1,',
        'Qwen3 8B,"Qwen/Qwen3-8B,H200,1,x',
    ],
)
@pytest.mark.parametrize("behind", [[], [GOOD], [GOOD, GOOD, GOOD], ['Qwen3 8B,Qwen/Qwen3-8B,H200,1,"a, b"', GOOD]])
def test_an_unclosed_quote_costs_its_own_row(swallowing: str, behind: list[str]) -> None:
    found = fit_csv("\n".join((HEADER, GOOD, swallowing, *behind)))
    assert [("error" in row) for row in found] == [False, True, *[False] * len(behind)]
    assert "no CSV: line 3 has a quote that is not closed" in found[1]["error"]
    assert [row["row"] for row in found] == list(range(1, len(found) + 1))


def test_a_quoted_cell_may_span_lines() -> None:
    rows = list(read_rows(f'{HEADER}\nQwen3 8B,Qwen/Qwen3-8B,H200,1,"two\nlines, ""quoted"""\n{GOOD}\n'))
    assert [row["notes"] for row in rows] == ['two\nlines, "quoted"', ""]


def test_a_cell_without_end_is_not_read_to_the_end() -> None:
    found = faults(f'{HEADER}\na,b,c,1,"{GOOD}\n' + f"{GOOD}\n" * (2 * MOST_LINES))
    assert len(found) == 2 * MOST_LINES + 1
    assert [i for i, fault in enumerate(found) if fault] == [0]


def test_text_behind_a_quote() -> None:
    first, second = faults(f'{HEADER}\n"Qwen3" 8B,Qwen/Qwen3-8B,H200,1,\n{GOOD}\n')
    assert first.startswith("no CSV: line 2 ',' expected after")
    assert not second


def test_the_header_again() -> None:
    assert faults(f"{HEADER}\n{GOOD}\n{HEADER.upper()}\n{GOOD}\n") == ["", "line 3 repeats the header", ""]


def test_a_column_twice() -> None:
    rows = list(read_rows("hf_id,gpu,gpu,x,x\na/b,H200,H100,1,2\na/b,H200,,1,2\na/b,,H100,1,2\na/b,H200,H200,1,2\n"))
    assert rows[0][BROKEN] == "column gpu is there twice, with 'H200' and 'H100'"
    assert [row["gpu"] for row in rows[1:]] == ["H200", "H100", "H200"]


def test_more_cells_than_columns() -> None:
    typed = "hf_id,gpu,tp\n"
    assert faults(typed + "a/b,H200,SXM,8\n") == [
        "line 2 has 4 cells, the header 3: put a cell that holds a comma in quotes"
    ]
    assert faults(typed + "a/b,H200,8,,,\n") == [""]
    assert faults(f"{HEADER}\na,b,c,1,some, words\n") == [""], "the last column is free text"
    assert faults("hf_id,comment\na/b,some, words\n") == [""]


def test_every_column_that_the_batch_reads_is_known() -> None:
    text = Path(batch.__file__).read_text(encoding="utf-8")
    read = set(re.findall(r'(?:cell\[|_count\(cell, |_switch\(cell, )"(\w+)"', text))
    assert read <= set(COLUMNS)
    assert {"hf_id", "gpu", "tp", "ep", "kv_cache_memory_gib"} <= read


class TestNoGpu:
    @pytest.mark.parametrize("gpu", ["", "not recorded", "unknown", "n/a"])
    def test_only_the_weights_are_known(self, gpu: str) -> None:
        (row,) = fit_csv(f"hf_id,gpu\nQwen/Qwen3-8B,{gpu}\n")
        assert row["weights_gib_per_gpu"] == pytest.approx(15.26, abs=0.05)
        assert row["verdict"] == "tight"
        assert row["reasons"] == [
            "no GPU is given, and no gpu_mem_gib: only the weights are known, not whether they fit"
        ]
        assert [row[key] for key in ("kv_cache_gib_per_gpu", "kv_cache_tokens", "max_concurrency")] == [None] * 3

    def test_memory_alone_is_enough_for_figures(self) -> None:
        (row,) = fit_csv("hf_id,gpu,gpu_mem_gib\nQwen/Qwen3-8B,,141\n")
        assert row["kv_cache_tokens"] > 0
        assert row["verdict"] == "tight"
        assert row["reasons"] == ["which GPU it was: taken as H100-SXM with 141 GiB"]


class TestEngineVersion:
    def test_it_is_said_what_was_taken(self) -> None:
        latest, nightly, number, other = fit_csv(
            "hf_id,gpu,engine,engine_version\nQwen/Qwen3-8B,H200,vllm,latest\nQwen/Qwen3-8B,H200,vllm,nightly\n"
            "Qwen/Qwen3-8B,H200,vllm,19\nQwen/Qwen3-8B,H200,vllm,0.99.0\n"
        )
        assert "engine version 'latest': read as" in latest["unknown"][0]
        assert "engine version 'nightly' is no release" in nightly["unknown"][0]
        assert "'19' is no version of vllm" in number["error"]
        assert "did you mean '0.19'?" in number["error"]
        assert "newer than what is modelled" in other["unknown"][0]


def test_the_answer_is_json_whatever_the_numbers() -> None:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("hf_id", "gpu", "gpu_mem_gib", "gmu", "kv_cache_memory_gib", "max_model_len"))
    for cell in ("1e400", "nan", "inf", "-1e999", "1e308", "0", "-0"):
        for at in range(4):
            writer.writerow(("Qwen/Qwen3-8B", "H200", *[cell if i == at else "" for i in range(4)]))
    found = fit_csv(out.getvalue())
    assert len(found) == 28
    json.dumps(found, allow_nan=False)
