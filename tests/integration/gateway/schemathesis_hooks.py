"""How Schemathesis sends the bodies that it does not know."""

import schemathesis


@schemathesis.serializer("application/x-subrip")
def subrip(ctx: object, value: object) -> bytes:
    return str(value).encode(errors="replace")
