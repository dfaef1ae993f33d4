"""Filters: SQLite itself is the oracle for what an expression admits."""

import contextlib
import sqlite3

import numpy as np
import pytest
import sqlglot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eyebright.core.errors import QueryError
from eyebright.core.types import Records, Space
from eyebright.store import EmbeddedStore, ExactStore
from eyebright.store._columns import Column, evaluate
from eyebright.store._where_rows import admits, like
from eyebright.store.where import parse

COLUMNS = {"name": "text", "order": "text", "count": "integer", "price": "real", "new": "boolean"}
TEXTS = st.text(alphabet="aAbB%_éÉ'\n ", max_size=4)
INTEGERS = st.integers(-3, 3) | st.sampled_from([2**63 - 1, -(2**63), 2**53 + 1])
REALS = st.sampled_from([-1.5, -1.0, 0.0, 0.5, 1.0, 2.5, 1e300])
VALUES = {"text": TEXTS, "integer": INTEGERS, "real": REALS, "boolean": st.booleans()}
ROWS = st.lists(
    st.fixed_dictionaries({name: st.none() | VALUES[kind] for name, kind in COLUMNS.items()}), min_size=1, max_size=12
)


def quoted(name):
    return f'"{name}"'


def literal(value):
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)


@st.composite
def comparisons(draw):
    name = draw(st.sampled_from(sorted(COLUMNS)))
    kind = COLUMNS[name]
    values = (
        VALUES[kind]
        if kind not in ("integer", "real")
        else st.integers(-3, 3) | REALS | INTEGERS.filter(lambda n: kind == "integer" or abs(n) < 2**50)
    )
    one = st.none() | values
    column = quoted(name)
    form = draw(st.sampled_from(["compare", "mirror", "in", "like", "between", "null", "bare"]))
    no = draw(st.sampled_from(["", "NOT "]))
    if form == "compare":
        return f"{column} {draw(st.sampled_from(['=', '<>', '!=', '<', '<=', '>', '>=']))} {literal(draw(one))}"
    if form == "mirror":
        return f"{literal(draw(one))} {draw(st.sampled_from(['=', '<>', '<', '<=', '>', '>=']))} {column}"
    if form == "in":
        return f"{column} {no}IN ({', '.join(literal(value) for value in draw(st.lists(one, max_size=3)))})"
    if form == "like":
        return f"{quoted(draw(st.sampled_from(['name', 'order'])))} {no}LIKE {literal(draw(TEXTS))}"
    if form == "between":
        return f"{column} {no}BETWEEN {literal(draw(one))} AND {literal(draw(one))}"
    if form == "null":
        return f"{column} IS {no}NULL"
    return draw(st.sampled_from(['"new"', "TRUE", "FALSE"]))


EXPRESSIONS = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        inner.map(lambda a: f"NOT ({a})"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]}) AND ({p[1]})"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]}) OR ({p[1]})"),
    ),
    max_leaves=5,
)


def by_sqlite(expression, rows):
    db = sqlite3.connect(":memory:")
    # without declared types there is no conversion, as with the literals' own types here
    db.execute(f"CREATE TABLE t ({', '.join(quoted(name) for name in COLUMNS)})")
    db.executemany(
        f"INSERT INTO t VALUES ({', '.join('?' * len(COLUMNS))})", [[row[c] for c in COLUMNS] for row in rows]
    )
    rendered = sqlglot.parse_one(expression, dialect="sqlite").sql(dialect="sqlite")
    return [
        None if value is None else bool(value) for (value,) in db.execute(f"SELECT {rendered} FROM t ORDER BY rowid")
    ]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EXPRESSIONS, ROWS)
def test_both_evaluations_agree_with_sqlite(expression, rows):
    condition = parse(expression, COLUMNS)
    expected = by_sqlite(expression, rows)
    assert [admits(condition, row) for row in rows] == expected
    columns = {name: Column(kind) for name, kind in COLUMNS.items()}
    for name, column in columns.items():
        column.extend([row[name] for row in rows])
    true, false = evaluate(condition, columns, len(rows))
    assert [True if t else False if f else None for t, f in zip(true, false, strict=True)] == expected


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="abAB%_é.*", max_size=7), st.text(alphabet="abABé.*\n", max_size=9))
def test_like_agrees_with_sqlite(pattern, text):
    (expected,) = sqlite3.connect(":memory:").execute("SELECT ? LIKE ?", (text, pattern)).fetchone()
    assert like(pattern)(text) == bool(expected)


def test_like_is_not_slowed_by_many_wildcards():
    assert not like("%a" * 40 + "%b")("a" * 20_000)


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("prise < 3", ["'prise'", "did you mean 'price'", "⟦prise⟧ < 3", "character 1"]),
        ("name = Arla", ["⟦Arla⟧", "single quotes"]),
        ("name = 3", ["'name' is text", "3 is integer", "⟦3⟧"]),
        ("count = 'x'", ["'count' is integer", "'x' is text"]),
        ("new = 1", ["boolean"]),
        ("count like 'a'", ["LIKE needs a text column"]),
        ("lower(name) = 'a'", ["functions", "⟦lower⟧"]),
        ("count + 1 > 3", ["'+'", "⟦+⟧"]),
        ("count = 1; drop table records", ["semicolon", "character 10"]),
        ("count = 1 -- so", ["comments"]),
        ("count /* x */ = 1", ["comments"]),
        ("count in (select 1)", ["not allowed", "⟦select⟧"]),
        ("exists (select 1)", ["not allowed"]),
        ("name || 'a' = 'b'", ["not allowed"]),
        ("count = price", ["only be compared with a literal"]),
        ("1 = 1", ["expected a column"]),
        ("count", ["not a condition"]),
        ("count <", ["incomplete"]),
        ("(count < 1", ["incomplete"]),
        ("count < 1)", ["where:"]),
        ("count < 1 and", ["where:"]),
        ("count 1", ["where:"]),
        ("name = 'open", ["quote"]),
        ("count is true", ["IS may only"]),
        ("count < 1 < 2", ["where:"]),
        ("cast(count as text) = '1'", ["functions"]),
        ("case when new then 1 end", ["not allowed"]),
        ("name glob 'a*'", ["not allowed"]),
        ("name like 'a' escape 'b'", ["not allowed"]),
        ("name collate nocase = 'a'", ["not allowed"]),
        ("t.count = 1", ["not allowed"]),
        ("count = ?", ["not allowed"]),
        ("count = :x", ["not allowed"]),
        ("*", ["not allowed"]),
        ("count = - 'x'", ["minus"]),
        ("", ["expected an expression"]),
        ("   ", ["expected an expression"]),
        ("-- only", ["where:"]),
        ("(" * 3000 + "new" + ")" * 3000, ["too deeply nested"]),
    ],
)
def test_everything_else_is_one_clear_line_that_shows_the_place(expression, says):
    with pytest.raises(QueryError) as caught:
        parse(expression, COLUMNS)
    message = str(caught.value)
    assert "\n" not in message
    for part in says:
        assert part in message, message


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab\"'()<>=!,.;-+*/%_ 01\nnotinlikeselectandor", max_size=25))
def test_no_text_ends_in_another_error(text):
    with contextlib.suppress(QueryError):
        admits(parse(text, COLUMNS), dict.fromkeys(COLUMNS))


def test_names_need_no_quotes_when_they_are_words_even_sqls_own():
    columns = {"order": "text", "date": "text", "Group": "integer", "with space": "real", "desc": "boolean"}
    for expression in (
        "order = 'a'",
        "date like 'a%'",
        "GROUP > 3",
        '"with space" < 2',
        "desc",
        "not desc and Date is null",
    ):
        parse(expression, columns)


def test_many_terms_are_no_trouble():
    terms = " or ".join(f"count = {at}" for at in range(3000))
    condition = parse(f"({terms}) and count in ({', '.join(map(str, range(5000)))})", COLUMNS)
    assert admits(condition, {"count": 2999})
    assert not admits(condition, {"count": 3000})


@pytest.mark.parametrize("kind", ["exact", "embedded"])
def test_an_integer_column_that_becomes_real_is_filtered_as_such(tmp_path, kind):
    space = Space("m", "1", 2)
    store = ExactStore(space) if kind == "exact" else EmbeddedStore.open(tmp_path, space)
    with store:
        store.add(Records.of(["a", "b"], np.ones((2, 2)), [{"n": 1}, {"n": 3}]))
        assert store.ids(where="n > 2") == ["b"]
        store.add(Records.of(["c"], np.ones((1, 2)), [{"n": 2.5}]))
        assert store.columns() == {"n": "real"}
        assert store.ids(where="n > 2") == ["b", "c"]
        assert store.ids(where="n = 2.5") == ["c"]
