"""The assignment of least total cost between two sets (the Hungarian problem).

Shortest augmenting paths after Crouse, "On implementing 2D rectangular assignment algorithms"
(2016), which scipy uses as well: equal costs are settled alike.
"""

from __future__ import annotations

from collections.abc import Sequence


def assign(costs: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """Pairs (row, column) by row; every row or every column has one, whichever are fewer."""
    if not costs or not costs[0]:
        return []
    if len(costs) > len(costs[0]):
        turned = [list(column) for column in zip(*costs, strict=True)]
        return sorted((row, column) for column, row in assign(turned))
    return _Assignment(costs).pairs()


class _Assignment:
    """Rows are assigned one after the other; there are no more rows than columns."""

    def __init__(self, costs: Sequence[Sequence[float]]) -> None:
        self._costs = costs
        self._rows, self._columns = len(costs), len(costs[0])
        self._row_prices = [0.0] * self._rows
        self._column_prices = [0.0] * self._columns
        self._column_of = [-1] * self._rows
        self._row_of = [-1] * self._columns

    def pairs(self) -> list[tuple[int, int]]:
        for row in range(self._rows):
            self._augment(row)
        return list(enumerate(self._column_of))

    def _augment(self, start: int) -> None:
        """Find the cheapest path from `start` to a free column and shift assignments along it."""
        shortest = [float("inf")] * self._columns
        path = [-1] * self._columns
        # Backwards, so that among equal columns the first wins, as in scipy.
        remaining = list(range(self._columns - 1, -1, -1))
        seen_rows: list[int] = []
        seen_columns: list[int] = []
        walked, row, sink = 0.0, start, -1
        while sink < 0:
            seen_rows.append(row)
            lowest, chosen = float("inf"), -1
            for position, column in enumerate(remaining):
                reduced = (
                    walked
                    + self._costs[row][column]
                    - self._row_prices[row]
                    - self._column_prices[column]
                )
                if reduced < shortest[column]:
                    path[column], shortest[column] = row, reduced
                free = self._row_of[column] < 0
                if shortest[column] < lowest or (shortest[column] == lowest and free):
                    lowest, chosen = shortest[column], position
            walked = lowest
            column = remaining[chosen]
            seen_columns.append(column)
            remaining[chosen] = remaining[-1]
            remaining.pop()
            if self._row_of[column] < 0:
                sink = column
            else:
                row = self._row_of[column]
        self._reprice(start, walked, seen_rows, seen_columns, shortest)
        self._shift(start, sink, path)

    def _reprice(
        self,
        start: int,
        walked: float,
        seen_rows: list[int],
        seen_columns: list[int],
        shortest: list[float],
    ) -> None:
        self._row_prices[start] += walked
        for row in seen_rows:
            if row != start:
                self._row_prices[row] += walked - shortest[self._column_of[row]]
        for column in seen_columns:
            self._column_prices[column] -= walked - shortest[column]

    def _shift(self, start: int, sink: int, path: list[int]) -> None:
        column = sink
        while True:
            row = path[column]
            self._row_of[column] = row
            column, self._column_of[row] = self._column_of[row], column
            if row == start:
                return
