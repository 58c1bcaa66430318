"""Every error that rlm-context raises on purpose.

    RlmContextError            message, next_command, partial
    ├── SourceError            a folder or file to read sessions from is missing, empty or unreadable
    ├── SettingsError          a setting or the configuration file cannot be used
    ├── NotFoundError          no such project, session or generation
    ├── PipelineError          a step of the compile failed; what was done so far is kept
    └── StoreError             the store cannot be used
        ├── KeyMissingError    no object under this key
        ├── DamagedError       an object is not what its name, size or hash says
        ├── StoreFullError     no space left, or not allowed to write
        └── FormatTooNewError  the store was written by a newer rlm-context

Callers match on the class and the fields, never on the text.
"""


class RlmContextError(Exception):
    """Base of all our errors.

    Args:
        message: what happened, one line, no transcript content.
        next_command: what the user can run next, or None.
        partial: whether something was done before the error (nothing of it is lost).
    """

    def __init__(self, message: str, *, next_command: str | None = None, partial: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.next_command = next_command
        self.partial = partial

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only fields must survive the trip between processes.
        return (_rebuild, (type(self), dict(self.__dict__)))


def _rebuild(kind: type[RlmContextError], fields: dict[str, object]) -> RlmContextError:
    error = kind.__new__(kind)
    Exception.__init__(error, fields["message"])
    error.__dict__.update(fields)
    return error


class SourceError(RlmContextError):
    """A folder or file to read sessions from is missing, empty or unreadable."""


class SettingsError(RlmContextError):
    """A setting or the configuration file cannot be used."""


class NotFoundError(RlmContextError):
    """No such project, session or generation."""


class PipelineError(RlmContextError):
    """A step of the compile failed; what was done so far is kept."""


class StoreError(RlmContextError):
    """The store cannot be used."""


class KeyMissingError(StoreError):
    """No object stands under this key.

    Args:
        key: the key that was asked for.
    """

    def __init__(self, key: str) -> None:
        super().__init__(f"the store holds nothing under {key}", next_command="rlm-context doctor")
        self.key = key


class DamagedError(StoreError):
    """An object is not what its name, size or hash says.

    Args:
        key: the key of the damaged object.
        reason: what does not fit.
    """

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"damaged object {key}: {reason}", next_command="rlm-context doctor")
        self.key = key
        self.reason = reason


class StoreFullError(StoreError):
    """No space is left, or the store may not be written."""


class FormatTooNewError(StoreError):
    """The store was written by a newer rlm-context."""
