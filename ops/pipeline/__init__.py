"""The whole pipeline on one machine: the embedded broker, the processors, and the work given to them."""

PROCESSORS = ("converter", "transcriber", "enricher", "aggregator")
"""Every consumer group that there is."""

GATEWAY = "gateway"
"""What people meet the pipeline through. It is no consumer group."""
