"""Dead letters: what consumer groups gave up on, and how it is tried again."""
