"""The oracle sees what may not be: each thing that it promises to see, and nothing where all is well."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chaos.eyes import mark_of
from chaos.fault import Done, Measured
from chaos.oracle import Evidence, Intent, Shown, Try, Verdict, judge
from chaos.report import Book, Line, table
from chaos.stage import askable
from shared import platforms


def intent(number: int, channel: str = "wikipedia/bluesky", **more: Any) -> Intent:
    return Intent(f"post{number}", channel, (f"c7r0n{number}",), 100.0 + number, **more)


def well(*intents: Intent) -> Evidence:
    """Return what there is when everything went well: each tried, then public half a second after it was asked."""
    return Evidence(
        intents=intents,
        shown=[Shown(mark, one.platform, one.due_at + 0.5) for one in intents for mark in one.marks],
        tries=[Try(one.post, one.due_at + 0.25, one.due_at + 1, "published") for one in intents],
        states={one.post: "published" for one in intents},
        outboxes={"ingest": 0},
        dead={},
        askable=frozenset({"x"}),
    )


THREE = well(intent(1), intent(2), intent(3, "wikipedia/x"))
BREACHES: dict[str, tuple[Callable[[Evidence], Evidence], str]] = {
    "lost": (lambda e: replace(e, shown=e.shown[1:]), "lost"),
    "doubled": (lambda e: replace(e, shown=[*e.shown, e.shown[0]]), "doubled"),
    "failed": (lambda e: replace(e, states={**e.states, "post1": "failed"}), "wrong"),
    "under way for ever": (lambda e: replace(e, states={**e.states, "post1": "attempting"}), "wrong"),
    "unknown": (lambda e: replace(e, states={}), "wrong"),
    "asked where one could look": (lambda e: replace(e, states={**e.states, "post1": "needs_review"}), "wrong"),
    "nobody's": (lambda e: replace(e, shown=[*e.shown, Shown("c7r0n9", "bluesky", 101.0)]), "wrong"),
    "no try": (lambda e: replace(e, tries=e.tries[1:]), "wrong"),
    "tried too late": (lambda e: replace(e, tries=[replace(one, began=200.0) for one in e.tries]), "wrong"),
    "unsent": (lambda e: replace(e, outboxes={"publisher": 1}), "wrong"),
    "dead": (lambda e: replace(e, dead={"publisher.posts.q1": ["innocent"]}), "wrong"),
}


def test_all_is_well() -> None:
    assert judge(THREE) == Verdict(3, [], [], [], [], 0.5)


@pytest.mark.parametrize("name", BREACHES)
def test_each_breach_is_seen(name: str) -> None:
    breach, where = BREACHES[name]
    verdict = judge(breach(THREE))
    assert getattr(verdict, where)
    assert not verdict.holds


def test_a_person_may_be_asked_where_nobody_can_look() -> None:
    evidence = replace(THREE, states={**THREE.states, "post3": "needs_review"})
    assert judge(evidence).holds
    assert judge(replace(evidence, shown=evidence.shown[:2])).holds
    assert judge(evidence).asked == ["post3"]


def test_planted_letters_belong_where_they_are() -> None:
    assert judge(replace(THREE, dead={"policy.posts.q1": ["poison"]}, planted={"poison"})).holds


def test_a_late_second_post_counts_although_it_was_taken_down() -> None:
    """The stage gives removed posts as well: who saw one saw two."""
    again = replace(THREE.shown[2], called=500.0)
    assert judge(replace(THREE, shown=[*THREE.shown, again])).doubled == ["c7r0n3 on wikipedia/x: 2 times"]


def test_a_part_of_a_thread_that_is_missing_is_a_loss() -> None:
    thread = replace(intent(1), marks=("c7r0n1p1", "c7r0n1p2"))
    evidence = well(thread)
    assert judge(replace(evidence, shown=evidence.shown[:1])).lost == ["c7r0n1p2 on wikipedia/bluesky: published"]


def test_the_gap_is_time_in_which_somebody_waited() -> None:
    early, late = intent(0), replace(intent(1), accepted_at=160.0)
    assert judge(well(early, late)).gap == pytest.approx(0.5), "nobody waited between the two"
    stuck = well(early, replace(intent(1), accepted_at=100.0))
    stuck = replace(stuck, shown=[stuck.shown[0], replace(stuck.shown[1], called=130.0)])
    assert judge(stuck).gap == pytest.approx(29.5)


def test_marks_are_read_off_texts_and_titles() -> None:
    assert mark_of({"text": "c7r0n12: an article a day"}) == "c7r0n12"
    assert mark_of({"text": "What is left", "title": "c7r0n12: an article"}) == "c7r0n12"
    assert mark_of({"text": "Picture: somebody, CC0"}) is None


def test_a_person_is_asked_only_about_platforms_that_cannot_tell() -> None:
    assert askable() < set(platforms.specs())
    assert not askable() & {"bluesky", "mastodon", "threads"}


def test_the_table_counts_all_rounds_and_shows_the_worst(tmp_path: Any) -> None:
    book = Book(tmp_path, "run", resume=False)
    for number, gap in enumerate((1.0, 12.0)):
        done = Done(6, [Measured("confirm gap", gap, 10.0)])
        book.add(Line.of("1", "the leader", number, done, judge(THREE)))
    again = Book(tmp_path, "run", resume=True)
    assert [line.holds for line in again.of("1")] == [True, False]
    row = table(again.lines).splitlines()[-1]
    assert row.startswith(
        "| 1 the leader | 12 | 6 | 0 | 0 | 0 | 0.5 s | confirm gap 12 s (≤ 10); **not held in 1 rounds"
    )
