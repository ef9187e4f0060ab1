"""Lists: one page of a collection, filtered, searched, sorted and cut by the database.

A `Collection` says what may be asked of a kind of thing (formats specification, section 12.2); the
services hold one each. Nothing is filtered in Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, FromClause, Join, Row, func, select
from sqlalchemy.sql import ClauseElement, visitors
from sqlalchemy.sql.expression import ColumnClause
from sqlmodel import Session, SQLModel

from localcvat import query
from localcvat.errors import NotFoundError, ValidationError
from localcvat.store.engine import Store

T = TypeVar("T")
INVALID_PAGE = "Invalid page."
NOT_A_CHOICE = "Select a valid choice. That choice is not one of the available choices."
KEYS_EACH = 500


class Page(msgspec.Struct, Generic[T], kw_only=True):
    """One page of a list: `count` is of all pages, `page_size` None means everything."""

    count: int
    results: list[T]
    page: int = 1
    page_size: int | None = query.DEFAULT_PAGE_SIZE

    @property
    def last(self) -> int:
        """The number of the last page; an empty list has one page."""
        return 1 if self.page_size is None else max(1, -(-self.count // self.page_size))


class ListQuery(msgspec.Struct, kw_only=True):
    """The list parameters of the API.

    `where` holds plain comparisons by field name (``{"subset": "train"}``); the four common ones
    have names of their own. `filter` is a JSON Logic rule or its text; `extended` allows ``!=`` and
    ``!`` over a list of one. `org` is a slug, "" means no organization. `page` -1 is the last.
    """

    name: str | None = None
    owner: str | None = None
    assignee: str | None = None
    status: str | None = None
    where: dict[str, Any] = {}
    search: str = ""
    filter: Any = ""
    sort: str = ""
    org: str | None = None
    page: int = 1
    page_size: int | None = query.DEFAULT_PAGE_SIZE
    extended: bool = True

    @property
    def plain(self) -> dict[str, Any]:
        """All plain comparisons that were given."""
        named = {key: getattr(self, key) for key in ("name", "owner", "assignee", "status")}
        return {key: value for key, value in (named | self.where).items() if value is not None}


class Collection(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of thing that is listed: where its rows come from and what may be asked of them.

    `simple` are the fields compared plainly, `searched` those a search looks into, `choices` the
    words a plain comparison must be one of, `pointers` the ids that a plain comparison must find
    among, `kept` what every row must fulfil.
    """

    source: FromClause
    columns: Sequence[ColumnElement[Any]]
    id: ColumnElement[Any]
    fields: query.Fields
    simple: Sequence[str]
    searched: Sequence[str]
    kept: Sequence[ColumnElement[bool]] = ()
    choices: Mapping[str, Sequence[str]] = {}
    pointers: Mapping[str, ColumnElement[Any]] = {}
    organization: ColumnElement[Any] | None = None
    default_sort: str = "-id"


def columns_of(table: type[SQLModel]) -> dict[str, Column[Any]]:
    """The columns of a table class by name."""
    columns: dict[str, Column[Any]] = dict(table.__table__.columns)  # type: ignore[attr-defined]
    return columns


def conditions(collection: Collection, wanted: ListQuery) -> list[ColumnElement[bool]]:
    """The WHERE clauses of a list; raises ValidationError for values that can't be."""
    clauses = [*collection.kept, *_plain_clauses(collection, wanted.plain)]
    rule = query.parse_filter(wanted.filter) if isinstance(wanted.filter, str) else wanted.filter
    if rule is not None or (isinstance(wanted.filter, str) and wanted.filter):
        clauses.append(query.filter_clause(rule, collection.fields, extended=wanted.extended))
    searched = [collection.fields[name] for name in collection.searched]
    found = query.search_clause(wanted.search, searched)
    if found is not None:
        clauses.append(found)
    if wanted.org is not None and collection.organization is not None:
        clauses.append(_in_organization(collection.organization, wanted.org))
    return clauses


def _plain_clauses(
    collection: Collection, given: Mapping[str, Any]
) -> Iterable[ColumnElement[bool]]:
    for name in collection.simple:
        value = given.get(name)
        if value is None or value == "":
            continue
        choices = collection.choices.get(name)
        if choices is not None and value not in choices:
            raise ValidationError(
                {name: [f"Select a valid choice. {value} is not one of the available choices."]}
            )
        yield query.equal_clause(collection.fields[name], value, name)


def _in_organization(column: ColumnElement[Any], slug: str) -> ColumnElement[bool]:
    from localcvat.store.tables import OrganizationRow

    if not slug:
        return column.is_(None)
    organization = columns_of(OrganizationRow)
    return column == (
        select(organization["id"]).where(organization["slug"] == slug).scalar_subquery()
    )


def read_page(
    store: Store,
    collection: Collection,
    wanted: ListQuery,
    views: Callable[[Session, Sequence[Row[Any]]], list[T]],
) -> Page[T]:
    """A page of what `views` makes of rows; raises as `find_page`."""
    with store.read() as session:
        page, rows = find_page(session, collection, wanted)
        page.results = views(session, rows)
    return page


def find_page(
    session: Session,
    collection: Collection,
    wanted: ListQuery,
    also: Sequence[ColumnElement[bool]] = (),
) -> tuple[Page[Any], list[Row[Any]]]:
    """A page without its results, and the rows for them.

    Raises ValidationError for a bad filter, NotFoundError for a page that is not there.
    """
    connection = session.connection()
    for name, key in collection.pointers.items():
        _check_pointer(connection, name, key, wanted.plain.get(name))
    where = [*conditions(collection, wanted), *also]
    groups = _groups(connection, collection, wanted, where)
    if groups is None:
        counted = select(func.count()).select_from(_needed(collection.source, where)).where(*where)
        count = connection.execute(counted).scalar_one()
    else:
        count = sum(size for _, size in groups)
    page: Page[Any] = Page(count=count, results=[], page=wanted.page, page_size=wanted.page_size)
    if page.page == -1:
        page.page = page.last
    if not 1 <= page.page <= page.last:
        raise NotFoundError(INVALID_PAGE, detail=INVALID_PAGE)
    if groups is not None:
        return page, _rows_of(connection, collection, wanted, where, groups, page.page)
    return page, list(connection.execute(_page_statement(collection, wanted, where, page.page)))


def _sort_keys(collection: Collection, wanted: ListQuery) -> list[str]:
    keys = [key.strip() for key in wanted.sort.split(",")]
    return [key for key in keys if key.removeprefix("-") in collection.fields]


def _groups(
    connection: Connection,
    collection: Collection,
    wanted: ListQuery,
    where: Sequence[ColumnElement[bool]],
) -> list[tuple[Any, int]] | None:
    """For a list sorted by an owner or assignee first: their ids in that order, and how many rows.

    Few users own many rows: an index counts them and gives each one's rows in order, where sorting
    would read all of them. None for any other list.
    """
    keys = _sort_keys(collection, wanted)
    field = collection.fields[keys[0].removeprefix("-")] if keys else None
    if field is None or field.reference is None:
        return None
    pointer = field.reference.column
    counted = select(pointer, func.count()).select_from(_needed(collection.source, where))
    found = connection.execute(counted.where(*where).group_by(pointer))
    sizes: dict[Any, int] = {row[0]: row[1] for row in found}
    names: dict[Any, Any] = {}
    for batch in batches([key for key in sizes if key is not None]):
        chosen = select(field.reference.key, field.reference.value)
        named = connection.execute(chosen.where(field.reference.key.in_(batch)))
        names.update((row[0], row[1]) for row in named)
    ordered = sorted(sizes, key=lambda key: (key is None, names.get(key, "")))
    return [(key, sizes[key]) for key in (ordered[::-1] if keys[0].startswith("-") else ordered)]


def _rows_of(
    connection: Connection,
    collection: Collection,
    wanted: ListQuery,
    where: Sequence[ColumnElement[bool]],
    groups: Sequence[tuple[Any, int]],
    number: int,
) -> list[Row[Any]]:
    """The rows of a page, group by group."""
    first, *others = _sort_keys(collection, wanted)
    reference = collection.fields[first.removeprefix("-")].reference
    pointer: ColumnElement[Any] = reference.column if reference else collection.id
    rest = ",".join(others) or ("-id" if first.startswith("-") else "id")
    order = query.order_by(rest, collection.fields, collection.id)
    chosen = select(*collection.columns).select_from(collection.source).order_by(*order)
    left = sum(size for _, size in groups)
    skipped = 0
    if wanted.page_size is not None:
        skipped, left = (number - 1) * wanted.page_size, wanted.page_size
    rows: list[Row[Any]] = []
    for key, size in groups:
        if skipped >= size:
            skipped -= size
            continue
        if not left:
            break
        mine = pointer.is_(None) if key is None else pointer == key
        taken = min(left, size - skipped)
        rows += connection.execute(chosen.where(*where, mine).limit(taken).offset(skipped))
        skipped, left = 0, left - taken
    return rows


def _needed(source: FromClause, clauses: Sequence[ClauseElement]) -> FromClause:
    """`source` without the outer joins no clause asks for: they change no count, and cost one."""
    if not isinstance(source, Join):
        return source
    asked = {
        element.table
        for clause in clauses
        for element in visitors.iterate(clause)
        if isinstance(element, ColumnClause)
    }
    if source.isouter and source.right not in asked:
        return _needed(source.left, clauses)
    onclause = source.onclause
    left = _needed(source.left, [*clauses, *([] if onclause is None else [onclause])])
    return left.join(source.right, onclause, isouter=source.isouter)


def _check_pointer(connection: Connection, name: str, key: ColumnElement[Any], value: Any) -> None:
    if value is None or value == "":
        return
    text = str(value)
    number = int(text) if text.isdecimal() and len(text) < 19 else -1
    if connection.execute(select(key).where(key == number)).first() is None:
        raise ValidationError({name: [NOT_A_CHOICE]})


def _page_statement(
    collection: Collection, wanted: ListQuery, where: Sequence[ColumnElement[bool]], number: int
) -> Any:
    order = query.order_by(wanted.sort, collection.fields, collection.id, collection.default_sort)
    rows = select(*collection.columns).select_from(collection.source).where(*where)
    rows = rows.order_by(*order)
    if wanted.page_size is not None:
        # A page larger than the list is the list: no size is too large for SQLite.
        size = min(wanted.page_size, query.LARGEST_PAGE)
        rows = rows.limit(size).offset((number - 1) * size)
    return rows


def read_one(
    store: Store,
    collection: Collection,
    row_id: int,
    views: Callable[[Session, Sequence[Row[Any]]], list[T]],
    noun: str,
) -> T:
    """What `views` makes of the row with this id; raises NotFoundError with the noun."""
    with store.read() as session:
        row = find_row(session, collection, row_id)
        if row is None:
            raise NotFoundError(f"no {noun} #{row_id}", hint=f"see `localcvat {noun} ls`")
        return views(session, [row])[0]


def find_row(session: Session, collection: Collection, row_id: int | str) -> Row[Any] | None:
    """The row with this id, None when there is none."""
    chosen = select(*collection.columns).select_from(collection.source)
    return (
        session.connection()
        .execute(chosen.where(*collection.kept, collection.id == row_id))
        .one_or_none()
    )


def batches(keys: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """`keys` in pieces that fit into one IN list."""
    for start in range(0, len(keys), KEYS_EACH):
        yield keys[start : start + KEYS_EACH]
