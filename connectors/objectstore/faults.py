"""What an S3 server answers, named by what the caller should do."""

from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree.ElementTree import ParseError

from minio.error import InvalidResponseError, MinioException, S3Error
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError

from connectors.errors import DependencyDown
from connectors.objectstore.contract import ObjectMissing
from connectors.objectstore.place import Place
from connectors.objectstore.requests import CONNECT_S, READ_S, refused_certificate

STORE = "object store"

_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED, openssl/x509_vfy.h
_BAD_KEYS = frozenset(
    {
        "ExistingObjectIsDirectory",
        "KeyTooLongError",
        "ObjectParentIsFile",
        "XMinioInvalidObjectName",
    }
)
_BAD_CREDENTIALS = frozenset(
    {
        "AccessDenied",
        "AccountProblem",
        "AllAccessDisabled",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "SignatureDoesNotMatch",
        "XAdminUserNotFound",  # versitygw's InvalidAccessKeyId
    }
)
_BAD_REGION = frozenset({"AuthorizationHeaderMalformed", "PermanentRedirect"})


@contextmanager
def store_faults(place: Place, key: str) -> Iterator[None]:
    """Raise what the contract names in place of the client's errors. key: what is asked for."""
    try:
        yield
    except S3Error as error:
        if error.code == "NoSuchKey":
            raise ObjectMissing(key) from error
        if error.code in _BAD_KEYS:
            raise ValueError(f"object key {key!r}: {error.message}") from error
        raise DependencyDown(STORE, _refusal(place, error)) from error
    except (InvalidResponseError, ParseError) as error:
        reason = f"{place.endpoint} does not answer like an S3 server: check REELAY_STORE_ENDPOINT"
        raise DependencyDown(STORE, f"{reason} ({str(error)[:200]})") from error
    except (MinioException, HTTPError) as error:
        raise DependencyDown(STORE, _unreached(place, error)) from error


def _refusal(place: Place, error: S3Error) -> str:
    what = f"{place.endpoint}, bucket {place.bucket!r}: {error.code}"
    if error.code == "NoSuchBucket":
        return (
            f"bucket {place.bucket!r} does not exist at {place.endpoint}: create it, or have"
            " `reelay cluster up` make a store with one"
        )
    if error.code in _BAD_CREDENTIALS:
        return (
            f"{what}: the credentials are refused: check REELAY_STORE_ACCESS_KEY,"
            " REELAY_STORE_SECRET_KEY and what that user may do"
        )
    if error.code in _BAD_REGION:
        return f"{what}: check REELAY_STORE_REGION ({place.region!r})"
    if error.code == "RequestTimeTooSkewed":
        return f"{what}: set this machine's clock"
    if error.code == "NotImplemented":
        return f"{what}: the server lacks what is needed: {error.message}"
    return f"{what}: {error.message}"


def _unreached(place: Place, error: Exception) -> str:
    if (refused := refused_certificate(error)) is not None:
        advice = (
            "renew it"
            if refused.verify_code == _EXPIRED
            else "name the authority that signed it in REELAY_TLS_CA"
        )
        return f"{place.endpoint}: its certificate is refused: {refused.verify_message}: {advice}"
    match error:
        case NewConnectionError():  # which is a ConnectTimeoutError, too
            return f"{place.endpoint} cannot be reached: {error.__cause__ or error}"
        case ConnectTimeoutError():
            return f"{place.endpoint} did not take a connection within {CONNECT_S:g} s"
        case ReadTimeoutError():
            return f"{place.endpoint} did not answer within {READ_S:g} s"
        case _:
            return f"{place.endpoint}: {error}"
