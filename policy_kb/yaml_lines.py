"""YAML loading that remembers where each mapping stands, so that a mistake in a data file is reported with file and line."""

from pathlib import Path
from typing import Any

import yaml

LINE = "__line__"


class DataError(Exception):
    """A mistake in a data file. `str()` is one Chinese line naming file and line."""

    def __init__(self, path: Path | str, line: int, message: str) -> None:
        self.path, self.line, self.message = str(path), line, message
        super().__init__(f"{path}:{line}: {message}")


def read_text(path: Path) -> str:
    """The file's text. Raises DataError when it is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataError(path, 1, "文件不是 UTF-8 编码,请另存为 UTF-8") from error


class _LineLoader(yaml.CSafeLoader):
    pass


def _mapping_with_line(loader: _LineLoader, node: yaml.MappingNode) -> dict[str, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise yaml.MarkedYAMLError(problem=f"键“{key}”重复", problem_mark=key_node.start_mark)
        seen.add(key)
    mapping: dict[str, Any] = dict(loader.construct_mapping(node, deep=True))  # type: ignore[arg-type]
    mapping[LINE] = node.start_mark.line + 1
    return mapping


_LineLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping_with_line)


def load_yaml(path: Path, text: str | None = None, first_line: int = 1) -> dict[str, Any]:
    """The mapping in `path` (or in `text`, which starts at `first_line` of it). Every mapping carries its line under LINE.

    Raises DataError on broken YAML, duplicate keys, or a top level that is not a mapping.
    """
    try:
        data = yaml.load(text if text is not None else read_text(path), Loader=_LineLoader)  # noqa: S506
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line if error.problem_mark else 0
        raise DataError(path, first_line + line, f"YAML 格式错误:{error.problem}") from error
    if not isinstance(data, dict):
        raise DataError(path, first_line, "文件最外层应是键值对")
    return _shift(data, first_line - 1) if first_line > 1 else data


def _shift(value: Any, by: int) -> Any:
    if isinstance(value, dict):
        return {k: (v + by if k == LINE else _shift(v, by)) for k, v in value.items()}
    if isinstance(value, list):
        return [_shift(v, by) for v in value]
    return value


def take(
    mapping: dict[str, Any], path: Path, required: dict[str, type | tuple[type, ...]], optional: dict[str, Any]
) -> dict[str, Any]:
    """`mapping` checked against its schema: every required key with its type, no unknown key, defaults for optional ones."""
    if not isinstance(mapping, dict):
        raise DataError(path, 1, f"这里应是键值对,现在是:{str(mapping)[:40]}")
    line = int(mapping.get(LINE, 1))
    unknown = set(mapping) - set(required) - set(optional) - {LINE}
    if unknown:
        raise DataError(path, line, f"不认识的键:{'、'.join(sorted(map(str, unknown)))}")
    for key, kind in required.items():
        if key not in mapping:
            raise DataError(path, line, f"缺少键“{key}”")
        if not isinstance(mapping[key], kind):
            raise DataError(path, line, f"键“{key}”的类型不对:{mapping[key]!r}")
    return {**optional, **{k: v for k, v in mapping.items() if k != LINE}}
