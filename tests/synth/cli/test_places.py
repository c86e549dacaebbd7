from __future__ import annotations

from pathlib import Path

import pytest

from salus.synth.cli.places import (
    check_file,
    check_folder,
    check_ledger,
    check_suffix,
    new_folder,
)
from salus.synth.errors import OptionError


def test_a_folder_takes_its_place_whole(tmp_path: Path) -> None:
    with new_folder(tmp_path / "out", force=False) as folder:
        (folder / "audit.json").write_text("{}")
        assert not (tmp_path / "out").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / "audit.json").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, ValueError])
def test_nothing_is_left_of_a_run_that_broke(tmp_path: Path, error: type[BaseException]) -> None:
    def run() -> None:
        with new_folder(tmp_path / "out", force=False) as folder:
            (folder / "audit.json").write_text("{")
            raise error

    with pytest.raises(error):
        run()
    assert list(tmp_path.iterdir()) == []


def test_force_replaces_an_earlier_run_and_its_rows(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "synthetic.csv").write_text("a\n1\n")
    with pytest.raises(OptionError, match="--force"):
        check_folder(out, force=False)
    with new_folder(out, force=True) as folder:
        (folder / "audit.json").write_text("{}")
    assert [p.name for p in out.iterdir()] == ["audit.json"]


def test_force_never_removes_what_salus_did_not_write(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("mine")
    with pytest.raises(OptionError, match="didn't write"):
        check_folder(tmp_path, force=True)
    assert (tmp_path / "thesis.doc").exists()


@pytest.mark.parametrize("names", [["frontier.json", "frontier.html"], ["paper.json", "paper.md"]])
def test_what_other_verbs_leave_is_known_as_ours(tmp_path: Path, names: list[str]) -> None:
    for name in (*names, "synthetic.csv"):
        (tmp_path / name).write_text("")
    check_folder(tmp_path, force=True)


def test_force_never_removes_a_frontier_that_can_go_on(tmp_path: Path) -> None:
    for name in ("budgets", "points"):
        (tmp_path / name).mkdir()
    (tmp_path / "settings.json").write_text("{}")
    with pytest.raises(OptionError, match="holds a frontier"):
        check_folder(tmp_path, force=True)


def test_an_output_file_needs_its_folder_and_is_no_input(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text("a\n")
    with pytest.raises(OptionError, match="nowhere"):
        check_file(tmp_path / "nowhere" / "b.csv", force=False)
    with pytest.raises(OptionError, match="also read"):
        check_file(source, source, force=True)
    with pytest.raises(OptionError, match="is a folder"):
        check_file(tmp_path, force=False)


def test_a_file_is_replaced_only_by_force(tmp_path: Path) -> None:
    kept = tmp_path / "patients.csv"
    kept.write_text("a\n")
    with pytest.raises(OptionError, match="--force"):
        check_file(kept, force=False)
    check_file(kept, force=True)


def test_a_name_promises_the_format(tmp_path: Path) -> None:
    check_suffix(tmp_path / "Rows.CSV.gz", ".csv", ".csv.gz")
    with pytest.raises(OptionError, match=r"\.csv, \.csv\.gz"):
        check_suffix(tmp_path / "rows.xlsx", ".csv", ".csv.gz")


def test_a_folder_that_holds_an_input_is_never_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "synthetic.csv").write_text("a\n1\n")
    check_folder(out, None, tmp_path / "other.csv", force=True)
    with pytest.raises(OptionError, match=r"synthetic\.csv.*is read"):
        check_folder(out, out / "synthetic.csv", force=True)


def test_nothing_takes_the_place_of_a_ledger(tmp_path: Path) -> None:
    kept = tmp_path / "ledger.jsonl"
    check_ledger(None, tmp_path / "out")
    check_ledger(kept, tmp_path / "out", None, tmp_path / "patients.csv")
    for output in (kept, tmp_path / "ledger.jsonl.key", tmp_path):
        with pytest.raises(OptionError, match="take the place of the ledger"):
            check_ledger(kept, output)
    with pytest.raises(OptionError, match="read as something else"):
        check_ledger(kept, tmp_path / "out", kept)
    with pytest.raises(OptionError, match="is a folder"):
        check_ledger(tmp_path, tmp_path / "out")
    with pytest.raises(OptionError, match="nowhere"):
        check_ledger(tmp_path / "nowhere" / "ledger.jsonl", tmp_path / "out")
