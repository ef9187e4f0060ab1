"""The assignment of least total cost between two sets (the Hungarian problem).

Shortest augmenting paths after Crouse, "On implementing 2D rectangular assignment algorithms"
(2016), which scipy uses as well: equal costs are settled alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Costs = NDArray[np.float64]


def assign(costs: Costs) -> list[tuple[int, int]]:
    """Pairs (row, column) by row; every row or every column has one, whichever are fewer."""
    rows, columns = costs.shape
    if not rows or not columns:
        return []
    if rows > columns:
        return sorted((row, column) for column, row in assign(costs.T))
    return _Assignment(costs).pairs()


class _Assignment:
    """Rows are assigned one after the other; there are no more rows than columns."""

    def __init__(self, costs: Costs) -> None:
        import numpy as np

        self._costs = costs
        self._rows, self._columns = costs.shape
        self._row_prices = np.zeros(self._rows)
        self._column_prices = np.zeros(self._columns)
        self._column_of = np.full(self._rows, -1)
        self._row_of = np.full(self._columns, -1)

    def pairs(self) -> list[tuple[int, int]]:
        for row in range(self._rows):
            self._augment(row)
        return list(enumerate(self._column_of.tolist()))

    def _augment(self, start: int) -> None:
        """Find the cheapest path from `start` to a free column and shift assignments along it."""
        import numpy as np

        shortest = np.full(self._columns, np.inf)
        path = np.full(self._columns, -1)
        # Backwards, so that equal columns are settled as scipy does it.
        remaining = np.arange(self._columns - 1, -1, -1)
        seen_rows: list[int] = []
        seen_columns: list[int] = []
        walked, row, sink = 0.0, start, -1
        while sink < 0:
            seen_rows.append(row)
            reduced = (
                walked
                + self._costs[row, remaining]
                - self._row_prices[row]
                - self._column_prices[remaining]
            )
            nearer = remaining[reduced < shortest[remaining]]
            shortest[nearer] = reduced[reduced < shortest[remaining]]
            path[nearer] = row
            position = self._nearest(shortest[remaining], remaining)
            column = int(remaining[position])
            walked = float(shortest[column])
            seen_columns.append(column)
            remaining[position] = remaining[-1]
            remaining = remaining[:-1]
            if self._row_of[column] < 0:
                sink = column
            else:
                row = int(self._row_of[column])
        self._reprice(start, walked, seen_rows, seen_columns, shortest)
        self._shift(start, sink, path)

    def _nearest(self, distances: Costs, remaining: Any) -> int:
        """The first of the nearest, or the last that is free."""
        import numpy as np

        equal = np.flatnonzero(distances == distances.min())
        free = equal[self._row_of[remaining[equal]] < 0]
        return int(free[-1] if len(free) else equal[0])

    def _reprice(
        self,
        start: int,
        walked: float,
        seen_rows: list[int],
        seen_columns: list[int],
        shortest: Costs,
    ) -> None:
        self._row_prices[start] += walked
        others = [row for row in seen_rows if row != start]
        self._row_prices[others] += walked - shortest[self._column_of[others]]
        self._column_prices[seen_columns] -= walked - shortest[seen_columns]

    def _shift(self, start: int, sink: int, path: Any) -> None:
        column = sink
        while True:
            row = int(path[column])
            self._row_of[column] = row
            column, self._column_of[row] = int(self._column_of[row]), column
            if row == start:
                return
