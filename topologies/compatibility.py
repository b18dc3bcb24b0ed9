"""Whether what was written by an older release is read by this one: by their JSON Schemas.

A version of an event only grows by optional fields. So today's schema must take whatever an
older one of the same version took, and mean the same by it. Pure: schemas in, sentences out.
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

Schema = Mapping[str, Any]
# What a value must at least, or may at most be: told so by JSON Schema.
_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_SAME = ("format", "pattern", "contentEncoding")


def problems(published: Schema, today: Schema) -> list[str]:
    """Return what of *today* breaks what was *published*, each in words; none: all is well."""
    return list(dict.fromkeys(_Comparison(published, today).of(published, today, "the event")))


class _Comparison:
    """Two documents, since what they say is spread over definitions."""

    def __init__(self, published: Schema, today: Schema) -> None:
        self._published = published
        self._today = today
        self._compared: set[tuple[str, str]] = set()  # definitions refer to each other

    def of(self, old: Schema, new: Schema, where: str) -> Iterator[str]:
        """Yield what of *new* breaks *old*."""
        pair = str(old.get("$ref", "")), str(new.get("$ref", ""))
        if all(pair):
            if pair in self._compared:
                return
            self._compared.add(pair)
        if "default" in old and old.get("default") != new.get("default"):
            yield (
                f"{where}: its default was {old['default']!r}, so events without it mean that;"
                f" now it is {new.get('default')!r}"
            )
        old, new = _found(old, self._published), _found(new, self._today)
        olds, news = _alternatives(old), _alternatives(new)
        if len(olds) > 1 or len(news) > 1:
            for each in olds:
                if all(any(self._fresh(each, other, where)) for other in news):
                    yield f"{where}: it could be {_told(each)}, and can't any more"
            return
        yield from self._of_one(old, new, where)

    def _fresh(self, old: Schema, new: Schema, where: str) -> Iterator[str]:
        comparison = _Comparison(self._published, self._today)
        comparison._compared = set(self._compared)
        return comparison.of(old, new, where)

    def _of_one(self, old: Schema, new: Schema, where: str) -> Iterator[str]:
        if not _types(old) <= _types(new):
            yield f"{where}: it was of type {_told(old)}, and is {_told(new)}"
            return
        olds, news = _values(old), _values(new)
        if news is not None:
            gone = sorted(map(str, (olds or set()) - news))
            if olds is None:
                yield f"{where}: it could be anything, and now must be one of a few"
            elif gone:
                yield f"{where}: it could be {', '.join(gone)}, and can't any more"
        for name in _LEAST:
            if name in new and new[name] > old.get(name, float("-inf")):
                yield f"{where}: its {name} rose to {new[name]}"
        for name in _MOST:
            if name in new and new[name] < old.get(name, float("inf")):
                yield f"{where}: its {name} fell to {new[name]}"
        for name in _SAME:
            if name in new and new[name] != old.get(name):
                yield f"{where}: its {name} became {new[name]!r}"
        yield from self._of_array(old, new, where)
        yield from self._of_object(old, new, where)

    def _of_array(self, old: Schema, new: Schema, where: str) -> Iterator[str]:
        for name in ("items", "additionalProperties"):
            olds, news = old.get(name), new.get(name)
            if news is False and olds is not False:
                yield f"{where}: more is not allowed any more"
            elif isinstance(olds, Mapping) and isinstance(news, Mapping):
                yield from self.of(cast("Schema", olds), cast("Schema", news), f"each of {where}")
        pairs = zip(old.get("prefixItems", ()), new.get("prefixItems", ()), strict=False)
        for number, (one, other) in enumerate(pairs, start=1):
            yield from self.of(one, other, f"{where}, number {number}")

    def _of_object(self, old: Schema, new: Schema, where: str) -> Iterator[str]:
        olds, news = old.get("properties", {}), new.get("properties", {})
        for name in olds:
            if name not in news:
                yield f"`{name}` of {where} is gone: what was said by it would be lost"
            else:
                yield from self.of(olds[name], news[name], f"`{name}`")
        for name in new.get("required", ()):
            if name not in old.get("required", ()):
                why = "is new" if name not in olds else "was optional"
                yield f"`{name}` of {where} {why} and is required: older events lack it"


def _found(schema: Schema, document: Schema) -> Schema:
    """Return what *schema* refers to."""
    while (reference := schema.get("$ref")) is not None:
        schema = document["$defs"][str(reference).rpartition("/")[2]]
    return schema


def _alternatives(schema: Schema) -> tuple[Schema, ...]:
    return tuple(schema.get("anyOf", (schema,)))


def _types(schema: Schema) -> set[str]:
    told: object = schema.get("type")
    if told is None:  # constants and values tell themselves
        values = _values(schema)
        return {_type_of(each) for each in values} if values else {"anything"}
    if isinstance(told, str):
        # A whole number is a number.
        return {told, "integer"} if told == "number" else {told}
    return set(cast("list[str]", told))


def _values(schema: Schema) -> set[Any] | None:
    """Return the only values that are allowed; None: there is no such list."""
    if "const" in schema:
        return {schema["const"]}
    return set(schema["enum"]) if "enum" in schema else None


def _type_of(value: object) -> str:
    kinds: dict[type, str] = {bool: "boolean", int: "integer", float: "number"}
    return "null" if value is None else kinds.get(type(value), "string")


def _told(schema: Schema) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if (values := _values(schema)) is not None:
        return " or ".join(sorted(map(str, values)))
    return str(schema.get("type", "anything"))
