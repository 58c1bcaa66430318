"""Bytes under their SHA-256: blocks of version 2 volumes, files of version 1, large arguments and results."""

import hashlib
from pathlib import Path
from uuid import uuid4

BLOCK_SIZE = 8 * 1024 * 1024


class Contents:
    """A folder of files named by hash. `url` is where HTTP serves them, without a slash at the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.url = ""
        self._known: dict[tuple[str, int, int, int], list[str]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, sha256: str) -> Path:
        """Where the bytes of this hash are, or will be."""
        return self._folder / Path(sha256).name

    def partial(self) -> Path:
        """Where bytes may be collected before `keep`."""
        return self._folder / f".{uuid4().hex}"

    def has(self, sha256: str) -> bool:
        """Whether all bytes of this hash have arrived."""
        return self.path(sha256).is_file()

    def put(self, data: bytes) -> str:
        """Keep bytes; returns their hash in hex."""
        sha256 = hashlib.sha256(data).hexdigest()
        if not self.has(sha256):
            partial = self.partial()
            partial.write_bytes(data)
            partial.replace(self.path(sha256))
        return sha256

    def block_url(self, sha256: str) -> str:
        """Where a block is fetched from and put to."""
        return f"{self.url}/block/{sha256}"

    def write(self, path: Path, blocks: list[str], size: int, mode: int) -> None:
        """Make `path` the file of these blocks, at once; each block is padded with zeros to its place."""
        partial = self.partial()
        with partial.open("wb") as file:
            for index, sha256 in enumerate(blocks):
                file.seek(index * BLOCK_SIZE)
                file.write(self.path(sha256).read_bytes())
            file.truncate(size)
        partial.chmod(mode)
        partial.replace(path)
        self._known[self._state(path)] = blocks

    def copy(self, path: Path, sha256: str, mode: int) -> None:
        """Make `path` the file of this hash, at once."""
        partial = self.partial()
        partial.write_bytes(self.path(sha256).read_bytes())
        partial.chmod(mode)
        partial.replace(path)

    def blocks(self, path: Path) -> list[str]:
        """The hashes of a file's blocks, all of them kept, so that a reader sees one state of the file."""
        state = self._state(path)
        if state not in self._known:
            with path.open("rb") as file:
                self._known[state] = [self.put(block) for block in iter(lambda: file.read(BLOCK_SIZE), b"")]
        return self._known[state]

    def _state(self, path: Path) -> tuple[str, int, int, int]:
        stat = path.stat()
        return (str(path), stat.st_ino, stat.st_mtime_ns, stat.st_size)
