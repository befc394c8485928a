"""The broker core: sessions, subscriptions, retained messages and wills, without bytes or sockets.

The same core serves two fronts: `server` (TCP, MQTT 3.1.1 and 5) and `memory` (virtual time). It
knows no clock but the loop it is given, and hands everything that leaves it to a session's `Port`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from protocols.mqtt.access import OpenAccess
from protocols.mqtt.faults import Direction
from protocols.mqtt.limits import BrokerLimits
from protocols.mqtt.publication import Delivery, Publication
from protocols.mqtt.reason import Reason
from protocols.mqtt.retained import RetainedMessages
from protocols.mqtt.session_state import Port, Session
from protocols.mqtt.subscriptions import Route, ShareGroup, Subscription, SubscriptionIndex
from protocols.mqtt.topic_filter import MqttTopicError, check_topic_filter, split_share
from protocols.mqtt.wills import LastWill, PendingWills, Timer, Timers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from protocols.mqtt.access import Access
    from protocols.mqtt.faults import Faults


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectRequest:
    """What a client asks when it connects.

    Attributes:
        client_id: Its name, never empty.
        clean_start: Begin with an empty session whatever is kept.
        session_expiry_s: Seconds its session outlives the connection; infinite is for ever.
        receive_maximum: QoS 1 and 2 messages it takes before it has acknowledged one.
        will: Published if the connection is lost.
    """

    client_id: str
    clean_start: bool = True
    session_expiry_s: float = 0.0
    receive_maximum: int = 65535
    will: LastWill | None = None


class Router:
    """One broker.

    Args:
        timers: The loop: its time and its timers.
        limits: Bounds on memory.
        access: Who may do what.
        faults: Injected faults; None for a broker that works.
    """

    def __init__(
        self,
        timers: Timers,
        *,
        limits: BrokerLimits | None = None,
        access: Access | None = None,
        faults: Faults | None = None,
    ) -> None:
        self.limits = limits or BrokerLimits()
        self.access: Access = access or OpenAccess()
        self.faults = faults
        self.retained = self._nothing_retained()
        self.reachable = True
        self._timers = timers
        self._sessions: dict[str, Session] = {}
        self._expiries: dict[str, Timer | None] = {}
        self._index: SubscriptionIndex[Session] = SubscriptionIndex()
        self._wills = PendingWills(timers, self.publish)
        self._assigned = 0

    def now_s(self) -> float:
        """The broker's time, loop seconds."""
        return self._timers.time()

    @property
    def sessions(self) -> tuple[Session, ...]:
        """All sessions, connected or kept, in order of creation."""
        return tuple(self._sessions.values())

    def session(self, client_id: str) -> Session | None:
        """The session of a client, if there is one."""
        return self._sessions.get(client_id)

    def assign_client_id(self) -> str:
        """A name for a client that brought none."""
        while True:
            self._assigned += 1
            client_id = f"pyros-auto-{self._assigned}"
            if client_id not in self._sessions:
                return client_id

    def connect(self, request: ConnectRequest, port: Port) -> tuple[Session, bool]:
        """Open or resume a session; a connection of the same client id is taken over.

        The front acknowledges, then calls `session.pump()` to send what waits.

        Returns:
            The session, and whether it existed before (Session Present).
        """
        client_id = request.client_id
        session = self._sessions.get(client_id)
        if session is not None and session.port is not None:
            old = session.port
            self.detach(session, old, lost=True, resumed=not request.clean_start)
            old.close(Reason.SESSION_TAKEN_OVER)
            session = self._sessions.get(client_id)
        self._stop_expiry(client_id)
        present = session is not None and not request.clean_start
        if session is not None and request.clean_start:
            self._end(session)
        if present:
            self._wills.came_back(client_id)
        if session is None or not present:
            session = Session(client_id, self._timers.time, self.limits)
            self._sessions[client_id] = session
        session.expiry_s = request.session_expiry_s
        session.will = request.will
        session.attach(port, request.receive_maximum)
        return session, present

    def detach(self, session: Session, port: Port, *, lost: bool, resumed: bool = False) -> None:
        """A connection ended.

        Args:
            session: Its session.
            port: Its port; nothing happens when another has taken its place.
            lost: True when the will is due: not after a DISCONNECT in order.
            resumed: The same client is taking its session over at this moment.
        """
        if session.port is not port:
            return
        session.detach()
        will, session.will = session.will, None
        ends_in_s = math.inf if resumed else session.expiry_s
        if lost and will is not None:
            self._wills.lost(session.client_id, will, session_ends_in_s=ends_in_s)
        if resumed:
            return
        if session.expiry_s <= 0:
            self._end(session)
        else:
            self._start_expiry(session)

    def publish(self, publication: Publication) -> bool:
        """Give a publication to everyone who subscribed.

        Returns:
            Whether anyone matched.
        """
        if publication.retain:
            self.retained.store(publication)
        match = self._index.match(publication.topic)
        for route in match.routes:
            wanted: Route[Session] | None = route
            if route.no_local and route.client.client_id == publication.publisher:
                wanted = route.without_local()
            if wanted is not None:
                self._send(wanted, publication)
        for group in match.groups:
            self._send_to_one(group, publication)
        return bool(match.routes or match.groups)

    def receive(self, session: Session, publication: Publication) -> bool:
        """A client published; the faults have their say. Returns whether anyone matched."""
        faults = self.faults
        if faults is None or not faults.active:
            return self.publish(publication)
        fate = faults.fate(session.client_id, publication.topic, Direction.TO_BROKER)
        if fate.disconnect:
            self.sever(session.client_id)
            return True
        matched = True
        for delay_s in fate.delays_s:
            if delay_s > 0:
                self._timers.call_later(delay_s, lambda: self.publish(publication))
            else:
                matched = self.publish(publication)
        return matched

    def subscribe(
        self,
        session: Session,
        subscriptions: Sequence[Subscription],
        acknowledge: Callable[[list[Reason]], None],
    ) -> None:
        """Add or replace subscriptions, acknowledge, then send the retained messages they ask for.

        Args:
            session: The subscriber.
            subscriptions: In the order of the SUBSCRIBE packet.
            acknowledge: Called once with a reason for each, before anything retained is sent.
        """
        reasons: list[Reason] = []
        granted: list[tuple[Subscription, bool]] = []
        for subscription in subscriptions:
            reason = self._may_subscribe(session, subscription)
            reasons.append(reason)
            if reason < Reason.UNSPECIFIED_ERROR:
                existed = subscription.topic_filter in session.subscriptions
                session.subscriptions[subscription.topic_filter] = subscription
                self._index.add(session, subscription)
                granted.append((subscription, existed))
        acknowledge(reasons)
        for subscription, existed in granted:
            handling = subscription.retain_handling
            if handling == 0 or (handling == 1 and not existed):
                self._send_retained(session, subscription)

    def unsubscribe(self, session: Session, topic_filters: Sequence[str]) -> list[Reason]:
        """Remove subscriptions; a reason for each."""
        reasons = []
        for topic_filter in topic_filters:
            if session.subscriptions.pop(topic_filter, None) is None:
                reasons.append(Reason.NO_SUBSCRIPTION_EXISTED)
            else:
                self._index.remove(session, topic_filter)
                reasons.append(Reason.SUCCESS)
        return reasons

    def sever(self, client_id: str) -> bool:
        """Cut a client's connection without a word; its will is due. False when not connected."""
        session = self._sessions.get(client_id)
        if session is None or session.port is None:
            return False
        port = session.port
        self.detach(session, port, lost=True)
        port.sever()
        return True

    def go_down(self, *, forget: bool = True) -> None:
        """Fail as a killed broker does: every connection is cut, no will is published.

        Args:
            forget: Lose sessions and retained messages too, as without persistence.
        """
        self.reachable = False
        for session in self.sessions:
            port = session.port
            if port is not None:
                session.will = None
                self.detach(session, port, lost=False)
                port.sever()
        if forget:
            for session in self.sessions:
                self._wills.came_back(session.client_id)
                self._stop_expiry(session.client_id)
                self._end(session)
            self.retained = self._nothing_retained()

    def come_up(self) -> None:
        """Accept connections again after `go_down`."""
        self.reachable = True

    def close(self) -> None:
        """Stop for good: connected clients are told, timers are cancelled."""
        for session in self.sessions:
            port = session.port
            if port is not None:
                session.will = None
                self.detach(session, port, lost=False)
                port.close(Reason.SERVER_SHUTTING_DOWN)
        self.go_down()

    def _nothing_retained(self) -> RetainedMessages:
        limits = self.limits
        return RetainedMessages(
            max_messages=limits.max_retained, max_bytes=limits.max_retained_bytes
        )

    def _may_subscribe(self, session: Session, subscription: Subscription) -> Reason:
        topic_filter = subscription.topic_filter
        try:
            check_topic_filter(topic_filter)
        except MqttTopicError:
            return Reason.TOPIC_FILTER_INVALID
        if topic_filter.count("/") >= self.limits.max_topic_levels:
            return Reason.TOPIC_FILTER_INVALID
        if not self.access.may_subscribe(session.client_id, topic_filter):
            return Reason.UNSPECIFIED_ERROR  # the standard lets a server not reveal the reason
        known = topic_filter in session.subscriptions
        if not known and len(session.subscriptions) >= self.limits.max_subscriptions:
            return Reason.QUOTA_EXCEEDED
        return Reason(subscription.qos)

    def _send(self, route: Route[Session], publication: Publication) -> None:
        delivery = Delivery(
            publication,
            min(publication.qos, route.qos),
            publication.retain and route.retain_as_published,
            route.identifiers,
        )
        if self.faults is None or not self.faults.active:
            route.client.offer(delivery)
        else:
            self._send_through_faults(route.client, delivery)

    def _send_through_faults(self, session: Session, delivery: Delivery) -> None:
        assert self.faults is not None  # noqa: S101 - narrows for the type checker
        publication = delivery.publication
        fate = self.faults.fate(session.client_id, publication.topic, Direction.FROM_BROKER)
        if fate.disconnect:
            self.sever(session.client_id)
            return
        for delay_s in fate.delays_s:
            copy = Delivery(publication, delivery.qos, delivery.retain, delivery.identifiers)
            if delay_s > 0:
                self._timers.call_later(delay_s, partial(self._send_late, session, copy))
            else:
                session.offer(copy)

    def _send_late(self, session: Session, delivery: Delivery) -> None:
        if self._sessions.get(session.client_id) is session:
            session.offer(delivery)

    def _send_to_one(self, group: ShareGroup[Session], publication: Publication) -> None:
        members = group.in_turn()
        chosen = next(
            (each for each in members if each[0].port is not None and not each[0].port.congested),
            members[0],
        )
        session, subscription = chosen
        self._send(Route.merged(session, (subscription,)), publication)

    def _send_retained(self, session: Session, subscription: Subscription) -> None:
        group, plain = split_share(subscription.topic_filter)
        if group is not None:
            return
        identifiers = () if subscription.identifier is None else (subscription.identifier,)
        for kept in self.retained.matching(plain, self._timers.time()):
            qos = min(kept.qos, subscription.qos)
            session.offer(Delivery(kept, qos, retain=True, identifiers=identifiers), keep=True)

    def _start_expiry(self, session: Session) -> None:
        client_id = session.client_id
        timer = None
        if session.expiry_s != math.inf:
            timer = self._timers.call_later(session.expiry_s, lambda: self._expire(client_id))
        self._expiries[client_id] = timer
        while len(self._expiries) > self.limits.max_offline_sessions:
            self._expire(next(iter(self._expiries)))

    def _stop_expiry(self, client_id: str) -> None:
        timer = self._expiries.pop(client_id, None)
        if timer is not None:
            timer.cancel()

    def _expire(self, client_id: str) -> None:
        self._stop_expiry(client_id)
        session = self._sessions.get(client_id)
        if session is not None and session.port is None:
            self._end(session)

    def _end(self, session: Session) -> None:
        """The session is over: its subscriptions go, a will still waiting comes true."""
        for topic_filter in session.subscriptions:
            self._index.remove(session, topic_filter)
        session.subscriptions.clear()
        if self._sessions.get(session.client_id) is session:
            del self._sessions[session.client_id]
        self._wills.session_ended(session.client_id)
