"""Alembic's entry: run the revisions over the connection that `mactuner_core.catalog.migrate` gives."""

from alembic import context

from mactuner_core.catalog.tables import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
