"""YAML whose plain values stay as they are written, so that a password such as 0123 or a time such as 22:00 is not read as a number."""

from collections.abc import Callable
from typing import Final

import yaml

MAX_MERGED: Final = 10_000
"""Entries of a map with those that it merges (``<<``): each level of merges may double them."""


class YamlTextError(ValueError):
    """A text is no YAML, or has a key that is no text or occurs twice. The error never shows a value."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        """`line` counts from 1, None = not known."""
        super().__init__(problem)
        self.problem = problem
        self.line = line


class _TextLoader(yaml.SafeLoader):
    """SafeLoader that keeps numbers and booleans as they are written and refuses a key that occurs twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        keys: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:null":
                raise yaml.constructor.ConstructorError(None, None, "a key must be a text", key.start_mark)
            if key.value in keys:
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value} stands twice", key.start_mark)
            keys.add(key.value)
        return super().construct_mapping(node, deep=deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        if len(node.value) > MAX_MERGED:
            raise yaml.constructor.ConstructorError(None, None, "merges too much", node.start_mark)

    def written(self, node: yaml.ScalarNode) -> str:
        """The scalar as it is written."""
        return str(self.construct_scalar(node))


for _tag in ("bool", "int", "float", "timestamp"):
    _TextLoader.add_constructor(f"tag:yaml.org,2002:{_tag}", _TextLoader.written)


def load_texts(text: str) -> object:
    """The document in `text`: maps, lists, texts and None. Raises `YamlTextError`."""
    documents = _documents(lambda: [yaml.load(text, Loader=_TextLoader)])  # noqa: S506 - as below
    return documents[0]


def load_documents(text: str) -> list[object]:
    """Every document in `text`, parted by ``---``. Raises `YamlTextError`."""
    # A subclass of SafeLoader: no tag builds anything but maps, lists and texts.
    return _documents(lambda: list(yaml.load_all(text, Loader=_TextLoader)))


def _documents(load: Callable[[], list[object]]) -> list[object]:
    try:
        return load()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlTextError(error.problem or "cannot be read as YAML", mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        raise YamlTextError(f"cannot be read as YAML ({type(error).__name__})") from None
    except RecursionError:
        raise YamlTextError("is nested too deeply") from None
