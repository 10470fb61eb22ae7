"""Every error that Quarterdeck raises on purpose.

    QuarterdeckError                 exit  HTTP
      UsageError                        2   400   the command or setting itself is wrong
      RefusedError                      1   422   a rule or a check says no
        ManifestError                   1   422   pipeline.toml or quarterdeck.toml
        StepError                       1   500   a step raised, timed out or returned what cannot be kept
        InputError                      1   422   a row to predict, or a label
      NotFoundError                     3   404
      ConflictError                     4   409   it changed since it was looked at, or is taken
        LeaseLostError                  4   409   another process acts now for this store, or has this run
      NotAllowedError                   5   403
      IntegrityError                    6   500   bytes or a chain of hashes are not what was recorded
      UnavailableError                  7   503   daemon, server, disk or database cannot be reached or used

Each says what happened, where, and what to do. The exit code and the HTTP status come from the class.
"""

from __future__ import annotations


class QuarterdeckError(Exception):
    """What happened (`message`), where (`where`: a file, line, step, row), and what to do (`hint`)."""

    exit_code = 1
    http_status = 500
    http_headers: tuple[tuple[str, str], ...] = ()  # which the status asks for

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text} ({self.hint})" if self.hint else text


class UsageError(QuarterdeckError):
    exit_code = 2
    http_status = 400


class RefusedError(QuarterdeckError):
    exit_code = 1
    http_status = 422


class ManifestError(RefusedError):
    """A manifest or a settings file that cannot be used; `where` is file:line."""


class StepError(RefusedError):
    """A pipeline step that raised, timed out, or returned what cannot be kept; `where` is the step."""

    http_status = 500


class InputError(RefusedError):
    """A row that the model must not see; `where` is the row and the field."""


class NotFoundError(QuarterdeckError):
    exit_code = 3
    http_status = 404


class ConflictError(QuarterdeckError):
    exit_code = 4
    http_status = 409


class LeaseLostError(ConflictError):
    """The lease of a daemon, or the run of a worker, has gone to another: what was to be written must not be."""


class NotAllowedError(QuarterdeckError):
    exit_code = 5
    http_status = 403


class IntegrityError(QuarterdeckError):
    exit_code = 6
    http_status = 500


class UnavailableError(QuarterdeckError):
    exit_code = 7
    http_status = 503
