"""For administrators: the stages and how mail flows through them; where a mail is."""

from typing import Any

from starlette.responses import Response

from api import deliveries
from api.cli.trace_words import in_words
from api.endpoint import JSON_HEADERS, Call, json_answer
from api.problems import invalid_parameter, not_found
from api.shapes_topology import (
    StageOut,
    TopologyOut,
    TopSenderOut,
    TopSendersOut,
    TopSendersQuery,
    TraceCopy,
    TraceEvent,
    TraceLetter,
    TraceOut,
)
from topologies.drawing.described import stage_described
from topologies.drawing.svg import as_svg
from topologies.mail.sender_windows import hour_of, start_of
from topologies.ports.dead_letters import DeadLetter
from topologies.ports.figures import Flow, StageFigures
from topologies.stage import Stage
from topologies.trail import Trail, TrailCopy, TrailEvent
from topologies.trail_finding import TrailFinder

ROOM = 17  # letters, for a stage's figures in the picture
NO_MAIL = "nothing is known of such a mail: the log has forgotten it, or there never was one"
REPLAY = "-replay"


async def read_topology(call: Call) -> Response:
    """Answer all stages with their figures."""
    topology = call.context.topology
    flow = await call.context.flow()
    heads = {stage.name for _, stage in topology.heads()}
    return json_answer(
        TopologyOut(
            at=flow.at,
            stages=tuple(_stage(stage, flow, stage.name in heads) for stage in topology.stages),
            cuts=tuple(sorted(topology.cuts)),
            taps=tuple(sorted(topology.taps)),
            replay_lag={
                group.removesuffix(REPLAY): count
                for group, count in sorted(flow.lag.items())
                if group.endswith(REPLAY)
            },
            later=dict(flow.later),
            unknown=tuple(flow.unknown),
        )
    )


async def draw(call: Call) -> Response:
    """Answer the topology as a picture, with room for each stage's figures."""
    picture = as_svg(call.context.topology, room=ROOM)
    return Response(picture, 200, JSON_HEADERS, "image/svg+xml")


async def list_top_senders(call: Call) -> Response:
    """Answer who sent most in one hour."""
    asked: TopSendersQuery = call.query(TopSendersQuery)
    hour = hour_of(asked.hour or call.context.clock.now())
    try:
        begins = start_of(hour)
    except (ValueError, OverflowError, OSError):
        raise invalid_parameter("hour", "it is no moment of ours") from None
    found = await call.context.top_senders.top(begins, asked.limit)
    return json_answer(
        TopSendersOut(
            hour=begins,
            senders=tuple(
                TopSenderOut(sender=each.sender, mails=each.mails, bad=each.bad) for each in found
            ),
        )
    )


async def trace(call: Call) -> Response:
    """Answer all that is known of one mail."""
    context = call.context
    finder = TrailFinder(
        context.reader,
        context.directory,
        context.mailboxes,
        context.deliveries,
        context.dead_letters,
        context.topology,
        context.clock,
    )
    try:
        trail = await finder.find(call.path["mail_id"])
    except ValueError:
        raise not_found(
            "that is no id of a mail, which looks like 019ca945-0a00-788f-aaa8-18612655d5a4"
        ) from None
    if trail.is_empty:
        raise not_found(NO_MAIL)
    return json_answer(_told(trail))


def _stage(stage: Stage, flow: Flow, heads_chain: bool) -> StageOut:
    figures = flow.stages.get(stage.name, StageFigures())
    lag = flow.lag.get(stage.name) if heads_chain else None
    return StageOut(
        **stage_described(stage),
        heads_chain=heads_chain,
        done_per_s=round(figures.done_per_s, 3),
        again_per_s=round(figures.again_per_s, 3),
        buried_per_s=round(figures.buried_per_s, 3),
        waiting=figures.waiting,
        oldest_s=round(figures.oldest_s, 1),
        lag_records=lag,
        lag_s=_age(flow, stage.name, lag),
        dead_letters=flow.dead.get(stage.name, 0),
    )


def _age(flow: Flow, group: str, lag: int | None) -> float | None:
    if lag is None:
        return None
    known = flow.lag_s.get(group, 0.0 if lag == 0 else None)
    return round(known, 1) if known is not None else None


def _told(trail: Trail) -> TraceOut:
    return TraceOut(
        mail_ids=tuple(trail.mail_ids),
        events=tuple(_event(each, trail) for each in trail.events),
        copies=tuple(map(_copy, trail.copies)),
        deliveries=tuple(map(deliveries.queued, trail.deliveries)),
        dead_letters=tuple(map(_letter, trail.dead_letters)),
        incomplete=tuple(trail.incomplete),
    )


def _event(event: TrailEvent, trail: Trail) -> TraceEvent:
    known: dict[str, Any] = {name: getattr(event, name) for name in TrailEvent.__slots__}
    after_s = (event.at - trail.events[0].at).total_seconds()
    return TraceEvent(**known, after_s=after_s, said=in_words(event.tag, event.fields))


def _copy(copy: TrailCopy) -> TraceCopy:
    return TraceCopy(**{name: getattr(copy, name) for name in TraceCopy.__struct_fields__})


def _letter(letter: DeadLetter) -> TraceLetter:
    return TraceLetter(**{name: getattr(letter, name) for name in TraceLetter.__struct_fields__})
