"""One upload of the spool as a file: a line of JSON, then the slim blob.

The line says which store the upload is meant for, and holds its receipt as the very bytes that the receipt's key was
made from. The file is called after the hash of the line, so the same upload twice is one file.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec

from data_models.decoding import decode_json
from data_models.errors import DamagedError
from data_models.records import Receipt
from store.blobs import blob_ref
from store.codec import MALFORMED, encode
from store.receipts import key_of, parse_receipt

SUFFIX = ".job"

_HEAD_BYTES = 1 << 16
"""Bytes of a corrupt job in which the names are that it begins with."""


class _Header(msgspec.Struct, frozen=True):
    store: str
    key: str
    receipt: msgspec.Raw


@dataclass(frozen=True)
class Job:
    """A pending upload: the store it is meant for, and its receipt with its key and bytes there."""

    path: Path
    store_url: str
    key: str
    receipt: Receipt
    content: bytes


class JobFile(NamedTuple):
    """A job to be written: the file's name and content, and the key of its receipt."""

    name: str
    content: bytes
    key: str


def job_file(receipt: Receipt, slim: bytes, store_url: str) -> JobFile:
    """The file of an upload; see `store.spool.Spool.add` for what is given.

    Raises:
        ValueError: the receipt names another blob.
    """
    if blob_ref(slim) != receipt.slim:
        raise ValueError("the receipt names another blob")
    key = key_of(receipt)
    header = encode(_Header(store_url, key, msgspec.Raw(encode(receipt))))
    return JobFile(_name(header), header + b"\n" + slim, key)


def read_job(path: Path) -> Job:
    """The job in a file, without its blob.

    Raises:
        FileNotFoundError: there is no such file.
        DamagedError: it is no job.
    """
    with path.open("rb") as file:
        header = file.readline().removesuffix(b"\n")
    if path.name != _name(header):
        raise DamagedError(path.name, "its header does not fit its name")
    try:
        parsed = decode_json(header, _Header)
        content = bytes(parsed.receipt)
        return Job(path, parsed.store, parsed.key, parse_receipt(content, parsed.key), content)
    except MALFORMED as error:
        raise DamagedError(path.name, "its header cannot be read") from error


def slim_of(job: Job) -> bytes:
    """The slim blob of a job.

    Raises:
        FileNotFoundError: its file is gone.
        DamagedError: that is not the blob that its receipt names.
    """
    slim = job.path.read_bytes().partition(b"\n")[2]
    if blob_ref(slim) != job.receipt.slim:
        raise DamagedError(job.path.name, "its blob is not the one that its receipt names")
    return slim


def names_any(path: Path, names: Iterable[str]) -> bool:
    """Whether a file that is no job (any more) names one of these, as far as its beginning can be made out."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    return any(name.encode() in head for name in names)


def _name(header: bytes) -> str:
    return hashlib.sha256(header).hexdigest()[:40] + SUFFIX
