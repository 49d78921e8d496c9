"""Whether a server answers by HTTP."""

import http.client
import ssl
import urllib.request
from pathlib import Path

_ANSWER_S = 3.0


def is_answering(url: str, ca: Path | None) -> bool:
    """Whether a GET of this URL succeeds. ca: the authority of its certificate, for https."""
    context = None if ca is None else ssl.create_default_context(cafile=ca)
    try:
        # The environment's proxies are for other machines.
        handlers = [urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)]
        urllib.request.build_opener(*handlers).open(url, timeout=_ANSWER_S).close()
    except (OSError, http.client.HTTPException):
        return False
    return True
