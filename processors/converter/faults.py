"""What is wrong with a file, said to its owner."""


class Unusable(Exception):
    """The file's own fault. The message is one sentence for its owner: what is wrong and what to do."""


def clock(seconds: float) -> str:
    """A time as people read it: 12:34 or 1:02:03."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
