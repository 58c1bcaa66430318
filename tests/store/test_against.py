"""The check for people with an account runs as it stands, here against the emulators."""

import pytest

from store.s3 import S3Store
from tests.store import against
from tests.store.s3_service import BUCKET, new_prefix


@pytest.mark.usefixtures("plain_s3")
def test_it_finds_nothing_wrong_and_cleans_up(capsys: pytest.CaptureFixture[str]) -> None:
    """Every contract is run and said, nothing is left behind, and a place in use is refused."""
    prefix = new_prefix()
    assert against.main(f"s3://{BUCKET}/{prefix}") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "0 failed"
    assert sum(line.startswith("passed test_") for line in lines) >= 25
    store = S3Store(BUCKET, prefix)
    assert list(store.keys()) == []
    store.put("mine", b"1")
    with pytest.raises(SystemExit):
        against.main(f"s3://{BUCKET}/{prefix}")
    assert store.get("mine") == b"1"
