"""Alembic's entry: migrates on the connection, and in the transaction, that booking.database hands over."""

from alembic import context

from booking.database import VERSION_TABLE
from booking.models import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
