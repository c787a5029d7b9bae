"""The verdict is pure: the same input leads to the same verdict, whatever the order of the rules."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from services.policy.facts import CommonsFile, Facts
from services.policy.judge import Outcome, Rule, judge
from services.policy.rules import RULES, pack_of
from shared.content import Owner, Rights
from shared.events import Trust
from shared.payload import Payload, Piece, Rendition
from tests.policy.conftest import FREE, PACK, PICTURE, REGISTRY, payload, picture

LICENCES = st.sampled_from([None, "cc0", "pd", "cc-by-4.0", "cc-by-nc-4.0", "gfdl", "all rights reserved"])
FILES = st.builds(
    CommonsFile, found=st.booleans(), license=LICENCES, non_free=st.booleans(), deletion_pending=st.booleans()
)
RIGHTS = st.builds(Rights, owner=st.sampled_from(Owner), license=LICENCES, deletion_pending=st.booleans())
RENDITIONS = st.builds(
    Rendition,
    sha256=st.just("0" * 64),
    type=st.sampled_from(["image/png", "video/mp4", "audio/ogg"]),
    size=st.just(1),
    alt=st.sampled_from(["", "image", "a.jpg", "A bird on a branch"]),
    commons=st.sampled_from([None, PICTURE, "File:Other.jpg"]),
    rights=st.none() | RIGHTS,
)
PAYLOADS = st.builds(
    Payload,
    channel=st.sampled_from(["wikipedia/bluesky", "wikipedia/x", "rehearsal/bluesky", "nobody/nowhere"]),
    platform=st.just("bluesky"),
    kind=st.just("post"),
    pieces=st.lists(
        st.builds(Piece, text=st.text(max_size=20), media=st.lists(RENDITIONS, max_size=3).map(tuple)),
        min_size=1,
        max_size=3,
    ).map(tuple),
)
FACTS = st.builds(
    Facts,
    trust=st.sampled_from(Trust),
    intact=st.booleans(),
    files=st.dictionaries(st.sampled_from([PICTURE, "File:Other.jpg"]), FILES),
)


@given(PAYLOADS, FACTS, st.permutations(RULES))
def test_same_input_same_verdict_in_any_order_of_rules(what: Payload, facts: Facts, rules: Sequence[Rule]) -> None:
    verdict = judge(what, facts, PACK)
    assert judge(what, facts, replace(PACK, rules=tuple(rules))) == verdict
    recorded = Facts.model_validate_json(facts.model_dump_json())
    assert judge(Payload.model_validate_json(what.model_dump_json()), recorded, PACK) == verdict


@given(PAYLOADS, FACTS)
def test_only_what_nobody_objects_to_is_approved(what: Payload, facts: Facts) -> None:
    verdict = judge(what, facts, PACK)
    assert (verdict.outcome is Outcome.APPROVED) == (not verdict.objections)


@given(PAYLOADS, FACTS)
def test_a_file_that_is_not_known_is_never_approved(what: Payload, facts: Facts) -> None:
    verdict = judge(what, facts.model_copy(update={"files": {}}), PACK)
    if any(medium.commons for piece in what.pieces for medium in piece.media):
        assert verdict.outcome is not Outcome.APPROVED


@given(PAYLOADS, FACTS)
def test_places_point_into_the_payload(what: Payload, facts: Facts) -> None:
    document = what.model_dump(mode="json")
    for objection in judge(what, facts, PACK).objections:
        here: object = document
        for step in objection.place.split("/")[1:]:
            if here is None:
                break  # rights that are missing altogether
            here = here[int(step)] if isinstance(here, list) else here[step]  # type: ignore[index] # JSON


def test_the_team_is_approved_for_and_a_guest_is_reviewed() -> None:
    facts = Facts(trust=Trust.TEAM, files={PICTURE: FREE})
    assert judge(payload("Hello", picture()), facts, PACK).outcome is Outcome.APPROVED
    verdict = judge(payload("Hello", picture()), facts.model_copy(update={"trust": Trust.GUEST}), PACK)
    assert verdict.outcome is Outcome.REVIEW_REQUESTED
    assert [(o.rule, o.clause) for o in verdict.objections] == [("caller.guest", "C46")]


def test_a_refusal_names_everything_at_once() -> None:
    what = payload("Hello", picture(alt=""), picture(None, alt="image"), channel="rehearsal/bluesky")
    verdict = judge(what, Facts(trust=Trust.GUEST, files={PICTURE: FREE}), PACK)
    assert verdict.outcome is Outcome.REFUSED
    assert {o.rule for o in verdict.objections} == {
        "channel.stance",
        "a11y.alt_missing",
        "media.licence_denied",
        "caller.guest",
    }
    assert all(o.message and o.remedy for o in verdict.objections)


def test_stances() -> None:
    def outcome(channel: str) -> Outcome:
        return judge(payload(channel=channel), Facts(trust=Trust.TEAM), PACK).outcome

    assert outcome("wikipedia/bluesky") is Outcome.APPROVED
    assert outcome("wikipedia/x") is Outcome.REVIEW_REQUESTED
    assert outcome("rehearsal/bluesky") is Outcome.REFUSED
    assert outcome("nobody/nowhere") is Outcome.REVIEW_REQUESTED


def test_what_policy_cannot_read_whole_goes_to_a_person() -> None:
    verdict = judge(payload(), Facts(trust=Trust.TEAM, intact=False), PACK)
    assert verdict.outcome is Outcome.REVIEW_REQUESTED


def test_the_pack_is_named_by_its_rules_and_its_configuration() -> None:
    assert pack_of(REGISTRY) == PACK
    assert len(PACK.version) == 64
    assert pack_of(replace(REGISTRY, digest="f" * 64)).version != PACK.version
