"""The database of a service: its address, its engine, its transactions, and which of its errors pass by themselves."""

from shared.database.engine import Sessions, database_url, engine_for, sessions_of
from shared.database.lending import lent
from shared.database.session import Row, Session, begin, statements
from shared.database.trouble import is_trouble

__all__ = [
    "Row",
    "Session",
    "Sessions",
    "begin",
    "database_url",
    "engine_for",
    "is_trouble",
    "lent",
    "sessions_of",
    "statements",
]
