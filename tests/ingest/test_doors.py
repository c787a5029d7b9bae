"""What a channel cannot take is a 422 with channel, limit, count, unit, place and remedy, before anything is kept."""

from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from services.ingest.fanout import Channels, Wanted, excesses
from shared.channels import RegistryFile
from shared.content import Content
from tests.ingest.conftest import ROOT, Caller, House
from tests.ingest.test_prepare import png, uploaded

FAMILY = "👩‍👩‍👧‍👦"
UNSEEN = [{"commons": "File:Nobody has looked at this.webm", "alt": "A film"}]
PICTURES = [{"commons": f"File:Nobody has looked at this {number}.jpg", "alt": "A field"} for number in (1, 2)]
FILM = {"title": "A film", "media": UNSEEN, "kind": "video"}
POST = "https://bsky.app/profile/wikipedia.org/post/3k2akyxy2tk2s"
TOOT = "https://wikis.world/@ada/1"

EDGES: dict[str, tuple[str, dict[str, Any], str, int, str]] = {
    "X: ideographs weigh 2": ("x", {}, "維" * 140, 280, "weighted characters"),
    "X: a whole emoji weighs 2": ("x", {}, FAMILY * 140, 280, "weighted characters"),
    "X: an address weighs 23": ("x", {}, f"{'a' * 256} https://w.wiki/{'A' * 90}", 280, "weighted characters"),
    "Threads: an emoji has bytes": ("threads", {}, FAMILY * 20, 500, "characters, emoji in UTF-8 bytes"),
    "Threads: a letter is one": ("threads", {}, "é" * 500, 500, "characters, emoji in UTF-8 bytes"),
    "Bluesky: clusters": ("bluesky", {}, "e\u0301" * 300, 300, "graphemes"),
    "Bluesky: bytes": ("bluesky", {}, FAMILY * 120, 3_000, "UTF-8 bytes"),
    "LinkedIn: code units, without backslashes": ("linkedin", {}, "(_" + "😀" * 1_499, 3_000, "UTF-16 code units"),
    "YouTube: bytes": ("youtube", FILM, "é" * 2_500, 5_000, "UTF-8 bytes"),
    "TikTok: a film's code units": ("tiktok", FILM, "😀" * 1_100, 2_200, "UTF-16 code units"),
    "TikTok: code units of pictures": ("tiktok", {"media": PICTURES}, "😀" * 2_000, 4_000, "UTF-16 code units"),
    "Instagram: code units": ("instagram", {"media": PICTURES}, "😀" * 1_100, 2_200, "UTF-16 code units"),
}
REFUSED: dict[str, tuple[str, dict[str, Any], tuple[str, str, int, int, str], str]] = {
    "a repost with words": (
        "bluesky",
        {"kind": "repost", "text": "Oh", "refers_to": POST},
        ("text", "/content/text", 0, 2, "graphemes"),
        "make it a quote",
    ),
    "an address that is not used": (
        "bluesky",
        {"text": "Oh", "refers_to": POST},
        ("refers_to", "/content/refers_to", 0, 1, "addresses"),
        "Leave 'refers_to' out",
    ),
    "no address": (
        "threads",
        {"kind": "quote", "text": "Oh"},
        ("refers_to", "/content/refers_to", 1, 0, "addresses"),
        "as 'refers_to'",
    ),
    "an address of another platform": (
        "x",
        {"kind": "quote", "text": "Oh", "refers_to": POST},
        ("refers_to", "/content/refers_to", 1, 0, "posts on x"),
        "https://x.com/wikipedia/status/20",
    ),
    "an activity of LinkedIn": (
        "linkedin",
        {"kind": "repost", "refers_to": "https://www.linkedin.com/feed/update/urn:li:activity:71/"},
        ("refers_to", "/content/refers_to", 1, 0, "posts on linkedin"),
        "'Embed this post'",
    ),
    "an answer too long for X": (
        "x",
        {"text": "Which?", "poll": {"options": ["a", "維" * 26]}},
        ("poll option", "/content/poll/options/1", 25, 26, "code points"),
        "Shorten it",
    ),
    "several answers on X": (
        "x",
        {"text": "Which?", "poll": {"options": ["a", "b"], "multiple": True}},
        ("poll answers", "/content/poll/multiple", 1, 2, "answers"),
        "Leave 'multiple' out",
    ),
    "a poll of an hour on Threads": (
        "threads",
        {"text": "Which?", "poll": {"options": ["a", "b"], "seconds": 3_600}},
        ("poll time", "/content/poll/seconds", 86_400, 3_600, "seconds"),
        "Change 'seconds'",
    ),
    "a carousel of one": (
        "instagram",
        {"kind": "carousel", "text": "One", "media": PICTURES[:1]},
        ("media", "/content/media", 2, 1, "media"),
        "Add one",
    ),
    "a carousel of eleven": (
        "instagram",
        {"kind": "carousel", "text": "Many", "media": PICTURES[:1] * 11},
        ("media", "/content/media", 10, 11, "media"),
        "Drop some",
    ),
    "a story with words": (
        "instagram",
        {"kind": "story", "text": "Oh", "media": PICTURES[:1]},
        ("text", "/content/text", 0, 2, "graphemes"),
        "Leave it out",
    ),
    "a story with a link": (
        "instagram",
        {"kind": "story", "link": {"url": "https://w.wiki/3"}, "media": PICTURES[:1]},
        ("link", "/content/link", 0, 1, "links"),
        "Leave it out",
    ),
    "a comment below a story": (
        "instagram",
        {"kind": "story", "first_comment": "Oh", "media": PICTURES[:1]},
        ("comment", "/content/first_comment", 0, 1, "comments"),
        "Leave it out",
    ),
    "a credit that a story cannot show": (
        "instagram",
        {"kind": "story", "media": [{**PICTURES[0], "credit": "Photo: Ada"}]},
        ("credit", "/content/media/0", 0, 1, "credits"),
        "needs none",
    ),
    "a comment where none can be made": (
        "bluesky",
        {"text": "Oh", "first_comment": "And"},
        ("comment", "/content/first_comment", 0, 1, "comments"),
        "for this channel",
    ),
    "a quote with a picture on X": (
        "x",
        {"kind": "quote", "text": "Oh", "refers_to": "https://x.com/a/status/1", "media": PICTURES[:1]},
        ("media", "/content/media", 0, 1, "media"),
        "Leave it out",
    ),
    "a description with what YouTube takes for a tag": (
        "youtube",
        {**FILM, "text": "a < b"},
        ("text", "/content/text", 0, 1, "characters"),
        "Write it without",
    ),
    "a title of pictures on TikTok": (
        "tiktok",
        {"title": "😀" * 46, "text": "a", "media": PICTURES},
        ("title", "/content/title", 90, 92, "UTF-16 code units"),
        "Shorten it",
    ),
    "nothing but blanks": (
        "bluesky",
        {"text": " \n "},
        ("text", "/content/text", 1, 0, "characters"),
        "Write a text",
    ),
}


def asked(platform: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"content": content, "channels": [{"channel": f"wikipedia/{platform}"}]}


@pytest.mark.parametrize("what", EDGES)
async def test_a_text_at_its_limit_passes_and_one_letter_more_is_refused(what: str, house: House, tool: Caller) -> None:
    platform, more, full, most, unit = EDGES[what]
    passed = await tool.call("POST", "/v1/previews", json=asked(platform, {"text": full, **more}))
    assert passed.status_code == 200, passed.text
    before = await house.count()
    answer = await tool.ask(asked(platform, {"text": f"a{full}", **more}))
    assert answer.status_code == 422
    [wrong] = answer.json()["errors"]
    assert (wrong["channel"], wrong["about"], wrong["pointer"]) == (f"wikipedia/{platform}", "text", "/content/text")
    assert (wrong["limit"], wrong["count"], wrong["unit"]) == (most, most + 1, unit)
    assert wrong["remedy"] == "Shorten it."
    assert await house.count() == before


@pytest.mark.parametrize("what", REFUSED)
async def test_what_cannot_be_published_is_refused(what: str, house: House, tool: Caller) -> None:
    platform, content, expected, remedy = REFUSED[what]
    before = await house.count()
    answer = await tool.ask(asked(platform, content))
    assert answer.status_code == 422
    found = {(e["about"], e["pointer"], e["limit"], e["count"], e["unit"]): e for e in answer.json()["errors"]}
    assert list(found) == [expected]
    assert found[expected]["channel"] == f"wikipedia/{platform}"
    assert remedy in found[expected]["remedy"]
    assert await house.count() == before


async def test_each_channel_is_about_its_own_post(tool: Caller) -> None:
    """One piece of news is quoted on two platforms: each variant names the post there."""
    channels = [{"channel": "wikipedia/bluesky"}, {"channel": "foundation/mastodon"}]
    quote = {"kind": "quote", "text": "Indeed"}
    variants = {"bluesky": {"refers_to": POST}, "mastodon": {"refers_to": TOOT}}
    answer = await tool.call(
        "POST", "/v1/previews", json={"content": quote, "channels": channels, "variants": variants}
    )
    assert answer.status_code == 200, answer.text
    assert [one["payload"]["refers_to"] for one in answer.json()["posts"]] == [POST, TOOT]
    variants["bluesky"]["refers_to"] = TOOT
    answer = await tool.ask({"content": quote, "channels": channels, "variants": variants})
    assert [wrong["pointer"] for wrong in answer.json()["errors"]] == ["/variants/bluesky/refers_to"]


async def test_an_edit_is_checked_at_the_same_door(tool: Caller) -> None:
    [post] = await tool.accepted(asked("bluesky", {"text": "Did you know?"}))
    headers = {"If-Match": await tool.etag(post)}
    body = {"content": {"text": "Oh", "refers_to": POST}}
    answer = await tool.call("PATCH", f"/v1/posts/{post}", json=body, headers=headers)
    assert answer.status_code == 422
    assert [wrong["pointer"] for wrong in answer.json()["errors"]] == ["/content/refers_to"]


async def test_a_story_takes_an_upload_that_owes_no_credit_and_no_other(tool: Caller) -> None:
    free = await uploaded(tool, png(90, 160), owner="wmf", license="cc0", author="Ada")
    bound = await uploaded(tool, png(91, 160), owner="commons", license="cc-by-4.0", author="Ada")
    for upload, status in ((free, 200), (bound, 422)):
        story = {"kind": "story", "media": [{"upload": upload["id"], "alt": "Blue"}]}
        answer = await tool.call("POST", "/v1/previews", json=asked("instagram", story))
        assert answer.status_code == status, answer.text
    [wrong] = answer.json()["errors"]
    assert (wrong["about"], wrong["pointer"]) == ("credit", "/content/media/0")


VTT = b"WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n"


async def test_captions_are_found_in_the_store_and_checked(tool: Caller) -> None:
    files = [await uploaded(tool, content) for content in (VTT, VTT + b"\n" * 20_000, png(9, 9))]
    assert [file["type"] for file in files] == ["text/vtt", "text/vtt", "image/png"]
    told = {}
    for name, sha256 in zip(["good", "long", "picture"], (file["sha256"] for file in files), strict=True):
        media = [{**UNSEEN[0], "captions": [{"language": "en", "asset": sha256}]}]
        content = {**FILM, "text": "A film", "media": media}
        for platform in ("bluesky", "youtube", "tiktok"):
            answer = await tool.call("POST", "/v1/previews", json=asked(platform, content))
            found = answer.json().get("errors", [])
            told[name, platform] = [(one["pointer"], one.get("limit")) for one in found]
    here, inside = "/content/media/0/captions", "/content/media/0/captions/0/asset"
    assert told["good", "bluesky"] == told["good", "youtube"] == told["long", "youtube"] == []
    assert told["long", "bluesky"] == [(inside, 20_000)]
    assert told["picture", "bluesky"] == told["picture", "youtube"] == [(inside, None)]
    assert (here, 0) in told["good", "tiktok"]


async def test_captions_that_nobody_uploaded_are_missing(tool: Caller) -> None:
    media = [{**UNSEEN[0], "captions": [{"language": "en", "asset": uuid4().hex * 2}]}]
    answer = await tool.ask(asked("youtube", {**FILM, "text": "A film", "media": media}))
    assert [wrong["pointer"] for wrong in answer.json()["errors"]] == ["/content/media/0/captions/0/asset"]


def test_an_instances_own_numbers_hold_as_soon_as_the_registry_says_them(tmp_path: Path) -> None:
    def wrong(length: int) -> list[tuple[object, object]]:
        spec = channels.spec("foundation/mastodon")
        assert spec is not None
        one = Wanted.of("foundation/mastodon", spec, Content(text="é" * length))
        return [(told["limit"], told["count"]) for told in excesses(one, {})]

    def write(limits: dict[str, int]) -> None:
        own = {"foundation/mastodon": {"limits": limits}} if limits else {}
        document = {"based_on": str(ROOT / "config"), "channels": own}
        (tmp_path / "channels.yaml").write_text(yaml.safe_dump(document))

    write({})
    registry = RegistryFile(tmp_path, clock=count(step=10).__next__)
    channels = Channels(registry)
    assert (wrong(500), wrong(501)) == ([], [(500, 501)])
    write({"text": 5_000})
    assert (wrong(5_000), wrong(5_001)) == ([], [(5_000, 5_001)])


def test_a_post_of_what_stands_in_for_a_platform_can_be_quoted(house: House) -> None:
    reply = Content.model_validate({"kind": "quote", "text": "Oh", "refers_to": "http://sandbox:8090/x/ada/status/20"})
    registry = RegistryFile(house.settings.config_dir)
    beside = "http://sandbox:8090/x"
    for stand_ins, expected in (({"x": beside}, 0), ({"threads": beside}, 1), ({}, 1)):
        spec = Channels(registry, stand_ins).spec("wikipedia/x")
        assert spec is not None
        assert len(list(excesses(Wanted.of("wikipedia/x", spec, reply), {}))) == expected
