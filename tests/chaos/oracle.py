"""What must be true of a finished upload: exactly one outcome, and the bytes of an undisturbed run."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from connectors.objectstore import ObjectMissing, ObjectStore
from connectors.objectstore.contract import ref_to
from schemas.events import EPOCH, VideoCancelled, VideoCompleted
from schemas.outcomes import Outcome, load_outcome, outcome_key, results_prefix

Revision = tuple[str, int]
Results = Mapping[str, bytes]
"""The objects of one revision's results, by name."""

OUTCOME = "outcome.json"
CANCEL = "cancel.json"
TIMES = "timeline.json"
_OF_A_RUN = frozenset({OUTCOME, TIMES, "upload.json"})
"""What tells of times and the revision's number, and so is different each time."""


def results_of(store: ObjectStore, revision: Revision) -> Results:
    """What the store has of a revision; the files lie in a folder named after what is in them."""
    keys = store.keys(results_prefix(*revision))
    return {PurePosixPath(key).name: store.get(key) for key in keys}


def is_over(store: ObjectStore, revision: Revision) -> bool:
    """Whether the revision has an outcome."""
    try:
        store.get(outcome_key(*revision))
    except ObjectMissing:
        return False
    return True


def faults(
    revision: Revision,
    found: Results,
    truth: Results,
    announced: Collection[Outcome],
    *,
    cancelled: bool = False,
) -> Iterator[str]:
    """What is wrong with the results of a revision.

    truth: the results of an undisturbed run. announced: every different outcome that was heard of it.
    cancelled: somebody asked to cancel it, which may have come too late.
    """
    if cancelled:
        found = {name: data for name, data in found.items() if name != CANCEL}
        if OUTCOME in found and isinstance(load_outcome(found[OUTCOME]), VideoCancelled):
            yield from _cancelled_faults(revision, found, announced)
            return
    for name in sorted(truth.keys() - found.keys()):
        yield f"{revision}: {name} is missing"
    for name in sorted(found.keys() - truth.keys()):
        yield f"{revision}: {name} should not be there"
    for name in sorted(truth.keys() & found.keys() - _OF_A_RUN):
        if found[name] != truth[name]:
            yield f"{revision}: {name} has other bytes than undisturbed"
    if OUTCOME in found:
        yield from _outcome_faults(revision, found, truth, announced)


def _cancelled_faults(
    revision: Revision, found: Results, announced: Collection[Outcome]
) -> Iterator[str]:
    outcome = load_outcome(found[OUTCOME])
    for other in announced:
        if other != outcome:
            yield f"{revision}: another outcome was announced: {other}"
    for name in sorted(found.keys() - _OF_A_RUN):
        yield f"{revision}: {name} was left by a cancelled revision"


def _outcome_faults(
    revision: Revision, found: Results, truth: Results, announced: Collection[Outcome]
) -> Iterator[str]:
    outcome = load_outcome(found[OUTCOME])
    for other in announced:
        if other != outcome:
            yield f"{revision}: another outcome was announced: {other}"
    undisturbed = load_outcome(truth[OUTCOME])
    if isinstance(undisturbed, VideoCompleted) and not isinstance(outcome, VideoCompleted):
        yield f"{revision}: not completed: {outcome}"
        return
    if _timeless(outcome) != _timeless(undisturbed):
        yield f"{revision}: the outcome says something else than undisturbed: {outcome}"
    if not isinstance(outcome, VideoCompleted):
        return
    for file in outcome.files:
        data = found.get(PurePosixPath(file.key).name)
        if data is None or ref_to(file.key, data) != file:
            yield f"{revision}: the outcome names {file}, which is not there"


def _timeless(outcome: Outcome) -> Outcome:
    """The outcome without what is different each time."""
    outcome = replace(outcome, event_id="", revision=1, made_at=EPOCH, stages=())
    return replace(outcome, files=()) if isinstance(outcome, VideoCompleted) else outcome
