"""The consumer groups, and the runtime that runs them."""
