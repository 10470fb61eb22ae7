"""The logs of the processes that run for long: lines of text or of JSON, in UTC, without secrets, kept within bounds.

The daemon's own log is renamed away when it is full, and loses nothing. The logs that other processes write to, which
have them open, are copied away and cut to nothing in place.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import sys
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

from quarterdeck.core.settings import LogFormat, Settings

MB = 1 << 20
_KEY = r"\w*(?:password|passwd|secret|token|api[_-]?key|access[_-]?key)\w*"
_HIDDEN = (
    (re.compile(r"(://[^/\s:@]+):[^/\s@]+@"), r"\1:***@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), r"\1 ***"),
    (re.compile(rf"(?i)({_KEY}['\"]?\s*[=:]\s*['\"]?)[^\s,;&'\"]{{4,}}"), r"\1***"),
)
_NAMES = ("QUARTERDECK_TOKEN", "PGPASSWORD", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def without_secrets(text: str) -> str:
    """The text without passwords of URLs, tokens, and what the environment holds in secret."""
    for name in _NAMES:
        value = os.environ.get(name, "")
        if len(value) >= 4:
            text = text.replace(value, "***")
    for pattern, instead in _HIDDEN:
        text = pattern.sub(instead, text)
    return text


class TextFormatter(logging.Formatter):
    """`2026-11-24T17:43:13.123Z INFO quarterdeck.scheduler.daemon the message`, and a traceback below it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return _moment(record)

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


class JsonFormatter(logging.Formatter):
    """One object a line: time, level, logger, process, message, and the traceback as `error`."""

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "time": _moment(record),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "message": without_secrets(record.getMessage()),
        }
        if record.exc_info:
            said["error"] = without_secrets(self.formatException(record.exc_info))
        return json.dumps(said, ensure_ascii=False)


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def formatter(kind: LogFormat) -> logging.Formatter:
    return JsonFormatter() if kind is LogFormat.JSON else TextFormatter()


def log_to_stderr(kind: LogFormat) -> None:
    """A process's log goes where its standard error goes."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(kind))
    _use(handler)


def log_daemon(path: Path, settings: Settings, *, kind: LogFormat | None = None) -> None:
    """The daemon's log: the file, and standard error unless that is the file already."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = _OwnFile(path, max_bytes=settings.log_mb * MB, keep=settings.log_keep)
    handlers: list[logging.Handler] = [file]
    if not file.is_stderr:
        handlers.append(logging.StreamHandler(sys.stderr))
    for handler in handlers:
        handler.setFormatter(formatter(kind or settings.log_format))
    _use(*handlers)
    logging.getLogger("apscheduler").setLevel(logging.WARNING)


def _use(*handlers: logging.Handler) -> None:
    logging.basicConfig(level=logging.INFO, handlers=handlers, force=True)
    logging.raiseExceptions = False  # a log that cannot be written must not fill another


class _OwnFile(RotatingFileHandler):
    """The daemon's file. Where standard output and error go to it as well, they go on to the new one."""

    def __init__(self, path: Path, *, max_bytes: int, keep: int) -> None:
        super().__init__(path, maxBytes=max_bytes, backupCount=keep, encoding="utf-8")
        assert self.stream is not None
        self._also = [number for number in (1, 2) if _same_file(number, self.stream.fileno())]
        self.is_stderr = 2 in self._also

    def emit(self, record: logging.LogRecord) -> None:
        """Into the file that has the name now: the workspace may have been replaced by another since."""
        if self._moved():
            self.acquire()
            try:
                if self.stream is not None:
                    self.stream.close()
                self.stream = self._open()
                self._take_along()
            finally:
                self.release()
        super().emit(record)

    def _moved(self) -> bool:
        if self.stream is None:
            return False
        try:
            return not os.path.samestat(Path(self.baseFilename).stat(), os.fstat(self.stream.fileno()))
        except FileNotFoundError:
            return Path(self.baseFilename).parent.is_dir()
        except OSError:
            return False

    def doRollover(self) -> None:
        super().doRollover()
        self._take_along()

    def _take_along(self) -> None:
        if self.stream is not None:
            for number in self._also:
                os.dup2(self.stream.fileno(), number)


def _same_file(one: int, other: int) -> bool:
    try:
        return os.path.samestat(os.fstat(one), os.fstat(other))
    except OSError:
        return False


def rotate_others(folder: Path, settings: Settings, *, own: str) -> list[Path]:
    """Cut the logs in a folder that are full, but for the one that is its writer's business; gives which."""
    full = []
    for path in folder.glob("*.log"):
        if path.name != own and path.stat().st_size > settings.log_mb * MB:
            _copy_and_cut(path, settings.log_keep)
            full.append(path)
    return full


def _copy_and_cut(path: Path, keep: int) -> None:
    """The writers append, so they go on at the new end. Lines of the moment between copy and cut are lost."""
    for number in range(keep, 1, -1):
        older = numbered(path, number - 1)
        if older.exists():
            older.replace(numbered(path, number))
    if keep:
        partial = path.with_name(f"{path.name}.part")
        with path.open("rb") as source, partial.open("wb") as target:
            shutil.copyfileobj(source, target)
        partial.replace(numbered(path, 1))
    os.truncate(path, 0)


def numbered(path: Path, number: int) -> Path:
    """Where a log's older lines are: 1 is the newest of them."""
    return path.with_name(f"{path.name}.{number}")
