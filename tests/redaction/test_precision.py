"""What is no secret stays: knowledge is lost with every false alarm."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from transcripts.redaction.engine import Redactor

REDACT = Redactor(b"key of a test")

HARMLESS = [
    "input_tokens: 123, output_tokens: 4567, cache_read_input_tokens=89012345678901234567",
    '{"usage":{"input_tokens":3,"cache_creation_input_tokens":15061,"output_tokens":214}}',
    "max_tokens=4096 token_count: 1234567890123456 tokenizer = cl100k_base_2024_v2",
    'token := "abc"',
    'token := "test-token-12345678"',
    'password := "secret"',
    'password: "Enter your password"',
    "password: string; token?: string | undefined",
    "password = getpass.getpass()",
    "password=os.environ['DB_PASSWORD']",
    "password=${DB_PASSWORD} token=$GITHUB_TOKEN secret={{ .Values.secret }}",
    "api_key = settings.providers2.anthropic.api_key",
    "private_key: ed25519.Ed25519PrivateKey,",
    "secretName: checkout-v2-tls-3f9a, secret_arn: arn-aws-1234",
    'export ANTHROPIC_API_KEY="your-api-key-here"',
    "Authorization: Bearer <token>",
    "Authorization: Bearer $TOKEN",
    "use Basic authentication or a Bearer authentication-token",
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
    "tree 9fceb02d0ae598e95dc970b74767f19372d61af8 blob e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    "session 0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b resumed",
    "toolu_01A09q90qw90lq917835lq9",
    '"integrity": "sha512-LYbsPbKkg3VGRhWGhwpHVu9N0vRkqWvcmNJgHuxFlD8XMa9Ot3gl8m1fJ2IHAsVVJ5rEuOgyVLB8sQwIUpVh8g=="',
    "    --hash=sha256:b7c2f2b7f5b0d6a1a2d1cbb1bd5d4d4b3a9c5be3df0c1a8a0f4c4b7a3e9f0d11",
    "wheel/RECORD,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0",
    "http://localhost:3000/@vite/client and https://github.com/acme/repo@v1.2.3",
    "postgres://postgres:postgres@localhost:5432/app",
    "git clone git@github.com:acme/repo.git; ssh://git@acme.test:22/repo",
    "docker run -u 1000:1000 -p 8080:80 acme/api; sort -u a.txt; git push -u origin main",
    "PWD=/home/ana/src/project OLDPWD=/home/ana",
    "--- PASS: TestRotateSecretKeys2 (0.00s)",
    "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQsw\n-----END CERTIFICATE-----",
    'strings.HasPrefix(line, "-----BEGIN PRIVATE KEY-----")',
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SaG6UaR4ItW3 ana@box",
    "the secret is to keep the token small: see docs/token-budget.md",
    "as-is, ak-47, task-0123456789abcdef0123, risk-assessment-2024, desk-1234567890abcdefghij",
    "AKIAIOSFODNN7EXAMPLE",
    "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "nextPageToken: CAUQAA9xKz81aWqLmN, resume_token=0f1e2d3c4b5a69788796",
    "def find_token(text: str, token: str = DEFAULT_TOKEN) -> str | None:",
    "func (t *TokenStore) Refresh(ctx context.Context, token oauth2.Token2) error {",
    "Signature: func Sign(key []byte) string; X-Signature-Version: 4",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_stays(text: str) -> None:
    """Counters, identifiers, placeholders, hashes, public keys and prose are not touched."""
    assert REDACT(text, {}) is text


def _rate(texts: list[str]) -> float:
    """Replacements per million characters."""
    counts: dict[str, int] = {}
    for text in texts:
        REDACT(text, counts)
    return sum(counts.values()) / max(sum(map(len, texts)) / 1e6, 1e-9)


def test_source_code_stays() -> None:
    """The standard library's source holds at most one finding in a megabyte."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    files = sorted(folder.glob("*.py")) + sorted(folder.glob("[a-l]*/*.py"))
    assert (
        _rate([file.read_text("utf-8", "replace") for file in files if "test" not in file.parts][:400]) <= 1
    )


def test_hashes_and_file_lists_stay() -> None:
    """Lock files and the records of installed packages, which are half hashes, hold no finding."""
    packages = Path(sysconfig.get_paths()["purelib"])
    files = [*Path(__file__).parents[2].glob("*.lock"), *packages.glob("*.dist-info/RECORD")]
    assert _rate([file.read_text("utf-8", "replace") for file in files]) == 0


def test_git_log_stays() -> None:
    """A log with trees, parents and diffstats holds no finding."""
    command = ["git", "log", "--format=fuller", "--parents", "--stat", "--no-color", "-n", "200"]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    assert REDACT(done.stdout, {}) is done.stdout


def test_importing_is_cheap() -> None:
    """The rules load neither the network, nor pydantic, nor a data library."""
    code = (
        "import sys, transcripts.redaction.engine; "
        "print([m for m in ('polars', 'pyarrow', 'pydantic', 'prefect', 'requests') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
