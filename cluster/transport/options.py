"""Options of the transport: every bound, interval and timeout by name."""

from __future__ import annotations

from attrs import frozen

from cluster.errors import OptionError
from cluster.wire.frames import FRAME_BYTES_MAX


@frozen
class TransportOptions:
    """Options of links and datagrams.

    Attributes:
        queue_bytes_max: frames that wait for one peer; beyond it messages are dropped.
        read_bytes: one read of a link; see `read_bytes_max`.
        read_bytes_max: one read of a link whose last read was full, and the most that is read
            from one link in a tick.
        send_bytes: frames are joined to about this much per send.
        connect_timeout_s: for the name to be found and the connection to be made.
        handshake_timeout_s: from the connection to the end of the handshake, TLS included.
        back_off_min_s: pause after the first failure to reach a peer.
        back_off_max_s: the pause doubles up to this.
        jitter: share of the pause that chance takes away, so that nodes do not knock in step.
        keepalive_s: a link on which nothing was sent for so long carries an empty frame.
        silence_s: a link on which nothing arrived for so long is broken.
        idle_s: a link that we opened and nobody used for so long is closed.
        pause_s: a timer later than this means that this process stood still, not the peer.
        forget_s: how long a failed endpoint that nobody asks for is remembered.
        check_interval_s: links are looked through at most this often.
        pending_max: inbound connections that have not proved themselves; the oldest makes room.
        links_max: connections altogether, and outgoing ones; above it new ones are refused.
        accepts_max: connections taken in one tick.
        accept_pause_s: pause after accepting failed (too many open files).
        log_interval_s: a reason to refuse is logged once in this time.
        receives_max: datagrams taken from the socket before other tasks run.
    """

    queue_bytes_max: int = 64 << 20
    read_bytes: int = 64 << 10
    read_bytes_max: int = 256 << 10
    send_bytes: int = 256 << 10
    connect_timeout_s: float = 5.0
    handshake_timeout_s: float = 5.0
    back_off_min_s: float = 0.1
    back_off_max_s: float = 10.0
    jitter: float = 0.5
    keepalive_s: float = 5.0
    silence_s: float = 20.0
    idle_s: float = 300.0
    pause_s: float = 1.0
    forget_s: float = 60.0
    check_interval_s: float = 0.1
    pending_max: int = 64
    links_max: int = 4096
    accepts_max: int = 16
    accept_pause_s: float = 1.0
    log_interval_s: float = 60.0
    receives_max: int = 64

    def validate(self) -> None:
        """Check every bound and relation.

        Raises:
            OptionError: with the name of the first option that does not fit.
        """
        longest = self.back_off_max_s
        for name, is_right, allowed in (
            (
                "queue_bytes_max",
                self.queue_bytes_max >= FRAME_BYTES_MAX,
                f"at least a frame ({FRAME_BYTES_MAX})",
            ),
            ("read_bytes", 0 < self.read_bytes <= self.read_bytes_max, "1 to read_bytes_max"),
            ("send_bytes", self.send_bytes > 0, "more than 0"),
            ("connect_timeout_s", self.connect_timeout_s > 0, "more than 0"),
            ("handshake_timeout_s", self.handshake_timeout_s > 0, "more than 0"),
            ("back_off_min_s", 0 < self.back_off_min_s <= longest, "above 0, to back_off_max_s"),
            ("jitter", 0 <= self.jitter < 1, "0 to below 1"),
            ("keepalive_s", 0 < self.keepalive_s < self.silence_s / 2, "below half silence_s"),
            ("idle_s", self.idle_s > 0, "more than 0"),
            ("pause_s", self.pause_s > 0, "more than 0"),
            ("forget_s", self.forget_s > 0, "more than 0"),
            ("check_interval_s", self.check_interval_s > 0, "more than 0"),
            ("pending_max", 1 <= self.pending_max < self.links_max, "1 to below links_max"),
            ("accepts_max", self.accepts_max >= 1, "at least 1"),
            ("accept_pause_s", self.accept_pause_s > 0, "more than 0"),
            ("log_interval_s", self.log_interval_s > 0, "more than 0"),
            ("receives_max", self.receives_max >= 1, "at least 1"),
        ):
            if not is_right:
                raise OptionError(name, getattr(self, name), allowed)
