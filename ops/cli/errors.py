"""Errors of other rooms as one line for the user."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import click
from confluent_kafka import KafkaException
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from connectors.errors import DependencyDown
from ops.pipeline.processes import ProcessDied
from processors.runtime.settings import SettingsError


@contextmanager
def one_line() -> Iterator[None]:
    """Turn what a user can do something about into a message of one line, exit status 1."""
    try:
        yield
    except DependencyDown as error:
        raise click.ClickException(str(error)) from error
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    except ProcessDied as error:
        message = f"{error}. What is done is kept: the same command goes on from there."
        raise click.ClickException(message) from error
    except OSError as error:
        where = f"{os.fspath(error.filename)}: " if error.filename else ""
        raise click.ClickException(f"{where}{error.strerror or error}") from error
    except KafkaException as error:
        raise click.ClickException(f"Kafka: {error.args[0].str()}") from error
    except ValidationError as error:
        raise click.ClickException(settings_error(error)) from error


def settings_error(error: ValidationError) -> str:
    """Each wrong setting: the variable, its value, what was expected."""
    settings = next(
        (kind for kind in _settings_classes(BaseSettings) if kind.__name__ == error.title), None
    )
    lines = []
    for fault in error.errors():
        name = "_".join(str(part) for part in fault["loc"])
        prefix = settings.model_config.get("env_prefix", "") if settings else ""
        variable = (prefix + name).upper()
        field = settings.model_fields.get(name) if settings else None
        meaning = f" ({field.description})" if field and field.description else ""
        if fault["type"] == "missing":
            lines.append(f"{variable} is not set{meaning}")
        else:
            expected = fault["msg"][0].lower() + fault["msg"][1:]
            lines.append(f"{variable}={fault['input']!r}: {expected}{meaning}")
    return "; ".join(lines)


def _settings_classes(kind: type[BaseSettings]) -> Iterator[type[BaseSettings]]:
    for child in kind.__subclasses__():
        yield child
        yield from _settings_classes(child)
