"""What the README shows exists, and its example runs."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import pytest

import salus
from salus.synth.cli.main import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES += sorted((ROOT / "docs").rglob("*.md"))


def example() -> str:
    code, _ = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    return str(code)


def test_the_example_is_a_dozen_lines_of_public_names() -> None:
    tree = ast.parse(example())
    assert len(tree.body) <= 12
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "salus"
    }
    assert used and used <= set(salus.__all__)


def test_the_verbs_exist() -> None:
    verbs = set(re.findall(r"\bsalus ([a-z]+)\b", " ".join(re.findall(r"`salus [^`]*`", README))))
    verbs |= set(re.findall(r"^salus ([a-z]+)", README, re.MULTILINE))
    known = {c.name or getattr(c.callback, "__name__", "") for c in app.registered_commands}
    assert verbs and verbs <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://)([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_budget_page_tells_the_defaults() -> None:
    page = (ROOT / "docs" / "budget.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([\d.]+|off) \|", page, re.MULTILINE)
    told = {k: None if v == "off" else float(v) for k, v in rows}
    assert told == salus.Budget().to_dict()


def test_the_example_for_other_projects_names_what_there_is() -> None:
    _, code = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    tree = ast.parse(code)
    used = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute)]
    modules = {"scorers": salus.scorers, "testing": salus.testing}
    assert used
    for name in used:
        assert isinstance(name.value, ast.Name)
        assert name.attr in modules[name.value.id].__all__


@pytest.mark.slow
def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the shipped patients, their outcome renamed as in the example."""
    source = (ROOT / "src/salus/datasets/pbc.csv").read_text(encoding="utf-8")
    head, rows = source.split("\n", 1)
    columns = head.split(",")
    kept = [i for i, name in enumerate(columns) if name.strip('"') != "id"]
    lines = [",".join(line.split(",")[i] for i in kept) for line in rows.splitlines()]
    names = [columns[i].replace("status", "death") for i in kept]
    (tmp_path / "patients.csv").write_text("\n".join([",".join(names), *lines]) + "\n")
    monkeypatch.chdir(tmp_path)
    exec(compile(example(), "README.md", "exec"), {})  # the project's own text
    assert {"audit.json", "report.html"} <= set(os.listdir(tmp_path / "out"))
