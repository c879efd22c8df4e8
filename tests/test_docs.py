"""The documentation names files, classes and anchors that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
SOURCE_FOLDERS = ("realtime", "training", "export", "benchmarks", "tests")
FOREIGN_NAMES = {"dynamic_block_base", "hevc_qsv"}  # options of ONNX Runtime and FFmpeg


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return re.sub(r"```.*?```", "", _text(page), flags=re.DOTALL)


def _anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", _prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _named_paths(page: Path) -> set[str]:
    """Return the project's files and folders that a page names in backticks, from the root of the checkout."""
    words = {word for span in re.findall(r"`([^`]+)`", _prose(page)) for word in span.split()}
    return {word for word in words if re.match(rf"({'|'.join(SOURCE_FOLDERS)}|docs|pretrained)/[\w/.-]*$", word)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_in_page_exist(page: Path) -> None:
    assert {path for path in _named_paths(page) if not (ROOT / path).exists()} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_in_page_resolve(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", _prose(page)):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in _anchors(file)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_name_before_path_is_in_that_file(page: Path) -> None:
    """Check "`Name` (`path/file.py`)": the file has that name."""
    pairs = re.findall(r"`([A-Za-z_]\w*)`\s+\(`([\w/]+\.py)`", _prose(page))
    assert [(name, path) for name, path in pairs if not re.search(rf"\b{name}\b", _text(ROOT / path))] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_names_in_backticks_are_in_the_source(page: Path) -> None:
    files = [file for folder in SOURCE_FOLDERS for file in (ROOT / folder).rglob("*.py")]
    source = "\n".join(_text(file) for file in files)
    words = set(re.findall(r"`([A-Z][a-z]\w*[A-Z]\w*|[a-z]+_\w+|[A-Z]+_[A-Z_]+)\(?", _prose(page)))
    assert {word for word in words - FOREIGN_NAMES if not re.search(rf"\b{word}\b", source)} == set()
