"""The settings of the server, by section."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from penstock.settings.values import AtLeastZero, LogLevel, Port, Positive, Seconds, Secret


class ServerApi(Struct, frozen=True):
    """The server's address and its gate."""

    auth_string: Secret | None = None
    """`user:password` that every request must bring (basic, or the whole as bearer token)."""
    host: str = "127.0.0.1"
    """Address it listens on."""
    port: Port = 4200
    """Port it listens on."""
    base_path: str | None = None
    """Path before `/api`, behind a proxy that does not strip it."""
    default_limit: Annotated[int, Meta(gt=0)] = 200
    """Most records of one answer."""
    keepalive_timeout: Annotated[int, Meta(gt=0)] = 5
    """Seconds an idle connection is kept."""
    csrf_protection_enabled: bool = False
    """Ask for a token against cross-site requests on every change."""
    csrf_token_expiration: Seconds = 3600.0
    """How long such a token is valid."""
    cors_allowed_origins: str = ""
    """Web origins that may use the API, comma separated; `*` for all."""
    cors_allowed_methods: str = "*"
    """HTTP methods they may use."""
    cors_allowed_headers: str = "*"
    """Headers they may send."""
    websocket_ping_interval: Positive | None = 20.0
    """Seconds between pings on WebSockets; `null` for none."""
    websocket_ping_timeout: Positive | None = 20.0
    """Seconds until an unanswered ping ends the connection."""
    max_parameter_size: Annotated[int, Meta(ge=0)] = 524_288
    """Most bytes of a run's parameters; 0 for no limit."""
    max_body_size: Annotated[int, Meta(gt=0)] = 16_777_216
    """Most bytes of a request's body, looked at before it is parsed."""


class Concurrency(Struct, frozen=True):
    """Slots of limits."""

    initial_deployment_lease_duration: Annotated[float, Meta(ge=30.0, le=3600.0)] = 300.0
    """How long a run of a limited deployment may take to start before its slot is freed."""
    maximum_concurrency_slot_wait_seconds: AtLeastZero = 30.0
    """Longest wait a client is told when there is no slot."""


class Database(Struct, frozen=True):
    """Where the server keeps everything."""

    connection_url: Secret | None = None
    """`sqlite:///path` or `postgresql://user:password@host/name`; default: `penstock.db` in the home folder."""
    driver: Literal["postgresql+asyncpg", "sqlite+aiosqlite"] | None = None
    """With `host`, `user` and so on: the parts of `connection_url`, for those who set them apart."""
    host: str | None = None
    """Host of the database server."""
    port: Port | None = None
    """Port of the database server."""
    user: str | None = None
    """User of the database."""
    name: str | None = None
    """Name of the database, or path of the SQLite file."""
    password: Secret | None = None
    """Password of the database user."""
    durable: bool = False
    """SQLite: wait for the disk at every commit, so that power loss loses nothing acknowledged."""
    pool_size: Annotated[int, Meta(gt=0)] = 10
    """PostgreSQL: most connections."""
    migrate_on_start: bool = True
    """Bring the schema up to date at start."""
    timeout: Positive | None = 10.0
    """PostgreSQL: seconds a statement may take."""
    connection_timeout: Positive | None = 5.0
    """PostgreSQL: seconds until a connection must stand."""


class ServerDeployments(Struct, frozen=True):
    """Runs of limited deployments."""

    concurrency_slot_wait_seconds: AtLeastZero = 30.0
    """Wait before a run that found no slot is tried again."""
    cancellation_grace_seconds: AtLeastZero = 30.0
    """How long the job of a cancelled run has to end by itself, where its deployment does not say."""


class Push(Struct, frozen=True):
    """Push pools: those whose runs this server starts itself."""

    enabled: bool = True
    """Whether this server starts runs of push pools."""
    loop_seconds: Positive = 15.0
    """Seconds between looks for new and changed push pools, should a wake-up be missed."""
    api_url: str | None = None
    """Address of the API as the jobs see it; default: `api.url`, else where the server listens."""
    lease_seconds: Annotated[float, Meta(ge=5)] = 30.0
    """After how many seconds of a server's silence another one takes its jobs in hand."""
    maximum_run_seconds: Positive = 86_400.0
    """How long a job of a push pool may run; then it is stopped. A pool's template may say it."""


class Ephemeral(Struct, frozen=True):
    """A server of one's own, for scripts with no `api.url`."""

    enabled: bool = False
    """Start one inside the process when it is needed."""
    startup_timeout_seconds: Positive = 20.0
    """How long it may take to start."""


class Events(Struct, frozen=True):
    """Events."""

    maximum_labels_per_resource: Annotated[int, Meta(gt=0)] = 500
    """Most labels of one resource."""
    maximum_related_resources: Annotated[int, Meta(gt=0)] = 100
    """Most related resources of one event."""
    maximum_size_bytes: Annotated[int, Meta(gt=0)] = 1_500_000
    """Most bytes of one event."""
    maximum_event_name_length: Annotated[int, Meta(gt=0)] = 1024
    """Longest name of an event."""
    retention_period: Seconds = 604_800.0
    """How long events are kept."""
    maximum_websocket_backfill: Seconds = 900.0
    """How far back a new subscriber is told."""
    websocket_backfill_page_size: Annotated[int, Meta(gt=0)] = 250
    """Events read at once for it."""


class FlowRunGraph(Struct, frozen=True):
    """The picture of a run."""

    max_nodes: Annotated[int, Meta(gt=0)] = 10_000
    """Most nodes of it."""
    max_artifacts: Annotated[int, Meta(ge=0)] = 10_000
    """Most artifacts in it."""


class Scheduler(Struct, frozen=True):
    """Makes runs out of schedules."""

    enabled: bool = True
    """Whether this server does it."""
    loop_seconds: Positive = 60.0
    """Seconds between full passes."""
    deployment_batch_size: Annotated[int, Meta(gt=0)] = 100
    """Deployments taken at once."""
    max_runs: Annotated[int, Meta(gt=0)] = 100
    """Most runs ahead, for each schedule."""
    min_runs: Annotated[int, Meta(gt=0)] = 3
    """Fewest runs ahead."""
    max_scheduled_time: Seconds = 8_640_000.0
    """How far ahead runs are made at most."""
    min_scheduled_time: Seconds = 3600.0
    """How far ahead runs are made at least."""


class LateRuns(Struct, frozen=True):
    """Marks runs that should have started."""

    enabled: bool = True
    """Whether this server does it."""
    loop_seconds: Positive = 5.0
    """Seconds between passes."""
    after_seconds: Seconds = 15.0
    """How long after its time a run is late."""


class PauseExpirations(Struct, frozen=True):
    """Fails paused runs that were not resumed in time."""

    enabled: bool = True
    """Whether this server does it."""
    loop_seconds: Positive = 5.0
    """Seconds between passes."""


class CancellationCleanup(Struct, frozen=True):
    """Ends what a cancelled run left, and cancellations nobody carries out."""

    enabled: bool = True
    """Whether this server does it."""
    loop_seconds: Positive = 20.0
    """Seconds between passes."""
    cancelling_timeout_seconds: Positive = 300.0
    """How long a run may be Cancelling."""


class Repossessor(Struct, frozen=True):
    """Takes back leases that lapsed: of limits, and of runs whose worker fell silent."""

    enabled: bool = True
    """Whether this server does it."""
    loop_seconds: Positive = 15.0
    """Seconds between passes."""


class Foreman(Struct, frozen=True):
    """Marks workers that fell silent."""

    enabled: bool = True
    """Whether this server does it."""
    loop_seconds: Positive = 15.0
    """Seconds between passes."""
    inactivity_heartbeat_multiple: Annotated[int, Meta(gt=0)] = 3
    """A worker is offline after so many missed heartbeats."""
    fallback_heartbeat_interval_seconds: Positive = 30.0
    """Heartbeat interval of workers that name none."""


class DbVacuum(Struct, frozen=True):
    """Forgets what is old."""

    enabled: tuple[str, ...] | bool = ("events",)
    """What is pruned: `events`, `flow_runs`; `true` for both, `false` for nothing."""
    loop_seconds: Positive = 3600.0
    """Seconds between passes."""
    retention_period: Annotated[float, Meta(gt=3600.0, title="seconds")] = 7_776_000.0
    """How long finished runs are kept."""
    batch_size: Annotated[int, Meta(gt=0)] = 200
    """Rows deleted at once."""
    event_retention_overrides: dict[str, float] = field(
        default_factory=lambda: {"prefect.flow-run.heartbeat": 604_800.0}
    )
    """Seconds that events of some names are kept, where that is shorter."""


class TaskRunRecorder(Struct, frozen=True):
    """Records the task-run states that clients report as events."""

    enabled: bool = True
    """Whether this server does it."""


class Triggers(Struct, frozen=True):
    """Acts on automations; not there yet."""

    enabled: bool = True
    """Whether this server evaluates them."""


class Services(Struct, frozen=True):
    """The loops that run beside the API."""

    scheduler: Scheduler = Scheduler()
    late_runs: LateRuns = LateRuns()
    pause_expirations: PauseExpirations = PauseExpirations()
    cancellation_cleanup: CancellationCleanup = CancellationCleanup()
    repossessor: Repossessor = Repossessor()
    foreman: Foreman = Foreman()
    db_vacuum: DbVacuum = DbVacuum()
    task_run_recorder: TaskRunRecorder = TaskRunRecorder()
    triggers: Triggers = Triggers()


class ServerTasks(Struct, frozen=True):
    """Task runs."""

    tag_concurrency_slot_wait_seconds: AtLeastZero = 10.0
    """Wait before a task that found no slot of its tags asks again."""
    max_cache_key_length: Annotated[int, Meta(gt=0)] = 2000
    """Longest cache key."""


class Ui(Struct, frozen=True):
    """The dashboard."""

    enabled: bool = True
    """Whether it is served."""
    api_url: str | None = None
    """Address of the API as the browser sees it; default: `api.url`, else the server's own."""
    serve_base: str = "/"
    """Path it is served at."""


class Server(Struct, frozen=True):
    """The server."""

    logging_level: LogLevel = "WARNING"
    """Lowest level the server logs."""
    encryption_key: Secret | None = None
    """Key that secrets of blocks are encrypted with; default: one made and kept in the home folder."""
    api: ServerApi = ServerApi()
    concurrency: Concurrency = Concurrency()
    database: Database = Database()
    deployments: ServerDeployments = ServerDeployments()
    ephemeral: Ephemeral = Ephemeral()
    push: Push = Push()
    events: Events = Events()
    flow_run_graph: FlowRunGraph = FlowRunGraph()
    services: Services = Services()
    tasks: ServerTasks = ServerTasks()
    ui: Ui = Ui()
