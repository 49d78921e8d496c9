"""What Reelay costs, in figures: `make bench`, one at a time by `make bench BENCH=name`."""
