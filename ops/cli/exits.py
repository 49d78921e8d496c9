"""Exit statuses of `reelay`; 0 is all well, 2 (click's) wrong usage."""

FAILED = 1
INTERRUPTED = 130
OUTPUT_CLOSED = 141
"""As a shell has it for a program that SIGPIPE ended: `reelay … | head` is no failure."""
