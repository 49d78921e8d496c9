"""What a cluster has not finished, seen from outside: records that wait, videos without an outcome."""
