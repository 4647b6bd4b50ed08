"""What the language model made of a step's action."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("steps", sa.Column("description", sa.Text))


def downgrade() -> None:
    op.drop_column("steps", "description")
