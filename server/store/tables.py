"""The tables of the service. Rows of `steps` and `events` are only ever added; the rest says where things stand."""

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Index, Integer, MetaData, String, Table, Text, text
from sqlalchemy.types import JSON

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
Number = BigInteger().with_variant(Integer, "sqlite")

# A world, its head and where it was forked. A deleted one stays as a tombstone while a fork needs its steps.
worlds = Table(
    "worlds",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("order", Number, nullable=False, unique=True),  # of creation
    Column("owner", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("scene", Text),
    Column("seed", Number, nullable=False),
    Column("suggestions", JSON, nullable=False),
    Column("novelty", JSON(none_as_null=True)),  # of the start picture; null for scenes, and where the model can't tell
    Column("family", String(64), nullable=False),  # the id of the world that the first of this family of forks was
    Column("parent", String(64)),
    Column("parent_step", Number),
    Column("head", Number, nullable=False),
    Column("depth", Number, nullable=False),  # of the head
    Column("created_at", String(32), nullable=False),
    Column("deleted_at", String(32)),
    Column("faults", Integer, nullable=False, server_default=text("0")),  # ends of the process while it was acting
    Index("ix_worlds_owner", "owner", "order"),
    Index("ix_worlds_family", "family"),
)

# A committed step: all that is needed to make its clip again from the step before it.
steps = Table(
    "steps",
    metadata,
    Column("world", String(64), primary_key=True),
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("parent", Number),  # null for a start picture; otherwise a step of this world or of one it was forked from
    Column("depth", Number, nullable=False),
    Column("action", Text),
    Column("seed", Number, nullable=False),
    Column("sampling_steps", Integer, nullable=False),
    Column("model", String(64), nullable=False),  # fingerprint of the weights
    Column("frames", Integer, nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("timings", JSON, nullable=False),
    Column("clip", String(64)),  # sha256 of the blob with its frames; null until they are stored
    Column("snapshot", String(64)),  # sha256 of the blob with the state after it; null where replay finds it
    Column("description", Text),  # what the language model made of the action; null where it was not asked
    ForeignKeyConstraint(["world"], ["worlds.id"]),
    Index("ix_steps_clip", "clip"),
    Index("ix_steps_snapshot", "snapshot"),
)

events = Table(
    "events",
    metadata,
    Column("world", String(64), primary_key=True),
    Column("seq", Number, primary_key=True, autoincrement=False),
    Column("type", String(16), nullable=False),
    Column("at", String(32), nullable=False),
    Column("facts", JSON, nullable=False),
    ForeignKeyConstraint(["world"], ["worlds.id"]),
)

# What was answered to a request that carried an Idempotency-Key.
answers = Table(
    "answers",
    metadata,
    Column("owner", String(64), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),  # sha256 of method, path and body
    Column("status", Integer, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", String(32), nullable=False),
)

# An API key `pk_<id>_<secret>`; only a hash of the secret is kept.
keys = Table(
    "keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("revoked_at", String(32)),
    Column("used_at", String(32)),
)
