"""Names in a value of JSON that its type does not have: what a decoder passes over in silence."""

from typing import Any, cast

import msgspec
from msgspec import inspect as types


def unknown_field(kind: type[msgspec.Struct], value: Any) -> str:
    """Return the pointer of the first name in *value* that *kind* does not have; empty: none."""
    return _unknown([types.type_info(kind)], value, "")


def _unknown(kinds: list[types.Type], value: Any, pointer: str) -> str:
    """Look in *value*, which is of one of *kinds*."""
    kinds = [each for kind in kinds for each in _each(kind)]
    if isinstance(value, list):
        inner = [kind.item_type for kind in kinds if isinstance(kind, _LISTS)]
        inner += [k for kind in kinds if isinstance(kind, types.TupleType) for k in kind.item_types]
        for index, item in enumerate(cast("list[Any]", value) if inner else ()):
            if found := _unknown(inner, item, f"{pointer}/{index}"):
                return found
    elif isinstance(value, dict):
        return _unknown_in_object(kinds, cast("dict[str, Any]", value), pointer)
    return ""


def _unknown_in_object(kinds: list[types.Type], value: dict[str, Any], pointer: str) -> str:
    structs = [kind for kind in kinds if isinstance(kind, types.StructType)]
    if len(structs) > 1:  # told apart by their tags
        tagged = [kind for kind in structs if value.get(kind.tag_field or "") == kind.tag]
        structs = tagged or structs
    named: dict[str, list[types.Type]] = {}
    for kind in structs:
        named |= {kind.tag_field: []} if kind.tag_field else {}
        for field in kind.fields:
            named.setdefault(field.encode_name, []).append(field.type)
    others = [kind.value_type for kind in kinds if isinstance(kind, types.DictType)]
    if not structs and not others:
        return ""  # anything may be in it
    for name, inner in value.items():
        step = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        if name not in named and not others:
            return step
        if found := _unknown(named.get(name, others), inner, step):
            return found
    return ""


def _each(kind: types.Type) -> list[types.Type]:
    if isinstance(kind, types.Metadata):
        return _each(kind.type)
    if isinstance(kind, types.UnionType):
        return [each for one in kind.types for each in _each(one)]
    return [kind]


_LISTS = (
    types.ListType,
    types.VarTupleType,
    types.SetType,
    types.FrozenSetType,
    types.CollectionType,
)
