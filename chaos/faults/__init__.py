"""The faults, by name."""

from collections.abc import Mapping

from chaos.fault import Fault
from chaos.faults import (
    accepted,
    alarm,
    crowd,
    database,
    deployed,
    duplicates,
    killed,
    leader,
    overdue,
    partition,
    poison,
    skew,
    storm,
)

ALL: Mapping[str, Fault] = {
    fault.name: fault
    for fault in (
        leader.FAULT,
        partition.FAULT,
        killed.FAULT,
        database.FAULT,
        poison.FAULT,
        duplicates.FAULT,
        accepted.FAULT,
        skew.FAULT,
        alarm.FAULT,
        overdue.FAULT,
        deployed.FAULT,
        storm.FAULT,
        crowd.FAULT,
    )
}
"""Those on one ground follow one another: they share its stage."""
