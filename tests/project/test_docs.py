"""What the documents say of the repository is so."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*.md")])
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_links_lead_somewhere(document: Path) -> None:
    """Every relative link names a file of the repository."""
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_named_modules_exist(document: Path) -> None:
    """Every module or folder named as code is there."""
    packages = "|".join(path.parent.name for path in ROOT.glob("*/__init__.py"))
    named = re.findall(
        rf"`((?:{packages}|tests|docs|examples)/[\w/.-]*)`", document.read_text(encoding="utf-8")
    )
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_architecture_names_every_package() -> None:
    """The map of the folders is complete."""
    packages = [path.parent.name for path in ROOT.glob("*/__init__.py")]
    assert [package for package in packages if f"| `{package}/` |" not in ARCHITECTURE] == []


def test_architecture_can_be_read_in_one_sitting() -> None:
    """It stays under 1,500 words."""
    assert len(ARCHITECTURE.split()) < 1500
