"""Exit statuses of `reelay`; 0 is all well, 2 (click's) wrong usage."""

FAILED = 1
INTERRUPTED = 130
