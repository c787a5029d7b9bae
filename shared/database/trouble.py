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
    said = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(said, asyncpg.InvalidCachedStatementError):
        return (
            True  # a table has grown under a prepared statement: the next version's migration; prepared anew, it works
        )
    if state := getattr(said, "sqlstate", None):
        return str(state).startswith(PASSING)
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return lost or isinstance(error, InterfaceError | OperationalError)
