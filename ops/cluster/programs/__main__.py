"""Gets the cluster's programs before tests need them: `python -m ops.cluster.programs`."""

import os
import sys

from ops.cluster.errors import ClusterError
from ops.cluster.programs import default_cache, prepare


def main() -> int:
    """Prepare. Returns the exit status, 1 if there can be no cluster."""
    try:
        prepare(default_cache(os.environ), lambda line: print(line, file=sys.stderr))
    except (ClusterError, OSError) as error:
        print(f"reelay: no local cluster, so tests that need one are skipped: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
