"""Links in the documentation lead to files and headings that exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)")
SOURCE = "https://github.com/trapline/trapline/blob/main/"


def prose(path: Path) -> str:
    """The text of a page without code."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^ {4}.*$|`[^`\n]*`", "", text, flags=re.MULTILINE)


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as MkDocs and code hosts make them."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"^#{1,6} +(.+?)\s*$", text, re.MULTILINE)
    return {re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", one).strip().lower()) for one in found}


def links(path: Path) -> Iterator[tuple[str, Path, str]]:
    """Links into this repository: as written, the file, the anchor."""
    for target in LINK.findall(prose(path)):
        if target.startswith(SOURCE):
            yield target, ROOT / target.removeprefix(SOURCE), ""
        elif not re.match(r"[a-z]+:", target):
            file, _, anchor = target.partition("#")
            yield target, (path.parent / file).resolve() if file else path, anchor


@pytest.mark.parametrize("page", PAGES, ids=lambda one: str(one.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target, file, anchor in links(page):
        assert file.exists(), f"{page.relative_to(ROOT)}: {target}"
        if anchor:
            assert anchor in anchors(file), f"{page.relative_to(ROOT)}: {target}: no such heading"


def test_a_broken_link_would_be_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A heading, twice\n\n[a](missing.md) [b](#a-heading-twice) [c](https://example.org) `[d](no.md)`\n"
    )
    found = [(target, file.exists(), anchor in anchors(page)) for target, file, anchor in links(page)]
    assert found == [("missing.md", False, False), ("#a-heading-twice", True, True)]


def test_every_page_is_in_the_navigation() -> None:
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    for page in sorted((ROOT / "docs").rglob("*.md")):
        name = page.relative_to(ROOT / "docs").as_posix()
        assert re.search(rf"(?:- |: ){re.escape(name)}$", nav, re.MULTILINE), f"mkdocs.yml: no nav entry for {name}"
