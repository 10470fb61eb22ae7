"""The small words that every layer shares: tasks, states, outcomes. Each state says what it means."""

from __future__ import annotations

from enum import StrEnum


class Task(StrEnum):
    """What a pipeline's model predicts."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


class RunStatus(StrEnum):
    """Where a run of a pipeline stands."""

    QUEUED = "queued"  # asked for; no worker has it
    RUNNING = "running"  # a worker process has it
    SUCCEEDED = "succeeded"  # every step ended well
    FAILED = "failed"  # a step or a check said no; the reason is kept
    CANCELLED = "cancelled"  # a person stopped it

    @property
    def finished(self) -> bool:
        return self in (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED)


class StepStatus(StrEnum):
    """Where one step of a run stands."""

    PENDING = "pending"  # waits for its inputs
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    CACHED = "cached"  # same code, settings, inputs and packages as before: the kept result was taken
    FAILED = "failed"
    SKIPPED = "skipped"  # a step it needs failed


class VersionState(StrEnum):
    """Where a model version stands. The allowed transitions are in registry.py."""

    CANDIDATE = "candidate"  # registered; its gates have not spoken, or hold
    ACCEPTED = "accepted"  # every gate passed
    REJECTED = "rejected"  # a gate failed
    CHALLENGER = "challenger"  # compared with the champion on live traffic
    CHAMPION = "champion"  # answers
    PREVIOUS = "previous"  # was champion last; rollback returns to it
    RETIRED = "retired"  # never again


class Alias(StrEnum):
    """The names that move from version to version, one set per environment."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"
    PREVIOUS = "previous"


class Outcome(StrEnum):
    """What a gate says."""

    PASS = "pass"  # noqa: S105  # a verdict, no password
    FAIL = "fail"
    HOLD = "hold"  # not enough evidence; the verdict names the rows still needed


class Decision(StrEnum):
    """What a comparison of champion and challenger says."""

    PROMOTE = "promote"
    HOLD = "hold"
    REJECT = "reject"


class Direction(StrEnum):
    """Which way a metric is better."""

    HIGHER = "higher"
    LOWER = "lower"


class Arm(StrEnum):
    """Which part of the traffic plan produced a prediction."""

    CHAMPION = "champion"  # the champion's, and the client got it
    CHALLENGER = "challenger"  # a challenger's, and the client got it: canary or A/B traffic
    SHADOW = "shadow"  # a challenger's, never shown to the client
    DIRECT = "direct"  # of a version that the client asked for by its number: in no comparison and no window
    BATCH = "batch"  # rows of a file: neither compared nor watched


CLIENT_ARMS = (Arm.CHAMPION, Arm.CHALLENGER)  # what clients got of the plan's traffic


class Engine(StrEnum):
    """What computes a version's answers in the server."""

    ONNX = "onnxruntime"
    SKLEARN = "scikit-learn"
    RULES = "rules"  # the function itself
    REMOTE = "remote"  # another server, over HTTP


class ModelKind(StrEnum):
    """What a version is made of. All kinds have versions, gates, comparison, monitoring and rollback alike."""

    SKLEARN = "scikit-learn"
    ONNX = "onnx"  # from any framework
    RULES = "rules"  # a Python function
    REMOTE = "remote"  # an HTTP endpoint


class TriggerKind(StrEnum):
    """What can start a run by itself."""

    SCHEDULE = "schedule"
    NEW_DATA = "new_data"
    DRIFT = "drift"
    DECAY = "decay"
    FEEDBACK = "feedback"
    CODE = "code"
    MANUAL = "manual"
    WEBHOOK = "webhook"


class Misfire(StrEnum):
    """What becomes of due times that nobody was there for: the daemon was down, or the machine slept."""

    SKIP = "skip"  # nothing; that they were missed is kept
    ONCE = "once"  # one run for all of them
    ALL = "all"  # a run for each, one after the other, up to a bound


class Span(StrEnum):
    """What a budget is for, by the calendar in UTC."""

    DAY = "day"
    WEEK = "week"  # from Monday


class AlertState(StrEnum):
    """Where an alert stands. The allowed transitions are in alerting.py."""

    OPEN = "open"  # nobody has seen it
    ACKNOWLEDGED = "acknowledged"  # a person has
    SILENCED = "silenced"  # a person wants to hear no more of it, until a time or until it is resolved
    RESOLVED = "resolved"  # the cause has gone


class Severity(StrEnum):
    """How bad an alert is, from the least on."""

    INFO = "info"  # worth knowing
    WARNING = "warning"  # to be looked at in working hours
    CRITICAL = "critical"  # to be looked at now

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class ServiceKind(StrEnum):
    """A process that runs for long."""

    DAEMON = "daemon"
    SERVER = "server"
