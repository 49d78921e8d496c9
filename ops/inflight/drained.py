"""Whether the pipeline has nothing left to do, so that the topics it joins may be changed."""

from connectors.settings import Connections
from ops.inflight.lag import group_statuses
from schemas.topics import CATALOG


def work_left(connections: Connections) -> str | None:
    """What has to be done first: a group that still runs, or records that it has not finished.

    A video that waits anywhere may have pieces in the aggregator's table, in a partition that later ones
    would no longer reach; and processors learn of new partitions only when they start.

    Raises as `group_statuses` does.
    """
    # the catalogue joins nothing, and takes whatever order partitions come to have
    groups = [group for group in group_statuses(connections) if group.group != CATALOG]
    for group in groups:
        if group.lag:
            return f"let the {group.group} finish its work (lag {group.lag}), then stop all processors"
    for group in groups:
        if group.members:
            return f"stop the {group.group} (members: {len(group.members)}), and all other processors"
    return None
