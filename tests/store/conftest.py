"""Assertions in the shared suites explain themselves as those in test files do."""

import pytest

pytest.register_assert_rewrite("tests.store.conformance")
