"""The API keeps to what its OpenAPI document says, whatever it is sent."""

import os
import subprocess
import sys
from pathlib import Path

from tests.integration.gateway.serving import Place, serving

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
)
"""All but that what fits the document is accepted: a file must be a video, which no schema says."""

EXAMPLES = os.environ.get("REELAY_TEST_EXAMPLES", "5")


def test_no_answer_is_outside_the_document_and_none_an_error_of_ours(
    place: Place, tmp_path: Path
) -> None:
    place.complete("done")
    place.fail("failed")
    place.catalogue()
    with serving(place.connections) as gateway:
        done = subprocess.run(
            [
                Path(sys.executable).with_name("schemathesis"),
                "run",
                str(gateway.base_url.join("/openapi.json")),
                *("--exclude-path", "/api/v1/events"),  # it has no end
                *("--checks", ",".join(CHECKS)),
                *("--phases", "examples,coverage,fuzzing"),
                *("--max-examples", EXAMPLES),
                *("--seed", "1"),
                *("--request-timeout", "30"),
                "--no-color",
            ],
            env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.integration.gateway.schemathesis_hooks"},
            cwd=Path(__file__).parents[3],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=250,
            check=False,
        )
    assert done.returncode == 0, done.stdout
