"""Make up mail, as much as is wanted: into mbox or EML files, or to a server by SMTP.

What it is like is measured (``pipelines.synthetic``). It is made in parts beside each other; the
same seed gives the same mail. A part is one file, or one folder, which has its name when it is
whole: what is there already is not made again, so a job that was cut off goes on. By SMTP a part
that was cut off is sent again from its beginning, with the same bytes.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# Beam types its transforms only in part.

import ipaddress
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Literal

import apache_beam as beam
import click
import msgspec

from pipelines.making import Generated, Wanted, made
from pipelines.running import WriteOne, options, read_one, run
from pipelines.synthetic import SCRIPTS, MailProfile, measured
from pipelines.telling import as_json, errors_for_people, examples, for_beam, print_json


@click.command(
    "generate",
    epilog=examples(
        "rillmail batch generate --mails 10000 --output made-up",
        "rillmail batch generate --mails 500 --form eml --seed 7 --output made-up",
        "rillmail batch generate --mails 1000 --form smtp --server 127.0.0.1:2525"
        " --rate 20 --to alice@demo.test",
    ),
)
@click.option("--mails", type=click.IntRange(min=1), required=True, help="How many.")
@click.option(
    "--form", type=click.Choice(["mbox", "eml", "smtp"]), default="mbox", show_default=True
)
@click.option("--output", default="", help="The folder of the files.")
@click.option("--server", default="", help="HOST:PORT on this machine, for --form smtp.")
@click.option("--to", "named", multiple=True, help="Who gets it; may be given several times.")
@click.option(
    "--people",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="Without --to: so many, person0@made-up.example and so on.",
)
@click.option("--seed", default=1, show_default=True, help="Another one makes other mail.")
@click.option(
    "--per-part",
    type=click.IntRange(min=1),
    default=1_000,
    show_default=True,
    help="Mails of one file, or of one session.",
)
@click.option(
    "--rate", type=click.FloatRange(min=0), default=0.0, help="Mails a second and worker, by SMTP."
)
@click.option(
    "--script",
    "scripts",
    multiple=True,
    metavar="NAME=SHARE",
    help="Other shares of scripts than measured, as cjk=0.3; several times. See docs/batch.md.",
)
@click.option(
    "--attached",
    type=click.FloatRange(min=0, max=1),
    help="Another share of mails with an attachment than measured.",
)
@click.option(
    "--attachment-bytes",
    type=click.IntRange(min=1, max=10 * 1024**2),
    help="Attachments of just this size, not as measured.",
)
@as_json
@for_beam
def command(
    mails: int,
    form: Literal["mbox", "eml", "smtp"],
    output: str,
    server: str,
    named: Sequence[str],
    people: int,
    seed: int,
    per_part: int,
    rate: float,
    scripts: Sequence[str],
    attached: float | None,
    attachment_bytes: int | None,
    as_json: bool,
    for_beam: Sequence[str],
) -> None:
    """Make up mail with sizes, attachments, threads and scripts as real mail has them.

    The same seed makes the same mail. Files that are there already are not made again. By SMTP
    it goes to this machine alone.
    """
    if form == "smtp" and not server:
        raise click.UsageError("--form smtp needs --server HOST:PORT")
    if form != "smtp" and not output:
        raise click.UsageError("name a folder by --output")
    host, port = _on_this_machine(server) if form == "smtp" else ("", 0)
    wanted = Wanted(
        mails=mails,
        per_part=per_part,
        seed=seed,
        profile=_profile(scripts, attached, attachment_bytes),
        recipients=tuple(named) or tuple(f"person{n}@made-up.example" for n in range(people)),
        form=form,
        output=output.rstrip("/"),
        host=host,
        port=port,
        rate=rate,
    )
    with errors_for_people(), tempfile.TemporaryDirectory() as own_folder:
        summary = f"{wanted.output or own_folder}/summary.json"
        pipeline = beam.Pipeline(options=options(for_beam))
        _ = (
            pipeline
            | "Parts" >> beam.Create(range(wanted.parts))
            | "Spread" >> beam.Reshuffle()
            | "Make" >> beam.Map(partial(made, wanted=wanted))
            | "Add up" >> beam.CombineGlobally(_added)
            | "Tell" >> WriteOne(summary)
        )
        run(pipeline, "Mails", is_quiet=as_json)
        told = read_one(summary, Generated)
    if as_json:
        print_json(told)
    else:
        where = f"to {server}" if form == "smtp" else f"in {output}"
        click.echo(f"{told.mails:,} mails of {told.bytes:,} bytes {where}")
        if told.there_already:
            click.echo(f"{told.there_already:,} of {wanted.parts:,} parts were there already")
        if told.refused:
            click.echo(f"{told.refused:,} were refused")
    if told.refused:
        raise SystemExit(1)


def _added(parts: Iterable[Generated]) -> Generated:
    total: Counter[str] = Counter()
    scripts: Counter[str] = Counter()
    names = [name for name in Generated.__struct_fields__ if name != "scripts"]
    for part in parts:
        total.update({name: getattr(part, name) for name in names})
        scripts.update(part.scripts)
    fields: dict[str, Any] = {name: total[name] for name in names}
    return Generated(**fields, scripts=dict(sorted(scripts.items())))


def _profile(
    scripts: Sequence[str], attached: float | None, attachment_bytes: int | None
) -> MailProfile:
    """Return what was measured, but for what is to be otherwise."""
    profile = measured()
    if scripts:
        shares: dict[str, float] = {}
        for each in scripts:
            name, _, share = each.partition("=")
            try:
                shares[name] = float(share)
            except ValueError:
                shares[name] = -1.0
            if name not in SCRIPTS or not 0 < shares[name] <= 1:
                known = ", ".join(SCRIPTS)
                raise click.UsageError(
                    f"{each} is not NAME=SHARE with a share up to 1 and a name of {known}"
                )
        profile = msgspec.structs.replace(profile, scripts=shares)
    if attached is not None:
        profile = msgspec.structs.replace(profile, attachments={"0": 1 - attached, "1": attached})
    if attachment_bytes is not None:
        sizes = tuple(attachment_bytes for _ in profile.attachment_bytes)
        profile = msgspec.structs.replace(profile, attachment_bytes=sizes)
    return profile


def _on_this_machine(server: str) -> tuple[str, int]:
    """Return host and port of a server here: nobody else is sent made-up mail."""
    host, _, port = server.rpartition(":")
    host = host.strip("[]")
    try:
        is_here = host == "localhost" or ipaddress.ip_address(host).is_loopback
        return (host, int(port)) if is_here else _refused(server)
    except ValueError:
        return _refused(server)


def _refused(server: str) -> tuple[str, int]:
    raise click.UsageError(f"{server} is no HOST:PORT of this machine, as 127.0.0.1:2525 is")
