"""Alembic's way in. The connection and its transaction are the caller's (storage.migrate): no ini file, no URL."""

from alembic import context

from storage.schema import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
