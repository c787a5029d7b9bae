"""Files in forms, read and closed before anything is refused."""

from starlette.datastructures import UploadFile

from deploy.sandbox.params import Params


async def file_in(params: Params, name: str) -> tuple[bytes, str] | None:
    """Return a form's file and the media type that its sender says; None where there is none."""
    sent = params.get(name)
    if not isinstance(sent, UploadFile):
        return None
    data = await sent.read()
    await sent.close()
    return data, sent.content_type or ""
