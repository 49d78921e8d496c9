"""Whether a server answers by HTTP."""

import http.client
import ssl
import urllib.request

_ANSWER_S = 3.0


def is_answering(url: str) -> bool:
    """Whether a GET of this URL succeeds, by a bad certificate, too: that is for clients to judge."""
    unchecked = ssl.create_default_context()
    unchecked.check_hostname = False
    unchecked.verify_mode = ssl.CERT_NONE
    # The environment's proxies are for other machines.
    handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=unchecked))
    try:
        urllib.request.build_opener(*handlers).open(url, timeout=_ANSWER_S).close()
    except (OSError, http.client.HTTPException):
        return False
    return True
