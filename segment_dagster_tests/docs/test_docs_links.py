"""Every link leads somewhere, every page says what to read next, and every page can be found."""

import re
from pathlib import Path

import pytest

from segment_dagster_tests.docs.pages import BY_NAME, PAGES, ROOT, Page, anchor

OUTSIDE = ("https://", "http://")
_OF_ONE_MACHINE = re.compile(r"/(?:work|tmp|home|root|Users)/|index-url|extra-index")
IN_DOCS = [page for page in PAGES if page.name.startswith("docs/")]


def broken(page: Page) -> list[str]:
    """The links of a page to files or headings that are not there."""
    found = []
    for link in page.links:
        if link.startswith(OUTSIDE):
            continue
        place, _, heading = link.partition("#")
        target = (page.path.parent / place).resolve() if place else page.path
        if not target.exists():
            found.append(link)
        elif heading:
            text = page.text if not place else target.read_text(encoding="utf-8")
            if heading not in Page(target, text).anchors:
                found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    assert broken(page) == []


def test_a_link_to_nothing_is_found():
    text = "# Head\n[a](b.md) [c](#head) [d](#other) [e](README.md#nothing) [f](README.md) [g](https://example.com/x)"
    assert broken(Page(ROOT / "CHANGELOG.md", text)) == ["b.md", "#other", "README.md#nothing"]


def test_links_in_code_are_none():
    assert Page(ROOT / "made-up.md", "```\n[a](b.md)\n```\n").links == []


@pytest.mark.parametrize(
    ("heading", "wanted"),
    [
        ("What does Dagster keep?", "what-does-dagster-keep"),
        ("dlt's dashboard", "dlts-dashboard"),
        ("`segment` and [links](x.md)", "segment-and-links"),
    ],
)
def test_anchors_are_those_of_github(heading, wanted):
    assert anchor(heading) == wanted


def last_line(page: Page) -> str:
    """The last paragraph."""
    return page.text.rstrip().rpartition("\n\n")[2]


@pytest.mark.parametrize("page", IN_DOCS, ids=lambda page: page.name)
def test_each_page_ends_with_what_to_read_next(page):
    end = Page(page.path, last_line(page))
    assert end.text.startswith("Next: ")
    assert end.links


def test_every_page_is_found_from_the_readme():
    seen, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        path = waiting.pop()
        if path in seen or path.suffix != ".md":
            continue
        seen.add(path)
        page = BY_NAME[path.relative_to(ROOT).as_posix()]
        inside = [link.partition("#")[0] for link in page.links if not link.startswith(OUTSIDE)]
        waiting += [(path.parent / place).resolve() for place in inside if place]
    assert {page.path for page in PAGES} - seen == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_names_a_place_of_one_machine(page):
    assert _OF_ONE_MACHINE.findall(page.text) == []


def test_pictures_are_small_and_real():
    for picture in (ROOT / "docs" / "images").iterdir():
        content = picture.read_bytes()
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        assert len(content) < 300_000
