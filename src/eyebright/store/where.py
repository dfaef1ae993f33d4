"""Filters over metadata: a SQL boolean expression becomes a small tree, checked once against the columns.

Allowed are columns, literals (numbers, strings, TRUE, FALSE, NULL), ``= <> < <= > >=``, ``IN (...)``, ``LIKE``,
``BETWEEN``, ``IS NULL``, ``AND``, ``OR``, ``NOT`` and parentheses. Everything else is a `QueryError` that shows where.
Truth has three values as in SQL: a comparison with NULL is unknown, and only what is true is admitted.
LIKE ignores the case of ASCII letters, as SQLite does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlglot
from sqlglot import exp, tokens

from eyebright.core.errors import QueryError
from eyebright.core.types import MetadataValue
from eyebright.store._checks import INT64_MAX, column_type, unknown_column


@dataclasses.dataclass(frozen=True, slots=True)
class Constant:
    """TRUE or FALSE."""

    value: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Compare:
    """`column operator value`; the operator is one of `= <> < <= > >=`. A value of None makes it unknown."""

    column: str
    operator: str
    value: MetadataValue


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """`column IN values`."""

    column: str
    values: tuple[MetadataValue, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Like:
    """`column LIKE pattern`; a pattern of None makes it unknown."""

    column: str
    pattern: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class IsNull:
    """`column IS NULL`."""

    column: str


@dataclasses.dataclass(frozen=True, slots=True)
class Not:
    """`NOT part`."""

    part: Condition


@dataclasses.dataclass(frozen=True, slots=True)
class And:
    """All parts."""

    parts: tuple[Condition, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Or:
    """Any part."""

    parts: tuple[Condition, ...]


Condition = Constant | Compare | Member | Like | IsNull | Not | And | Or

# sqlglot's types of trees and tokens changed their names and homes over its versions
Node = Any
_Type: Any = tokens.TokenType  # type: ignore[attr-defined]  # compiled, without stubs
_Token: Any = tokens.Token  # type: ignore[attr-defined]  # compiled, without stubs

_COMPARISONS: dict[type[Any], str] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
}  # fmt: skip
_MIRRORED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_ALLOWED = {
    _Type.VAR, _Type.IDENTIFIER, _Type.STRING, _Type.NUMBER, _Type.TRUE, _Type.FALSE,
    _Type.NULL, _Type.EQ, _Type.NEQ, _Type.LT, _Type.LTE, _Type.GT, _Type.GTE,
    _Type.IN, _Type.NOT, _Type.LIKE, _Type.BETWEEN, _Type.IS, _Type.AND, _Type.OR,
    _Type.L_PAREN, _Type.R_PAREN, _Type.COMMA, _Type.DASH,
}  # fmt: skip
_PARTS = {"this", "expression", "expressions", "low", "high", "negate"}
_GRAMMAR = "only columns, literals, comparisons, IN, LIKE, BETWEEN, IS NULL, AND, OR, NOT and parentheses may be used"


def parse(text: str, columns: Mapping[str, str]) -> Condition:
    """Return the tree of `text`.

    Args:
        text: the expression; names that are not plain words stand in double quotes, text in single quotes.
        columns: type by column name: `text`, `integer`, `real` or `boolean`.

    Raises:
        QueryError: not such an expression, an unknown column, or a literal of another type than its column.
    """
    return _Parser(text, columns).parse()


class _Parser:
    def __init__(self, text: str, columns: Mapping[str, str]) -> None:
        self.text = text
        self.columns = columns

    def parse(self) -> Condition:
        if not isinstance(self.text, str) or not self.text.strip():
            raise QueryError(f'where: expected an expression such as "price < 20", got {self.text!r}')
        dialect = sqlglot.Dialect.get_or_raise("sqlite")
        try:
            trees = dialect.parser().parse(self._screen(dialect.tokenize(self.text)), self.text)
            if len(trees) != 1 or trees[0] is None:
                raise self.wrong("expected one expression", None)
            return self.condition(trees[0])
        except sqlglot.errors.ParseError as error:
            detail: dict[str, Any] = error.errors[0] if error.errors else {}
            start = len(detail.get("start_context") or "") if "highlight" in detail else None
            column = detail.get("col")
            if column is not None and "\n" not in self.text:
                start = max(0, column - len(detail.get("highlight") or " "))
            end = None if start is None else start + max(1, len(detail.get("highlight") or " ")) - 1
            what = str(detail.get("description") or "cannot be read").split(" for <class")[0]
            place = None if start is None or end is None else (start, end)
            raise self.wrong(f"incomplete or misplaced here ({what})", place) from error
        except sqlglot.errors.SqlglotError as error:
            unclosed = " (is a quote left open?)" if self.text.count("'") % 2 or self.text.count('"') % 2 else ""
            raise QueryError(f"where: cannot be read{unclosed}: {self._shown()}") from error
        except RecursionError as error:
            raise QueryError(f"where: too deeply nested: {self._shown()[:200]}") from error

    def _screen(self, found: Sequence[Any]) -> list[Any]:
        """Refuse every token outside the grammar where it stands; a keyword that is a column's name is that column."""
        if not found:
            raise self.wrong("expected an expression, got only a comment", None)
        out: list[Any] = []
        for at, token in enumerate(found):
            place = (token.start, token.end)
            if token.comments:
                raise self.wrong("comments are not allowed", place)
            opens = at + 1 < len(found) and found[at + 1].token_type == _Type.L_PAREN
            word = token.text.replace("_", "a").isalnum()
            if token.token_type not in _ALLOWED:
                if word and not opens and self._find(token.text) is not None:
                    token = _Token(_Type.VAR, token.text, token.line, token.col, token.start, token.end)
                elif token.token_type == _Type.SEMICOLON:
                    raise self.wrong("a semicolon is not allowed: give one expression", place)
                elif word and opens:
                    raise self.wrong(f"functions and subqueries are not allowed; {_GRAMMAR}", place)
                elif word and not self._reserved(token):
                    raise self.wrong(unknown_column(token.text, self.columns), place)
                else:
                    raise self.wrong(f"{token.text!r} is not allowed; {_GRAMMAR}", place)
            elif token.token_type in (_Type.VAR, _Type.IDENTIFIER) and opens:
                raise self.wrong(f"functions are not allowed; {_GRAMMAR}", place)
            out.append(token)
        return out

    @staticmethod
    def _reserved(token: Any) -> bool:
        return token.token_type.name in {
            "SELECT", "CASE", "WHEN", "THEN", "ELSE", "END", "FROM", "WHERE", "EXISTS", "ESCAPE", "COLLATE", "GLOB",
            "RLIKE", "MATCH", "UNION", "ORDER_BY", "GROUP_BY", "LIMIT", "ILIKE", "SIMILAR_TO", "DISTINCT", "XOR", "DIV",
        }  # fmt: skip

    def condition(self, node: Node) -> Condition:
        # sqlglot says in such flags what it understood beyond our grammar, and NOT LIKE in some of its versions
        if any(value for name, value in node.args.items() if name not in _PARTS) and not isinstance(node, exp.Column):
            raise self.wrong(_GRAMMAR, self.place(node))
        if node.args.get("negate"):
            positive = node.copy()
            positive.set("negate", None)
            return Not(self.condition(positive))
        if isinstance(node, exp.Paren):
            return self.condition(node.this)
        if isinstance(node, exp.And | exp.Or):
            parts = tuple(self.condition(part) for part in node.flatten())
            return And(parts) if isinstance(node, exp.And) else Or(parts)
        if isinstance(node, exp.Not):
            return Not(self.condition(node.this))
        if isinstance(node, exp.Boolean):
            return Constant(bool(node.this))
        if type(node) in _COMPARISONS:
            return self._comparison(node, _COMPARISONS[type(node)])
        if isinstance(node, exp.In):
            column = self.column(node.this)
            return Member(column, tuple(self.literal(one, column) for one in node.expressions))
        if isinstance(node, exp.Like):
            column = self.column(node.this)
            if self.columns[column] != "text":
                raise self.wrong(
                    f"LIKE needs a text column, {column!r} is {self.columns[column]}", self.place(node.this)
                )
            pattern = self.literal(node.expression, column)
            return Like(column, None if pattern is None else str(pattern))
        if isinstance(node, exp.Between):
            column = self.column(node.this)
            low, high = (self.literal(node.args[side], column) for side in ("low", "high"))
            return And((Compare(column, ">=", low), Compare(column, "<=", high)))
        if isinstance(node, exp.Is):
            if not isinstance(node.expression, exp.Null):
                raise self.wrong(
                    "IS may only be followed by NULL or NOT NULL", self.place(node.expression) or self.place(node)
                )
            return IsNull(self.column(node.this))
        if isinstance(node, exp.Column):
            column = self.column(node)
            if self.columns[column] != "boolean":
                raise self.wrong(
                    f"{column!r} is {self.columns[column]}, not a condition: compare it with something",
                    self.place(node),
                )
            return Compare(column, "=", True)
        raise self.wrong(f"not a condition; {_GRAMMAR}", self.place(node))

    def _comparison(self, node: Node, operator: str) -> Condition:
        left, right = node.this.unnest(), node.expression.unnest()
        if isinstance(left, exp.Column) and isinstance(right, exp.Column):
            for side in (left, right):
                self.column(side)
            raise self.wrong("a column can only be compared with a literal", self.place(right))
        if isinstance(right, exp.Column):
            left, right, operator = right, left, _MIRRORED[operator]
        column = self.column(left)
        return Compare(column, operator, self.literal(right, column))

    def column(self, node: Node) -> str:
        node = node.unnest()
        if not isinstance(node, exp.Column) or not isinstance(node.this, exp.Identifier) or node.args.get("table"):
            raise self.wrong(f"expected a column's name; {_GRAMMAR}", self.place(node))
        found = self._find(node.name)
        if found is None:
            hint = f" (text goes into single quotes: '{node.name}')" if self._is_operand(node) else ""
            raise self.wrong(unknown_column(node.name, self.columns) + hint, self.place(node))
        return found

    def literal(self, node: Node, column: str) -> MetadataValue:
        value = self._value(node.unnest())
        if value is None:
            return None
        wanted, got = self.columns[column], column_type(value)
        numbers = {"integer", "real"}
        if wanted != got and not (wanted in numbers and got in numbers):
            raise self.wrong(f"column {column!r} is {wanted}, {value!r} is {got}", self.place(node))
        return value

    def _value(self, node: Node) -> MetadataValue:
        if isinstance(node, exp.Null):
            return None
        if isinstance(node, exp.Boolean):
            return bool(node.this)
        if isinstance(node, exp.Neg):
            inner = self._value(node.this.unnest())
            if isinstance(inner, bool) or not isinstance(inner, int | float):
                raise self.wrong("a minus sign needs a number behind it", self.place(node))
            return -inner
        if isinstance(node, exp.Literal):
            return str(node.this) if node.is_string else self._number(str(node.this), node)
        if isinstance(node, exp.Column):
            self.column(node)
            raise self.wrong("a column can only be compared with a literal", self.place(node))
        raise self.wrong(f"expected a number, 'text', TRUE, FALSE or NULL; {_GRAMMAR}", self.place(node))

    def _number(self, text: str, node: Node) -> int | float:
        make: Callable[[str], int | float]
        for make in (int, float):
            try:
                number = make(text)
            except ValueError:
                continue
            # SQL has no integers beyond 64 bits; they become reals there, and so they do here
            return float(number) if isinstance(number, int) and number > INT64_MAX else number
        raise self.wrong(f"{text!r} is not a number", self.place(node))

    def _find(self, name: str) -> str | None:
        if name in self.columns:
            return name
        same = [one for one in self.columns if one.lower() == name.lower()]
        return same[0] if len(same) == 1 else None

    @staticmethod
    def _is_operand(node: Node) -> bool:
        operators = (*_COMPARISONS, exp.In, exp.Like)
        return isinstance(node.parent, operators) and node.arg_key in ("expression", "expressions")

    @staticmethod
    def place(node: Node) -> tuple[int, int] | None:
        """Return first and last character of what sqlglot knows the position of inside `node`."""
        spans = [(inner.meta["start"], inner.meta["end"]) for inner in node.walk() if "start" in inner.meta]
        if not spans:
            return None
        return min(start for start, _ in spans), max(end for _, end in spans)

    def wrong(self, what: str, place: tuple[int, int] | None) -> QueryError:
        if place is None:
            return QueryError(f"where: {what}: {self._shown()}")
        start, end = place
        return QueryError(f"where: {what}, at character {start + 1}: {self._shown((start, end + 1))}")

    def _shown(self, place: tuple[int, int] | None = None) -> str:
        text = self.text
        if place is not None:
            start, end = place
            text = f"{text[:start]}⟦{text[start:end]}⟧{text[end:]}"
        return " ".join(text.split())
