"""The faults, by name."""

from collections.abc import Mapping

from chaos.fault import Fault
from chaos.faults import accepted, database, duplicates, killed, poison, skew, storm

ALL: Mapping[str, Fault] = {
    fault.name: fault
    for fault in (
        killed.FAULT,
        database.FAULT,
        poison.FAULT,
        duplicates.FAULT,
        accepted.FAULT,
        skew.FAULT,
        storm.FAULT,
    )
}
