"""Statements of our own on one connection of the driver, without the driver's cursor: it was measured to cost as much again.

What the driver does is done by its own parts all the same: values are written, rows read, and the server waited for, so that a
signal or a lost connection ends a statement as it ends any other.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from psycopg import abc, generators
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

_Plan = tuple[bytes, tuple[int, ...]]

_DONE = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)
# A plan that is not there any more, or whose rows would have other types: a migration, or somebody's DEALLOCATE.
_STALE = ("26000", "0A000")


class Rows(Sequence[Any]):
    """What one statement found. A row becomes Python values only when it is asked for, without another look at the database."""

    def __init__(self, driver: "psycopg.Connection[Any]", result: PGresult) -> None:
        self._driver = driver
        self._result = result
        self._reader: abc.Transformer | None = None

    def __len__(self) -> int:
        return self._result.ntuples

    def __iter__(self) -> Iterator[Any]:
        return iter(self.all())

    def __getitem__(self, number: Any) -> Any:
        if not 0 <= number < len(self):
            raise IndexError(number)
        return self._read().load_row(number, tuple)

    def all(self) -> list[Any]:
        """Every row as a tuple."""
        return self._read().load_rows(0, len(self), tuple) if self else []

    def as_sent(self, columns: Sequence[int]) -> list[tuple[bytes | None, ...]]:
        """These columns of every row, in the database's own writing: enough to know a row again, and a tenth of the work."""
        value, numbers = self._result.get_value, range(len(self))
        return list(zip(*[[value(number, column) for number in numbers] for column in columns], strict=True))

    def _read(self) -> abc.Transformer:
        if self._reader is None:
            self._reader = Transformer(self._driver)
            self._reader.set_pgresult(self._result)
        return self._reader


class Statements:
    """One connection, and what it keeps planned: `most` statements, or none where a pooler would lose them."""

    def __init__(self, driver: "psycopg.Connection[Any]", most: int) -> None:
        self.driver = driver
        self._most = most
        self._writer: abc.Transformer = Transformer(driver)
        self._plans: OrderedDict[_Plan, bytes] = OrderedDict()
        self._made = 0

    def run(self, query: bytes, values: Sequence[Any], *, prepare: bool) -> Rows:
        """One statement with the values of its `$1`…; in a transaction, unless the connection does without.

        prepare: planned once, and then for all values alike. Raises psycopg.Error.
        """
        connection = self.driver.pgconn
        if connection.transaction_status == TransactionStatus.IDLE and not self.driver.autocommit:
            connection.send_query(b"BEGIN")
            self._result()
        return self.run_alone(query, values, prepare=prepare)

    def run_alone(self, query: bytes, values: Sequence[Any], *, prepare: bool) -> Rows:
        """As `run`, beginning nothing."""
        writer = self._writer
        given = writer.dump_sequence(values, [PyFormat.AUTO] * len(values))
        types, formats = writer.types or (), writer.formats
        if not (prepare and self._most):
            self.driver.pgconn.send_query_params(query, given, types, formats)
            return Rows(self.driver, self._result())
        plan = (query, types)
        try:
            self.driver.pgconn.send_query_prepared(self._name(plan), given, formats)
            return Rows(self.driver, self._result())
        except psycopg.Error as error:
            if error.sqlstate not in _STALE or self._plans.pop(plan, None) is None:
                raise
            if self.driver.pgconn.transaction_status != TransactionStatus.IDLE:
                raise  # what came before it is lost with it
            return self.run_alone(query, values, prepare=prepare)

    def _name(self, plan: _Plan) -> bytes:
        name = self._plans.get(plan)
        if name is not None:
            self._plans.move_to_end(plan)
            return name
        while len(self._plans) >= self._most:
            _, oldest = self._plans.popitem(last=False)
            self.driver.pgconn.send_query(b"DEALLOCATE " + oldest)
            self._result()
        self._made += 1
        name = b"atiende_%d" % self._made
        self.driver.pgconn.send_prepare(name, plan[0], plan[1])
        self._result()
        self._plans[plan] = name
        return name

    def _result(self) -> PGresult:
        result: PGresult = self.driver.wait(generators.execute(self.driver.pgconn))[-1]
        if result.status in _DONE:
            return result
        if self.driver.pgconn.status == ConnStatus.BAD:
            raise psycopg.OperationalError(result.get_error_message())
        raise error_from_result(result, self.driver.info.encoding)
