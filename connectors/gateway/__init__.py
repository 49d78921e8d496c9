"""The gateway: the HTTP API and the web page in front of the pipeline."""
