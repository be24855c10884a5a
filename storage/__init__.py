"""The books on disk: schema, migrations, and the small repositories that the runtime and the chat layer ask.

SQLite by default, PostgreSQL by URL, one code for both. No SQL and no row object leaves this folder.
"""
