"""Stores to test against."""

from tests.modal_emulator.fixtures import modal_emulator
from tests.store.places import faulty, place
from tests.store.s3_service import moto_port, plain_s3, s3

__all__ = ["faulty", "modal_emulator", "moto_port", "place", "plain_s3", "s3"]  # fixtures
