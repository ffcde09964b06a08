"""The `dcr` command: thin over `app/`."""
