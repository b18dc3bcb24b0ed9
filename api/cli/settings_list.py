"""`rillmail settings`: everything that can be set, and what it means."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import click
import msgspec.inspect as kinds

from api.cli.output import as_json, examples, print_json, print_table
from connectors.settings import PREFIX, Settings, load, shown
from topologies.errors import Misconfigured

SETTINGS_PAGE = (
    "`rillmail settings` prints this list with the values in force, and `rillmail settings"
    " --markdown` this page. A value comes from the environment, else from the TOML file that"
    " `RILLMAIL_CONFIG` names (`http_port = 8025`), else it is the default."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting, as told to people."""

    name: str  # in the TOML file
    env: str
    type: str
    default: Any
    value: Any  # in force here, secrets hidden; the default where the settings can't be read
    meaning: str


@click.command(
    epilog=examples("rillmail settings", "RILLMAIL_HTTP_PORT=0 rillmail settings --json")
)
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the page docs/settings.md.")
@as_json
def settings(as_json: bool, as_markdown: bool) -> None:
    """List all settings: environment variable, type, value in force, meaning.

    A value comes from the environment, else from the TOML file that RILLMAIL_CONFIG names
    (http_port = 8025), else it is the default.
    """
    problem: Misconfigured | None = None
    try:
        current = load()
    except Misconfigured as error:  # whoever mistyped a name needs the list the most
        current, problem = Settings(), error
    listed = described(current)
    if as_markdown:
        click.echo(as_page(listed))
    elif as_json:
        print_json(listed)
    else:
        print_table(
            ["SETTING", "TYPE", "VALUE", "MEANING"],
            [[s.env, s.type, _value(s), s.meaning] for s in listed],
            "",
        )
    if problem:
        raise click.ClickException(f"{problem} (the values above are the defaults)")


def described(current: Settings) -> list[Setting]:
    """Return all settings with the values that *current* gives them."""
    info = cast("kinds.StructType", kinds.type_info(Settings))
    return [
        Setting(
            name=field.name,
            env=PREFIX + field.name.upper(),
            type=_kind(field.type),
            default=field.default,
            value=shown(field.name, getattr(current, field.name)),
            meaning=_meaning(field.type),
        )
        for field in info.fields
    ]


def as_page(listed: Sequence[Setting]) -> str:
    """Return the reference of all settings in Markdown, with their defaults."""
    rows = [f"| `{s.env}` | {_cell(s.type)} | {_code(s.default)} | {s.meaning} |" for s in listed]
    return "\n".join(
        [
            "# Settings",
            "",
            SETTINGS_PAGE,
            "",
            "| setting | type | default | means |",
            "| --- | --- | --- | --- |",
            *rows,
        ]
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")  # a bar would end the cell


def _code(default: Any) -> str:
    text = _text(default)
    return f"`{text}`" if text else ""


def _meaning(kind: kinds.Type) -> str:
    schema = cast("dict[str, Any]", getattr(kind, "extra_json_schema", None) or {})
    return str(schema.get("description", ""))


def _kind(kind: kinds.Type) -> str:
    match kind:
        case kinds.Metadata():
            return _kind(kind.type)
        case kinds.LiteralType():
            return " | ".join(str(value) for value in kind.values)
        case kinds.BoolType():
            return "true | false"
        case kinds.VarTupleType():
            return "list, with commas"
        case kinds.IntType():
            return f"integer{_limits(kind.ge, kind.le)}"
        case kinds.FloatType():
            return f"number{_limits(kind.ge, kind.le, kind.gt)}"
        case _:
            return "text"


def _limits(least: float | None, most: float | None, above: float | None = None) -> str:
    if above is not None:
        return f" > {above:g}"
    if least is None:
        return ""
    return f" {least:g} … {most:g}" if most is not None else f" ≥ {least:g}"


def _value(setting: Setting) -> str:
    if setting.value == setting.default:
        return _text(setting.value)
    return f"{_text(setting.value)} (default: {_text(setting.default) or 'empty'})"


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(cast("tuple[str, ...]", value))
    return str(value).lower() if isinstance(value, bool) else str(value)
