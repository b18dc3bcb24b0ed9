"""`rillmail schema publish`: the events' JSON Schemas, into a schema registry."""

import click

from api.cli.output import as_json, examples, print_json, printable
from api.cli.stores import errors_for_people
from connectors.http_out.schema_registry import Refused, SchemaRegistry
from topologies.events import event_tag
from topologies.schemas import file_name, schemas
from topologies.topics import OWN_TOPICS


@click.command(
    epilog=examples(
        "rillmail schema publish http://registry:8081",
        "rillmail schema publish http://registry:8081 --check    # what is not there",
        "rillmail schema publish https://registry --user rillmail --password-file secret",
    )
)
@click.argument("url")
@click.option("--user", default="", help="For Basic authentication.")
@click.option("--password-file", type=click.File("r"), help="With the user's password; - is stdin.")
@click.option("--prefix", default="", help="Before each subject, as before the topics.")
@click.option("--check", is_flag=True, help="Change nothing; only say what is not there.")
@as_json
def publish(
    url: str,
    user: str,
    password_file: click.utils.LazyFile | None,
    prefix: str,
    check: bool,
    as_json: bool,
) -> None:
    """Put the JSON Schema of every event into the schema registry at URL.

    It speaks the API of Confluent's. A subject is called TOPIC-EVENT-vN, so that a new major
    version of an event is held against no older one. What is there already stays as it is.
    """
    password = password_file.read().strip() if password_file is not None else ""
    content = dict(schemas())
    done: dict[str, int] = {}
    missing: list[str] = []
    with errors_for_people():
        registry = SchemaRegistry(url, user=user, password=password)
        for topic in OWN_TOPICS:
            for kind in topic.events:
                name, _, version = event_tag(kind).partition("/")
                subject = f"{prefix}{topic.name}-{name}-v{version}"
                schema = content[file_name(kind)]
                try:
                    if not check:
                        done[subject] = registry.register(subject, schema)
                    elif not registry.has(subject, schema):
                        missing.append(subject)
                except Refused as error:
                    raise click.ClickException(printable(str(error))) from None
    if as_json:
        print_json({"registered": done, "missing": missing})
    elif check:
        click.echo("\n".join(f"missing {name}" for name in missing) or "All schemas are there.")
    else:
        click.echo(f"{len(done)} schemas are there")
    if missing:
        raise SystemExit(1)
