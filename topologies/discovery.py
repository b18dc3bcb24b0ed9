"""What is declared one a file: stages and checks are found in their folders by this."""

import importlib
import pkgutil
from collections.abc import Sequence
from types import ModuleType
from typing import Protocol, TypeVar

from topologies.errors import Misconfigured
from topologies.loading import loading


class Named(Protocol):
    """What a decorator left on a function."""

    @property
    def name(self) -> str:
        """Unique among its kind."""
        ...


T = TypeVar("T", bound=Named)


def declared_in(packages: Sequence[ModuleType], mark: str, kind: type[T]) -> list[T]:
    """Import every module of *packages* and return the one *kind* that each declares.

    Args:
        packages: Each module in them declares one.
        mark: The attribute that a decorator left on the function.
        kind: Of that attribute; its name in lower case is what errors call it.

    Raises:
        Misconfigured: A module can't be imported, declares none or several, or a name is taken
            twice.
    """
    word = kind.__name__.lower()
    found: dict[str, T] = {}
    for package in packages:
        for info in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            module = _imported(info.name)
            declared = [
                marked
                for value in vars(module).values()
                if isinstance(marked := getattr(value, mark, None), kind)
                and value.__module__ == info.name
            ]
            if len(declared) != 1:
                raise Misconfigured(f"{info.name}: one {word} a file, found {len(declared)}")
            [one] = declared
            if one.name in found:
                raise Misconfigured(f"{info.name}: there are two {word}s {one.name!r}")
            found[one.name] = one
    return list(found.values())


def _imported(name: str) -> ModuleType:
    with loading(name):
        return importlib.import_module(name)
