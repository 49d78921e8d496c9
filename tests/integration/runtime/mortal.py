"""The toy, struck at a moment of its choice: `python mortal.py FOLDER GROUP WHEN CALL NUMBER SIGNAL`.

The moment is as `strikes.mortal` takes it; then the file `struck-GROUP` is in FOLDER. A later start in
the same FOLDER is not struck again.
"""

import sys
from pathlib import Path

from strikes import mortal
from toy import stage

from connectors.kafka import clients
from connectors.settings import Connections
from processors.runtime.main import run
from processors.runtime.settings import RuntimeSettings, read_settings

if __name__ == "__main__":
    folder, group, when, call, number, signal_name = sys.argv[1:]
    struck = Path(folder, f"struck-{group}")
    clients.Producer = mortal(struck, when, call, int(number), signal_name)  # type: ignore[misc]
    chosen = stage(Path(folder), group)
    sys.exit(run(chosen, read_settings(Connections), read_settings(RuntimeSettings)))
