"""What several addresses ask for in the same form."""

from typing import Annotated

from fastapi import Depends, Query

from shared.http.auth import Caller, require

Reader = Annotated[Caller, Depends(require("metrics:read"))]
Limit = Annotated[int, Query(ge=1, le=1_000)]
