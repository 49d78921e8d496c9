"""`reelay schemas`: the versions of the Avro schemas, here and in a registry."""

import dataclasses
import json

import click

from connectors.registry.client import Incompatible
from connectors.registry.subjects import check_all, register_all
from ops.cli.errors import one_line
from ops.cli.exits import FAILED
from ops.cli.kafka import cluster
from ops.cli.text import counted
from schemas.history import kept_versions
from schemas.topics import TOPICS


@click.group("schemas", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Check the schemas of all events, or register them.

    \b
    Examples:
      reelay schemas check
      reelay schemas register --registry http://localhost:8081
    """


@command.command("check")
@click.option(
    "--registry",
    envvar="REELAY_REGISTRY_URL",
    default="",
    show_envvar=True,
    help="Also ask the schema registry at this URL whether each schema fits what it has.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each topic.")
def check(*, registry: str, as_json: bool) -> int:
    """Check that every version of a schema reads what every other wrote (FULL_TRANSITIVE).

    The versions are those kept in schemas/versions. Exit status 1 if something does not fit.

    \b
    Example:
      reelay schemas check
    """
    from schemas.compatibility import problems  # noqa: PLC0415  # Avro's own library, only needed here

    with one_line():
        fits = check_all(cluster("", registry)) if registry else ()
    refused = {fit.subject: fit.reason for fit in fits if fit.reason is not None}
    failed = False
    for topic in TOPICS:
        found = list(problems(topic))
        if topic.subject in refused:
            found.append(f"{topic.subject}: {refused[topic.subject]}")
        failed |= bool(found)
        versions = len(kept_versions(topic))
        if as_json:
            record = {"subject": topic.subject, "versions": versions, "problems": found}
            click.echo(json.dumps(record))
        elif found:
            for line in found:
                click.echo(f"✗ {line}", err=True)
        else:
            click.echo(f"✓ {topic.subject}: {counted(versions, 'version')}")
    return FAILED if failed else 0


@command.command("register")
@click.option(
    "--registry",
    envvar="REELAY_REGISTRY_URL",
    required=True,
    show_envvar=True,
    help="Schema registry's URL.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each subject.")
def register(*, registry: str, as_json: bool) -> int:
    """Register all versions of all schemas, oldest first, and print the ids that producers write.

    Each subject's compatibility is set to FULL_TRANSITIVE. Registering again changes nothing. User name,
    password and CA are those of the environment.

    \b
    Example:
      reelay schemas register --registry http://localhost:8081
    """
    with one_line():
        try:
            registered = register_all(cluster("", registry))
        except Incompatible as error:
            raise click.ClickException(str(error)) from error
    width = max(len(schema.subject) for schema in registered)
    for schema in registered:
        if as_json:
            click.echo(json.dumps(dataclasses.asdict(schema)))
        else:
            versions = counted(schema.versions, "version")
            click.echo(f"{schema.subject:<{width}}  id {schema.schema_id}, {versions}")
    return 0
