"""Errors of the database that pass by themselves: then the same again may work later."""

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# PostgreSQL's classes of errors that another try, or some patience, heals: connection (08), rolled back (40), resources
# (53), operator intervention such as a restart (57), and a lock that was not free in time (55).
PASSING = ("08", "40", "53", "55", "57")


def is_trouble(error: BaseException) -> bool:
    """Say whether the database, not the caller, is the cause: then the same again may work later."""
    if isinstance(error, FileNotFoundError | PermissionError):
        return False  # a medium that is gone is nothing to wait for
    if isinstance(error, PoolTimeoutError | OSError | TimeoutError):
        return True
    if isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError):
        return True  # the driver lost its connection before the server could say why
    if isinstance(error, asyncpg.PostgresError):
        return str(error.sqlstate).startswith(PASSING)
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        # The driver lost its connection before the server could say why.
        return error.connection_invalidated or isinstance(error, InterfaceError | OperationalError)
    return str(state).startswith(PASSING)
