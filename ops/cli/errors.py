"""Errors of other rooms as one line for the user."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import click
from confluent_kafka import KafkaException

from connectors.errors import DependencyDown
from connectors.kafka.clients import TopicMissing
from connectors.objectstore.revisions import OutcomeUnreadable, RevisionsUsedUp
from ops.pipeline.processes import ProcessDied
from processors.runtime.settings import SettingsError


@contextmanager
def one_line() -> Iterator[None]:
    """Turn what a user can do something about into a message of one line, exit status 1."""
    try:
        yield
    except DependencyDown as error:
        raise click.ClickException(f"{error.dependency} is down: {error.reason}") from error
    except (SettingsError, OutcomeUnreadable, RevisionsUsedUp, TopicMissing) as error:
        raise click.ClickException(str(error)) from error
    except ProcessDied as error:
        message = f"{error}. What is done is kept: the same command goes on from there."
        raise click.ClickException(message) from error
    except OSError as error:
        where = f"{os.fspath(error.filename)}: " if error.filename else ""
        raise click.ClickException(f"{where}{error.strerror or error}") from error
    except KafkaException as error:
        raise click.ClickException(f"Kafka: {error.args[0].str()}") from error
