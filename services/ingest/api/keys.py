"""What the first answer to an Idempotency-Key looks like the second time."""

from fastapi import Response

from services.ingest.kept import Answer


def response(answer: Answer) -> Response:
    """Send an answer, and say if it is not the first time."""
    headers = {"Location": answer.location}
    if answer.replayed:
        headers["Idempotent-Replayed"] = "true"
    return Response(answer.body, answer.status, headers, "application/json")
