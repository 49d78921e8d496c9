"""`reelay up`: the pipeline as a service on one machine, and what is asked of it through the store."""
