"""The `reelay` command line."""
