"""What can go wrong outside, named by what the caller should do about it."""


class TransientError(Exception):
    """This piece of work failed for a reason that may pass: try it again later."""


class DependencyDown(Exception):
    """A dependency that all work needs is down or full: stop taking work until it is back."""

    def __init__(self, dependency: str, reason: str) -> None:
        super().__init__(f"{dependency}: {reason}")
        self.dependency = dependency
        self.reason = reason

    def __reduce__(self) -> tuple[type["DependencyDown"], tuple[str, str]]:
        return DependencyDown, (self.dependency, self.reason)
