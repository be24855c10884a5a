"""Bringing history in: from a venue page by page, from files, and figure by figure by collectors."""
