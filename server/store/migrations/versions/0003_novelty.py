"""How unlike a world's start picture is to what the model knows."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("worlds", sa.Column("novelty", sa.JSON))


def downgrade() -> None:
    op.drop_column("worlds", "novelty")
