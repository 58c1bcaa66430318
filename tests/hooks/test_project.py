"""Which project a folder belongs to, read from git's own files."""

import os
from pathlib import Path

import pytest

from data_models.project import branch_of, find_repository, normalise_remote, project_of


@pytest.mark.parametrize(
    ("remote", "name"),
    [
        ("git@git.example.com:acme/tide.git", "git.example.com/acme/tide"),
        ("https://git.example.com/Acme/Tide.git/", "git.example.com/acme/tide"),
        ("https://ann:word@git.example.com:8443/acme/tide", "git.example.com/acme/tide"),
        ("ssh://git@git.example.com:2222/acme/tide.git", "git.example.com/acme/tide"),
        ("https://git.example.com/acme/tide?token=x#y", "git.example.com/acme/tide"),
        ("ssh://[::1]:22/acme/tide", "[::1]/acme/tide"),
        ("git.example.com:tide", "git.example.com/tide"),
        ("/srv/git/tide.git", ""),
        ("../tide", ""),
        ("file:///srv/git/tide", ""),
        ("https://git.example.com", ""),
        ("https://git.example.com/", ""),
        ("https://git example/x", ""),
        ("", ""),
    ],
)
def test_a_remote_in_one_form(remote: str, name: str) -> None:
    """However it is written, without user, password, port, query or ending; a path is no remote."""
    assert normalise_remote(remote) == name


def repository(folder: Path, config: str) -> Path:
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "config").write_text(config)
    return folder


def test_upstream_comes_before_origin(tmp_path: Path) -> None:
    """A fork belongs to what it was forked from; comments, quotes and other sections are passed over."""
    config = """
[core]
\turl = https://wrong.example.com/a/b
[remote "origin"]
\turl = git@git.example.com:me/tide.git ; mine
[branch "main"]
\turl = https://wrong.example.com/a/b
[remote "upstream"]
\tfetch = +refs/heads/*:refs/remotes/upstream/*
\turl = "https://git.example.com/acme/tide.git"
\turl = https://wrong.example.com/second
"""
    folder = repository(tmp_path / "tide", config)
    (folder / "a" / "b").mkdir(parents=True)
    expected = ("git.example.com/acme/tide",) * 2
    assert project_of(str(folder)) == expected
    assert project_of(f"{folder}/a/b/") == expected
    assert find_repository(f"{folder}/a/b") == str(folder)


def test_a_worktree_belongs_to_its_checkout(tmp_path: Path) -> None:
    """Its `.git` is a file, and `commondir` leads to the configuration."""
    main = repository(tmp_path / "tide", '[remote "origin"]\nurl = https://git.example.com/acme/tide\n')
    inner = main / ".git" / "worktrees" / "fix"
    inner.mkdir(parents=True)
    (inner / "commondir").write_text("../..\n")
    (tmp_path / "fix").mkdir()
    (tmp_path / "fix" / ".git").write_text(f"gitdir: {inner}\n")
    assert project_of(str(tmp_path / "fix"))[1] == "git.example.com/acme/tide"


def test_without_a_remote_the_folder_names_it(home: Path, tmp_path: Path) -> None:
    """Relative to the home folder where it is below it; the repository's folder, not the one inside."""
    repository(home / "src" / "notes", "[core]\n")
    (home / "src" / "notes" / "deep").mkdir()
    assert project_of(str(home / "src" / "notes" / "deep")) == ("src/notes", "")
    assert project_of(str(home)) == ("home", "")
    assert project_of("/srv/data/../x") == ("srv/x", "")
    assert project_of("") == ("home", "")


@pytest.mark.parametrize("pointer", ["", "gitdir: /nowhere", "gitdir: \0", "nonsense"])
def test_a_broken_checkout_is_a_folder(pointer: str, tmp_path: Path) -> None:
    """No remote, no failure."""
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / ".git").write_text(pointer)
    assert project_of(str(tmp_path / "x"))[1] == ""


@pytest.mark.parametrize("place", [".git", ".git/config", ".git/HEAD", ".git/commondir"])
@pytest.mark.parametrize("kind", ["pipe", "endless"])
@pytest.mark.timeout(20)
def test_a_folder_of_somebody_elses_making_ends(kind: str, place: str, tmp_path: Path) -> None:
    """A pipe that nobody writes, or a device without an end, where git has a file: read as none, at once."""
    path = tmp_path / "unpacked" / place
    path.parent.mkdir(parents=True)
    os.mkfifo(path) if kind == "pipe" else path.symlink_to("/dev/zero")
    assert project_of(str(tmp_path / "unpacked"))[1] == ""
    assert branch_of(str(tmp_path / "unpacked")) == ""


def test_the_branch_is_the_checkouts_own(tmp_path: Path) -> None:
    """A worktree has its own; a detached head and what is no checkout have none."""
    main = repository(tmp_path / "tide", "[core]\n")
    inner = main / ".git" / "worktrees" / "fix"
    inner.mkdir(parents=True)
    (inner / "commondir").write_text("../..\n")
    (inner / "HEAD").write_text("ref: refs/heads/fix/tides\n")
    (main / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (tmp_path / "fix").mkdir()
    (tmp_path / "fix" / ".git").write_text(f"gitdir: {inner}\n")
    assert [branch_of(str(folder)) for folder in (main, tmp_path / "fix", tmp_path)] == [
        "main",
        "fix/tides",
        "",
    ]
    (main / ".git" / "HEAD").write_text("0123456789012345678901234567890123456789\n")
    assert branch_of(str(main)) == ""
