"""Joins all pieces of a video into its results and decides its outcome (Faust app `aggregator`)."""
