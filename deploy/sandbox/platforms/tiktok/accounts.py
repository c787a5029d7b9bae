"""Who is let in, what an account is, and its public posts."""

import re
from collections.abc import Sequence
from typing import Any

from deploy.sandbox.params import read_params, text
from deploy.sandbox.people import number_of
from deploy.sandbox.platforms.tiktok.errors import answered, invalid, not_granted
from deploy.sandbox.platforms.tiktok.state import NAME, TOKEN_SECONDS, Job, State
from deploy.sandbox.wire import Answer, Call, json_answer

REFRESH_SECONDS = 180 * 86_400
SCOPES = "user.info.basic,user.info.profile,user.info.stats,video.list,video.publish"
CUT = 150
MOST_IDS = MOST_LISTED = 20
VIDEO_FIELDS = (
    *("id", "create_time", "cover_image_url", "share_url", "video_description", "duration", "height", "width"),
    *("title", "embed_link", "like_count", "comment_count", "share_count", "view_count"),
)
USER_FIELDS = (
    *("open_id", "union_id", "avatar_url", "display_name", "username"),
    *("follower_count", "following_count", "video_count"),
)
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


class Accounts:
    """The handlers about accounts, their tokens and their videos."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def token(self, call: Call) -> Answer:
        """Grant tokens for a code, or new ones for a refresh token, which is dead from then on."""
        params = await read_params(call)
        if not text(params, "client_key") or not text(params, "client_secret"):
            raise not_granted(call, "invalid_client", "Client key or secret is incorrect.")
        grant_type = text(params, "grant_type")
        if grant_type == "authorization_code":
            if not text(params, "redirect_uri") or not _VERIFIER.fullmatch(text(params, "code_verifier")):
                raise not_granted(call, "invalid_request", "Redirect_uri or code_verifier is missing.")
            tokens = self._state.people.grant(text(params, "code"))
        elif grant_type == "refresh_token":
            tokens = self._state.people.renew(text(params, "refresh_token"))
        else:
            raise not_granted(call, "unsupported_grant_type", "The grant type is not supported.")
        if tokens is None:
            raise not_granted(call, "invalid_grant", "The code or refresh token is invalid or expired.")
        name = self._state.people.owner(tokens.access_token) or ""
        return json_answer(
            {
                "access_token": tokens.access_token,
                "expires_in": TOKEN_SECONDS,
                "open_id": number_of(name),
                "refresh_expires_in": REFRESH_SECONDS,
                "refresh_token": tokens.refresh_token,
                "scope": SCOPES,
                "token_type": "Bearer",
            }
        )

    async def revoke(self, call: Call) -> Answer:
        """Take an account's tokens back."""
        token = text(await read_params(call), "token")
        if self._state.people.owner(token) is None:
            raise not_granted(call, "invalid_grant", "The token is invalid.")
        self._state.people.revoke(token)
        return Answer(200)

    async def user_info(self, call: Call) -> Answer:
        """Return the fields that were asked for, of the account itself."""
        account = self._state.caller(call, "reads_min")
        followers = self._state.world.audience.followers(NAME, account)
        known = {
            "open_id": number_of(account),
            "union_id": number_of(f"union/{account}"),
            "avatar_url": f"{call.base}/avatars/{account}.jpeg",
            "display_name": account,
            "username": account,
            "follower_count": followers,
            "following_count": 7,
            "video_count": len(self._state.shown(account)),
        }
        return answered(call, {"user": {name: known[name] for name in _fields(call, USER_FIELDS)}})

    async def video_list(self, call: Call) -> Answer:
        """Return the account's public posts, newest first, from the cursor on."""
        account = self._state.caller(call, "reads_min")
        fields, body = _fields(call, VIDEO_FIELDS), await read_params(call)
        most, cursor = body.get("max_count", 10), body.get("cursor", 0)
        if not isinstance(most, int) or not 1 <= most <= MOST_LISTED or not isinstance(cursor, int):
            raise invalid(call, f"max_count is 1 to {MOST_LISTED}, cursor a time in milliseconds")
        await self._state.caught_up()
        older = [job for job in self._state.shown(account) if not cursor or _millis(job) < cursor]
        page = older[:most]
        data = {
            "videos": [self._video(job, fields) for job in page],
            "cursor": _millis(page[-1]) if page else cursor,
            "has_more": len(older) > most,
        }
        return answered(call, data)

    async def video_query(self, call: Call) -> Answer:
        """Return those of the posts asked for that are there and the account's own."""
        account = self._state.caller(call, "reads_min")
        fields, filters = _fields(call, VIDEO_FIELDS), (await read_params(call)).get("filters")
        ids = filters.get("video_ids") if isinstance(filters, dict) else None
        if not isinstance(ids, list) or not 1 <= len(ids) <= MOST_IDS:
            raise invalid(call, f"filters.video_ids holds 1 to {MOST_IDS} ids")
        await self._state.caught_up()
        found = [job for job in self._state.shown(account) if job.post and job.post.id in ids]
        return answered(call, {"videos": [self._video(job, fields) for job in found]})

    def _video(self, job: Job, fields: list[str]) -> dict[str, Any]:
        post = job.post
        assert post is not None
        first, seen = post.media[0], self._state.world.audience.reactions(post.id, self._state.world.now() - post.time)
        known = {
            "id": post.id,
            "create_time": int(post.time),
            "cover_image_url": f"{post.url}/cover.jpeg",
            "share_url": f"{post.url}?utm_campaign=tt4d_open_api&utm_source=sandbox",
            "video_description": post.text[:CUT],
            "duration": int(first.seconds or 0),
            "height": first.height,
            "width": first.width,
            "title": (job.title or post.text)[:CUT],
            "embed_link": f"https://www.tiktok.com/player/v1/{post.id}",
            "like_count": seen.likes,
            "comment_count": seen.replies,
            "share_count": seen.reposts,
            "view_count": seen.likes * 12,
        }
        return {name: known[name] for name in fields}


def _millis(job: Job) -> int:
    return int(job.post.time * 1_000) if job.post else 0


def _fields(call: Call, known: Sequence[str]) -> list[str]:
    """Return the fields that the query asks for; it must, and only for known ones."""
    asked = [one for one in ",".join(call.params().get("fields", [])).split(",") if one]
    if not asked or set(asked) - set(known):
        raise invalid(call, "fields is required, and names known fields only")
    return asked
