"""The asynchronous shell: inbox, commit, perform, recovery, clock, jobs, and the desk that chat and web may call."""
