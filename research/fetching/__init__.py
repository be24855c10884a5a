"""History from an exchange into the store: what is missing, page by page, newest first; killed, it goes on."""
