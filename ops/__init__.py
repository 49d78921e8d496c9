"""What an operator uses: the command line, the local pipeline, the demo, benchmarks."""
