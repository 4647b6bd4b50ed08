"""Worlds, steps, events, answers, keys."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _worlds()
    _logs()
    _people()


def _worlds() -> None:
    op.create_table(
        "worlds",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("order", _Number, nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("scene", sa.Text),
        sa.Column("seed", _Number, nullable=False),
        sa.Column("suggestions", sa.JSON, nullable=False),
        sa.Column("family", sa.String(64), nullable=False),
        sa.Column("parent", sa.String(64)),
        sa.Column("parent_step", _Number),
        sa.Column("head", _Number, nullable=False),
        sa.Column("depth", _Number, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("deleted_at", sa.String(32)),
        sa.Column("faults", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("id", name="pk_worlds"),
        sa.UniqueConstraint("order", name="uq_worlds_order"),
    )
    op.create_index("ix_worlds_owner", "worlds", ["owner", "order"])
    op.create_index("ix_worlds_family", "worlds", ["family"])
    op.create_table(
        "steps",
        sa.Column("world", sa.String(64), nullable=False),
        sa.Column("number", _Number, nullable=False, autoincrement=False),
        sa.Column("parent", _Number),
        sa.Column("depth", _Number, nullable=False),
        sa.Column("action", sa.Text),
        sa.Column("seed", _Number, nullable=False),
        sa.Column("sampling_steps", sa.Integer, nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("frames", sa.Integer, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("timings", sa.JSON, nullable=False),
        sa.Column("clip", sa.String(64)),
        sa.Column("snapshot", sa.String(64)),
        sa.PrimaryKeyConstraint("world", "number", name="pk_steps"),
        sa.ForeignKeyConstraint(["world"], ["worlds.id"], name="fk_steps_worlds"),
    )
    op.create_index("ix_steps_clip", "steps", ["clip"])
    op.create_index("ix_steps_snapshot", "steps", ["snapshot"])


def _logs() -> None:
    op.create_table(
        "events",
        sa.Column("world", sa.String(64), nullable=False),
        sa.Column("seq", _Number, nullable=False, autoincrement=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("world", "seq", name="pk_events"),
        sa.ForeignKeyConstraint(["world"], ["worlds.id"], name="fk_events_worlds"),
    )


def _people() -> None:
    op.create_table(
        "answers",
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("headers", sa.JSON, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("owner", "key", name="pk_answers"),
    )
    op.create_table(
        "keys",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("revoked_at", sa.String(32)),
        sa.Column("used_at", sa.String(32)),
        sa.PrimaryKeyConstraint("id", name="pk_keys"),
    )


def downgrade() -> None:
    for name in ("keys", "answers", "events", "steps", "worlds"):
        op.drop_table(name)
