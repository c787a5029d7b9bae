"""What every travelling model has in common."""

from pydantic import BaseModel, ConfigDict


class Asked(BaseModel):
    """A model that a caller fills in: immutable, and a field it does not know is an error, not a shrug."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Travelling(BaseModel):
    """A model that travels between services: immutable, and fields of a later version are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)
