"""A video done again with other options, and how the two results differ."""
