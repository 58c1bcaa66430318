"""The rules that keep the project readable and honest, as far as a machine can check them."""

import ast
import re
import statistics
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

# In two pieces, so that this file does not hold what it looks for.
REGISTRY_HOSTS = [
    "pypi" + ".org",
    "python" + "hosted.org",
    "npm" + "js.org",
    "npm" + "js.com",
    "yarn" + "pkg.com",
    "crates" + ".io",
    "proxy.golang" + ".org",
    "ruby" + "gems.org",
]


def tracked_files() -> list[Path]:
    """Every file git keeps; the test is skipped outside a checkout."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in done.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def locked(name: str) -> dict[str, set[Version]]:
    """Package name to its pinned versions; a lock for several platforms may pin more than one."""
    pins: dict[str, set[Version]] = {}
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([a-z0-9._-]+)==([^\s;]+)", line):
            pins.setdefault(match[1], set()).add(Version(match[2]))
    return pins


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def wanted(file: str) -> list[Requirement]:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_no_registry_is_named() -> None:
    """No tracked file names the host of a package registry: people install from wherever they choose."""
    found = [
        f"{path.relative_to(ROOT)}: {host}"
        for path in tracked_files()
        for host in REGISTRY_HOSTS
        if host.encode() in path.read_bytes()
    ]
    assert found == []


def test_package_files_are_empty() -> None:
    """Importing one package costs nothing: `__init__` files hold nothing."""
    packages = [path for path in MODULES if path.name == "__init__.py"]
    assert packages
    assert [path.relative_to(ROOT) for path in packages if path.read_bytes()] == []


def test_tools_know_every_package() -> None:
    """What is shipped is also type-checked and under the import contract."""
    assert sorted(PYPROJECT["tool"]["importlinter"]["root_packages"]) == sorted(PACKAGES)
    assert sorted(PYPROJECT["tool"]["mypy"]["packages"]) == sorted(PACKAGES)
    assert all((ROOT / package / "__init__.py").is_file() for package in PACKAGES)


def test_modules_are_small() -> None:
    """The median module is under 250 lines and none is over 500."""
    lengths = {path: path.read_bytes().count(b"\n") for path in MODULES if path.stat().st_size}
    assert statistics.median(lengths.values()) < 250
    assert [str(path.relative_to(ROOT)) for path, length in lengths.items() if length > 500] == []


def test_functions_are_small() -> None:
    """No function reaches 60 lines."""
    long = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length >= 60:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name} has {length} lines")
    assert long == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_locks_satisfy_what_is_declared(lock: str) -> None:
    """Every direct dependency is pinned at a version that its declaration allows."""
    declared = [Requirement(text) for text in PYPROJECT["project"]["dependencies"]]
    declared += wanted("requirements-build.in")
    declared += wanted("requirements-dev.in") if "dev" in lock else []
    pins = locked(lock)
    unmet = [
        str(need)
        for need in declared
        if not any(version in need.specifier for version in pins.get(canonical(need.name), ()))
    ]
    assert unmet == []


def test_development_lock_holds_the_other() -> None:
    """`make compile` and `make test` share one .venv: the larger lock pins the same versions."""
    development = locked("requirements-dev.lock")
    runtime = locked("requirements.lock")
    assert {name: development.get(name) for name in runtime} == runtime


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_locks_are_hashed_and_name_no_index(lock: str) -> None:
    """Every pinned package has a hash, and no line says where to fetch it."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[a-z0-9])", text.strip())
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in text
    assert "index-url" not in text
