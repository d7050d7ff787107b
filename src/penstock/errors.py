"""Everything that can go wrong, as one tree.

    PenstockError
    ├── InvalidRequest        422  the body or a value in it is not acceptable
    │   └── FieldUnknown           … the server is older than a field that was sent
    ├── BadRequest            400  the request can't be carried out as asked
    ├── Unauthorized          401  no or wrong credentials
    ├── Forbidden             403  known, but not allowed
    ├── NotFound              404  no such object
    ├── Conflict              409  clashes with what is there
    ├── Gone                  410  it was there (a lease) and is no more
    ├── TooLarge              413  the body is over the limit
    ├── Locked                423  no free slot now; `retry_after` seconds
    ├── Unavailable           503  try again later
    ├── ServerUnreachable          the API did not answer
    ├── ServerFault                the API answered with an error of its own (5xx)
    ├── SettingInvalid             a setting has an unusable value
    ├── TemplateInvalid            a template or job variable is wrong
    ├── ParameterInvalid           a flow parameter does not fit its type
    ├── ScheduleInvalid            a schedule can't be understood
    ├── FlowNotFound               an entrypoint names no flow, or it fails to import
    ├── DeployFailed               a project file or a deployment is wrong (file, line)
    ├── StepFailed                 a build, push or pull step failed
    ├── StorageFailed              files could not be read from storage or written to it
    ├── InfrastructureFailed       a job could not be started, watched or stopped
    │   └── InfrastructureBusy     … for now: throttled, unreachable, failing; it may go better later
    └── RunAborted                 the server told this run to stop

With no message given, the class's docstring is the message. Messages say what was attempted, with
which value, and what to do next.
"""

from __future__ import annotations


class PenstockError(Exception):
    """Something went wrong in Penstock."""

    code = "error"
    status = 500

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)

    @property
    def message(self) -> str:
        return str(self.args[0])


class InvalidRequest(PenstockError):
    """The request has a value that is not acceptable."""

    code = "invalid_request"
    status = 422

    def __init__(self, message: str | None = None, *, loc: tuple[str | int, ...] | None = None) -> None:
        super().__init__(message)
        self.loc = loc
        """Where in the body the bad value is; None when the fault is in what the values mean together."""


class FieldUnknown(InvalidRequest):
    """The server does not know a field that was sent."""

    code = "field_unknown"


class BadRequest(PenstockError):
    """The request can't be carried out as asked."""

    code = "bad_request"
    status = 400


class Unauthorized(PenstockError):
    """Unauthorized"""

    code = "unauthorized"
    status = 401


class Forbidden(PenstockError):
    """This is not allowed."""

    code = "forbidden"
    status = 403


class NotFound(PenstockError):
    """There is no such object."""

    code = "not_found"
    status = 404


class Conflict(PenstockError):
    """The request clashes with what is already there."""

    code = "conflict"
    status = 409


class Gone(PenstockError):
    """The lease is gone."""

    code = "gone"
    status = 410


class TooLarge(PenstockError):
    """The request body is larger than the server takes."""

    code = "too_large"
    status = 413


class Locked(PenstockError):
    """Locked"""

    code = "locked"
    status = 423

    def __init__(self, message: str | None = None, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(PenstockError):
    """The server can't answer now; try again later."""

    code = "unavailable"
    status = 503

    def __init__(self, message: str | None = None, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ServerUnreachable(PenstockError):
    """The API could not be reached."""

    code = "server_unreachable"


class ServerFault(PenstockError):
    """The API failed to carry out a request."""

    code = "server_fault"


class SettingInvalid(PenstockError):
    """A setting has a value that can't be used."""

    code = "setting_invalid"


class TemplateInvalid(PenstockError):
    """A template or a job variable is wrong."""

    code = "template_invalid"
    status = 422


class ParameterInvalid(PenstockError):
    """A flow parameter does not fit its type."""

    code = "parameter_invalid"
    status = 409


class ScheduleInvalid(PenstockError):
    """The schedule can't be understood."""

    code = "schedule_invalid"
    status = 422


class FlowNotFound(PenstockError):
    """The entrypoint names no flow."""

    code = "flow_not_found"


class DeployFailed(PenstockError):
    """The project file or a deployment in it is wrong."""

    code = "deploy_failed"


class StepFailed(PenstockError):
    """A build, push or pull step failed."""

    code = "step_failed"


class StorageFailed(PenstockError):
    """Files could not be read from storage, or written to it."""

    code = "storage_failed"


class InfrastructureFailed(PenstockError):
    """The job could not be started, watched or stopped."""

    code = "infrastructure_failed"


class InfrastructureBusy(InfrastructureFailed):
    """The infrastructure can't take the job now; it may later."""

    code = "infrastructure_busy"


class RunAborted(PenstockError):
    """The server told this run to stop."""

    code = "run_aborted"
