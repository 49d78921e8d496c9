"""The catalogue: folds the topics into a database, where videos are listed and searched."""
