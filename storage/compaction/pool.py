"""The pool of worker processes, as seen from the serving process.

`run` owns the processes: one task per worker, in a nursery of its own, hands a job to the process
that had one last, or starts one if none is idle. When `run` ends, for
whatever reason, every process has been killed and waited for; a worker whose parent dies without
that notices the end of its stdin within a slice (compaction/worker.py). So none is ever orphaned.

`execute` may be called from any task. Cancelling it kills the worker that has the job (the only
way to stop one) and returns when it is dead; the next job finds a new process. A job is tried
once: who asked knows best whether to try again, do it in slices, or give up.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import trio
from attrs import define, field, frozen

from storage.compaction.frames import (
    GREETING,
    HEAD_BYTES,
    Kind,
    decode_error,
    decode_head,
    encode_message,
)
from storage.compaction.job import Job, JobResult, decode_result, encode_job
from storage.compaction.shares import Shares
from storage.errors import ClosedError, StorageError, WorkerError

START_TIMEOUT_S = 30.0
JOBS_WAITING_MAX = 64


@frozen
class WorkerPoolStatistics:
    """What the pool did since its start, and is doing."""

    workers: int
    busy: int
    waiting: int
    jobs: int
    failures: int
    processes_started: int


@define(eq=False)
class _Request:
    """A job on its way to a worker, and its outcome."""

    job: Job
    done: trio.Event = field(factory=trio.Event)
    scope: trio.CancelScope = field(factory=trio.CancelScope)
    is_taken: bool = False
    result: JobResult | None = None
    error: StorageError | OSError | None = None

    def settle(self) -> None:
        """Wake who waits; without an outcome the pool has stopped, or nobody listens."""
        if self.result is None and self.error is None:
            self.error = ClosedError()
        self.done.set()


class WorkerPool:
    """At most `size` worker processes. See the module's docstring."""

    def __init__(self, size: int, command: Sequence[str] | None = None) -> None:
        """Make a pool; nothing runs before `run`.

        Args:
            size: number of workers, at least one.
            command: how to start a worker; None is this Python and the module `worker`.
        """
        assert size >= 1, size
        self._size = size
        self._command = command
        self.shares = Shares()
        self._send, self._receive = trio.open_memory_channel[_Request](JOBS_WAITING_MAX)
        self._is_running = False
        self._busy = 0
        self._jobs = 0
        self._failures = 0
        self._processes_started = 0
        self._pids: set[int] = set()
        #: Processes without a job, the one that had one last at the end.
        self._idle: list[_Worker] = []

    @property
    def pids(self) -> frozenset[int]:
        """Process ids of the workers that are alive."""
        return frozenset(self._pids)

    def statistics(self) -> WorkerPoolStatistics:
        """Return counters."""
        return WorkerPoolStatistics(
            workers=self._size,
            busy=self._busy,
            waiting=self._receive.statistics().current_buffer_used,
            jobs=self._jobs,
            failures=self._failures,
            processes_started=self._processes_started,
        )

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Own the worker processes until cancelled; jobs under way then end with `ClosedError`."""
        self.shares.open()
        self._is_running = True
        try:
            async with trio.open_nursery() as nursery:
                for _ in range(self._size):
                    nursery.start_soon(self._serve)
                task_status.started()
        finally:
            self._is_running = False
            self._refuse_waiting()
            while self._idle:
                await self._end(self._idle.pop())
            self.shares.close()

    async def execute(self, job: Job) -> JobResult:
        """Have a worker do a job and return its result. Cancelled, it kills that worker.

        Raises:
            CorruptionError: the worker found damage.
            OSError: the worker met one (disk full, I/O error).
            WorkerError: the worker died or failed otherwise, or too many jobs wait.
            ClosedError: the pool is not running, or stopped meanwhile.
        """
        if not self._is_running:
            raise ClosedError
        request = _Request(job)
        try:
            self._send.send_nowait(request)
        except trio.WouldBlock:
            detail = f"{JOBS_WAITING_MAX} jobs wait for a worker already"
            raise WorkerError(type(job).__name__, detail) from None
        try:
            await request.done.wait()
        except trio.Cancelled:
            request.scope.cancel()
            if request.is_taken:
                # Until the process is dead it could still write.
                with trio.CancelScope(shield=True):
                    await request.done.wait()
            raise
        if request.error is not None:
            raise request.error
        assert request.result is not None
        return request.result

    async def _serve(self) -> None:
        """Serve requests, one at a time."""
        while True:
            request = await self._receive.receive()
            if request.scope.cancel_called:
                continue  # nobody waits for it any more
            self._busy += 1
            request.is_taken = True
            worker: _Worker | None = None
            try:
                with request.scope:
                    worker = await self._take_idle() or await self._start()
                    request.result = await worker.perform(request.job)
            except (StorageError, OSError) as error:
                request.error = error
                self._failures += 1
            finally:
                if worker is not None and worker.is_usable:
                    self._idle.append(worker)
                elif worker is not None:
                    # Before anybody hears of a failure the process is dead: it writes no more.
                    await self._end(worker)
                self._busy -= 1
                self._jobs += 1
                request.settle()

    async def _take_idle(self) -> _Worker | None:
        """The process that was last at work, so that no more are started than are needed."""
        while self._idle:
            worker = self._idle.pop()
            if not worker.has_ended():
                return worker
            # It ended while idle (killed from outside): replaced unnoticed.
            await self._end(worker)
        return None

    async def _start(self) -> _Worker:
        """Start a process and wait for its greeting; a failed start leaves none behind."""
        with trio.CancelScope(shield=True):  # or the process could start and nobody know of it
            process = await trio.lowlevel.open_process(
                self._command or worker_command(self.shares.descriptor),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=_environment(),
                pass_fds=(self.shares.descriptor,),
            )
        worker = _Worker(process)
        self._processes_started += 1
        self._pids.add(process.pid)
        try:
            with trio.fail_after(START_TIMEOUT_S):
                await worker.greet()
        except trio.TooSlowError:
            await self._end(worker)
            raise WorkerError("start", f"no greeting within {START_TIMEOUT_S} s") from None
        except BaseException:
            await self._end(worker)
            raise
        return worker

    async def _end(self, worker: _Worker) -> None:
        """Kill a process and wait for its end, whatever happens around."""
        with trio.CancelScope(shield=True):
            await worker.end()
        self._pids.discard(worker.pid)

    def _refuse_waiting(self) -> None:
        while True:
            try:
                request = self._receive.receive_nowait()
            except trio.WouldBlock:
                return
            request.settle()


class _Worker:
    """One process. `is_usable` turns false when it must not get another job."""

    def __init__(self, process: trio.Process) -> None:
        assert process.stdin is not None and process.stdout is not None
        self._process = process
        self._stdin = process.stdin
        self._stdout = process.stdout
        self.pid = process.pid
        self.is_usable = False

    def has_ended(self) -> bool:
        """Say whether the process is gone."""
        return self._process.poll() is not None

    async def greet(self) -> None:
        """Wait for the greeting."""
        greeting = await self._read(len(GREETING), "start")
        if greeting != GREETING:
            raise WorkerError("start", f"the worker greeted with {greeting!r}")
        self.is_usable = True

    async def perform(self, job: Job) -> JobResult:
        """Send a job and return its result; errors as `WorkerPool.execute`."""
        name = type(job).__name__
        # Until the whole answer has been read, an exception leaves the pipes in an unknown state.
        self.is_usable = False
        try:
            await self._stdin.send_all(encode_message(Kind.JOB, encode_job(job)))
        except trio.BrokenResourceError:
            raise WorkerError(name, "the worker is gone") from None
        length, kind, leaving = decode_head(await self._read(HEAD_BYTES, name))
        body = await self._read(length, name)
        self.is_usable = not leaving
        if kind is Kind.RESULT:
            return decode_result(body)
        raise decode_error(kind, body, name)

    async def end(self) -> None:
        """Kill the process and wait for it."""
        self.is_usable = False
        self._process.kill()
        await self._process.wait()
        await self._stdin.aclose()
        await self._stdout.aclose()

    async def _read(self, length: int, job: str) -> bytes:
        parts = []
        while length:
            part = await self._stdout.receive_some(length)
            if not part:
                status = await self._process.wait()
                raise WorkerError(job, f"the worker ended with status {status}")
            parts.append(bytes(part))
            length -= len(part)
        return b"".join(parts)


def worker_command(shares: int | None = None) -> list[str]:
    """Return the command that starts a worker with this Python.

    `shares` is the descriptor of `Shares.descriptor`; without it a worker takes all it gets.
    """
    command = [sys.executable, "-m", "storage.compaction.worker"]
    return command if shares is None else [*command, str(shares)]


def _environment() -> dict[str, str]:
    """Return our environment, with the directory of this package on the child's module path."""
    root = str(Path(__file__).resolve().parents[2])
    inherited = os.environ.get("PYTHONPATH")
    path = f"{root}{os.pathsep}{inherited}" if inherited else root
    return {**os.environ, "PYTHONPATH": path}
