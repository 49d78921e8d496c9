"""Pieces of the OpenAPI document that routes share."""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from connectors.gateway.models import ProblemAnswer
from connectors.gateway.problems import MEDIA_TYPE

Responses = dict[int | str, dict[str, Any]]


def problems(*statuses: int) -> Responses:
    """These statuses, each with a problem as its answer."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": ProblemAnswer.model_json_schema()}},
        }
        for status in statuses
    }


ANYWHERE = problems(401, 403, 404, 421, 422, 429, 503)
"""What any address of the API may answer."""


def body_of(kind: type[BaseModel], *, required: bool = True) -> dict[str, Any]:
    """The description of a JSON body that the route reads by itself."""
    schema = kind.model_json_schema()
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}
