"""Every setting the client side knows, by section: name, type, default and meaning.

The dotted path (`api.url`) is the name in TOML files; `PENSTOCK_` plus the upper-cased path is the name in
the environment (`PENSTOCK_API_URL`). Paths and defaults follow Prefect 3.8.8 where it has the same setting.
A `None` whose meaning says "default: ..." is filled in when settings are resolved.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from penstock.settings.server import Server
from penstock.settings.values import AtLeastZero, LogLevel, Port, Positive, Seconds, Secret


class Api(Struct, frozen=True):
    """How to reach the API."""

    url: str | None = None
    """Address of the API, such as `http://127.0.0.1:4200/api`."""
    auth_string: Secret | None = None
    """`user:password` sent as HTTP basic authentication."""
    key: Secret | None = None
    """Key sent as bearer token; `api.auth_string` goes first when both are set."""
    tls_insecure_skip_verify: bool = False
    """Accept any certificate of the server. For trying things out only."""
    ssl_cert_file: str | None = None
    """File with the certificate authorities to trust; default: those of the system."""
    request_timeout: Seconds = 60.0
    """How long to wait for an answer."""


class Cli(Struct, frozen=True):
    """How the command line looks."""

    colors: bool = True
    """Colours in the output, when it is a terminal."""
    prompt: bool | None = None
    """Whether commands may ask; default: when input and output are a terminal."""
    wrap_lines: bool = True
    """Wrap long lines of tables rather than cut them."""


class Client(Struct, frozen=True):
    """How calls to the API behave."""

    max_retries: Annotated[int, Meta(ge=0)] = 5
    """How often a call is tried again after 408, 429, 502, 503 or a lost connection."""
    retry_jitter_factor: AtLeastZero = 0.2
    """How much the waits between tries are varied."""
    retry_extra_codes: tuple[int, ...] = ()
    """Further HTTP statuses that are tried again."""
    csrf_support_enabled: bool = True
    """Send a token against cross-site requests when the server asks for it."""
    custom_headers: dict[str, str] = {}
    """Headers added to every request; not `User-Agent` and the `Prefect-Csrf-` ones."""


class Deployments(Struct, frozen=True):
    """Defaults for new deployments."""

    default_work_pool_name: str | None = None
    """The pool of deployments that name none."""
    default_docker_build_namespace: str | None = None
    """The registry or account before the names of images that have none."""
    base_image: str | None = None
    """What `dockerfile: auto` builds on; `null` for Python's slim image, in which Penstock is then installed."""


class Flows(Struct, frozen=True):
    """Defaults for flows."""

    heartbeat_frequency: Annotated[int, Meta(ge=30)] | None = 180
    """Seconds between a running flow's signs of life; `null` for none."""
    default_retries: Annotated[int, Meta(ge=0)] = 0
    """Retries of flows that say nothing."""
    default_retry_delay_seconds: float | tuple[float, ...] = 0.0
    """Wait before a retry, or one wait for each."""


class LoggingToApi(Struct, frozen=True):
    """Logs sent to the API."""

    enabled: bool = True
    """Whether logs of runs are sent."""
    batch_interval: Seconds = 2.0
    """Longest time a log line waits to be sent."""
    batch_size: Annotated[int, Meta(gt=0)] = 4_000_000
    """Most bytes in one batch."""
    max_log_size: Annotated[int, Meta(gt=0)] = 1_000_000
    """Most bytes of one line; the rest is cut."""
    when_missing_flow: Literal["warn", "error", "ignore"] = "warn"
    """What happens to a line of the run loggers or `logging.extra_loggers` that belongs to no run."""


class Logging(Struct, frozen=True):
    """What is logged."""

    level: LogLevel = "INFO"
    """Lowest level that runs log."""
    extra_loggers: tuple[str, ...] = ()
    """Further loggers whose lines belong to the run."""
    log_prints: bool = False
    """Whether `print` in flows and tasks is logged, where they do not say."""
    colors: bool = True
    """Colours on the console."""
    to_api: LoggingToApi = LoggingToApi()


class Results(Struct, frozen=True):
    """Where return values are kept."""

    default_serializer: str = "pickle"
    """How results are written, where a flow or task does not say."""
    persist_by_default: bool = False
    """Whether results are kept, where a flow or task does not say."""
    default_storage_block: str | None = None
    """Block that holds results, as `type-slug/name`, with `read` and `write`; default: the local folder."""
    local_storage_path: Path | None = None
    """Folder for results; default: `storage` in the home folder."""


class Runner(Struct, frozen=True):
    """`flow.serve()`."""

    process_limit: Annotated[int, Meta(gt=0)] = 5
    """Most runs at once."""
    poll_frequency: Seconds = 10.0
    """Seconds between looks at a server that can't wake us."""


class TaskRunner(Struct, frozen=True):
    """Task runners."""

    thread_pool_max_workers: Annotated[int, Meta(gt=0)] | None = None
    """Most threads of the thread runner; `null` for no limit."""
    process_pool_max_workers: Annotated[int, Meta(gt=0)] | None = None
    """Most processes of the process runner; default: one for each core."""


class Tasks(Struct, frozen=True):
    """Defaults for tasks."""

    refresh_cache: bool = False
    """Run tasks and renew their cached results."""
    default_no_cache: bool = False
    """No caching, where a task does not say."""
    disable_caching: bool = False
    """No caching at all."""
    default_retries: Annotated[int, Meta(ge=0)] = 0
    """Retries of tasks that say nothing."""
    default_retry_delay_seconds: float | tuple[float, ...] = 0.0
    """Wait before a retry, or one wait for each."""
    default_persist_result: bool | None = None
    """Whether results are kept; default: `results.persist_by_default`."""
    runner: TaskRunner = TaskRunner()


Lease = Annotated[float, Meta(ge=5)]


class WorkerWebserver(Struct, frozen=True):
    """The health page of `worker start --with-healthcheck`."""

    host: str = "0.0.0.0"
    """Address it listens on."""
    port: Port = 8080
    """Port it listens on."""


class Worker(Struct, frozen=True):
    """Workers."""

    debug_mode: bool = False
    """Log at DEBUG."""
    heartbeat_seconds: Positive = 30.0
    """Seconds between a worker's signs of life."""
    query_seconds: Positive = 10.0
    """Seconds between polls of a server that can't wake us."""
    prefetch_seconds: Seconds = 10.0
    """How early a run may be taken from a server that can't wake us."""
    lease_seconds: Lease = 30.0
    """After how many seconds without a sign of life from its worker and its process a run is taken from both."""
    cancellation_poll_seconds: Positive = 10.0
    """Seconds between looks for cancelled runs, for when the event feed missed one."""
    webserver: WorkerWebserver = WorkerWebserver()


class Settings(Struct, frozen=True):
    """All settings."""

    home: Path = Path("~/.penstock")
    """Folder for the database, results and profiles."""
    profiles_path: Path | None = None
    """The profiles file; default: `profiles.toml` in the home folder."""
    debug_mode: bool = False
    """Log at DEBUG and show tracebacks."""
    ui_url: str | None = None
    """Address of the dashboard; default: `api.url` without `/api`."""
    api: Api = Api()
    cli: Cli = Cli()
    client: Client = Client()
    deployments: Deployments = Deployments()
    flows: Flows = Flows()
    logging: Logging = Logging()
    results: Results = Results()
    runner: Runner = Runner()
    server: Server = Server()
    tasks: Tasks = Tasks()
    worker: Worker = Worker()
