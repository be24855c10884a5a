"""The gates of an entry: one rule per file, found by walking this folder, run by their ORDER."""
