"""How both Java servers are run."""


def flags(heap_mb: int) -> tuple[str, ...]:
    """For a quick start and a bounded size: this is a cluster for development and tests."""
    return (
        f"-Xmx{heap_mb}m",
        "-XX:MaxDirectMemorySize=128m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:-UsePerfData",
        "-XX:+ExitOnOutOfMemoryError",
        "-Djava.awt.headless=true",
    )
