"""Many requests under way at once: how many is learnt from the server's answers.

Who gets a seat takes what was given first: nothing waits in the hands of a thread while what came later is done.
Results come in the order of what was given. What fails first, in that order, is raised; what has not begun by then
never begins.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, Final, TypeVar

A = TypeVar("A")
B = TypeVar("B")

FEWEST: Final = 8
FIRST: Final = 32
MOST: Final = 64


class Flight:
    """``limit`` pieces of work at once: half as many after an answer that says "not now", one more after as many good
    ones as there are at once. Thread-safe."""

    def __init__(self) -> None:
        self.limit = FIRST
        self._room = threading.Condition()
        self._under_way = 0
        self._good = 0
        self._pool: ThreadPoolExecutor | None = None
        self._given: deque[Callable[[], None]] = deque()

    def busy(self) -> None:
        """The server took a request for one too many."""
        with self._room:
            self.limit = max(FEWEST, self.limit // 2)
            self._good = 0

    @contextmanager
    def crew(self) -> Iterator["Crew"]:
        """One pool serves all: a thread is not made anew for each look."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(MOST)
        crew = Crew(self, self._pool)
        try:
            yield crew
        finally:
            crew.end()

    def close(self) -> None:
        """Ends the threads."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown()

    def each(
        self, work: Callable[[A], B], items: Iterable[A], heard: Callable[[], None] = lambda: None
    ) -> list[B]:
        """``work`` of each item; ``heard`` is called with each result."""
        wanted, found = list(items), []
        if len(wanted) < 2:  # no thread for one request
            return [work(item) for item in wanted]
        with self.crew() as crew:
            for future in [crew.begin(work, item) for item in wanted]:
                found.append(future.result())
                heard()
        return found

    def give(self, pool: ThreadPoolExecutor, work: Callable[[A], B], item: A) -> Future[B]:
        future: Future[B] = Future()

        def done() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work(item))
                except BaseException as error:  # noqa: BLE001 - the future raises it where it is asked
                    future.set_exception(error)

        self._given.append(done)
        pool.submit(self._next)
        return future

    def _next(self) -> None:
        with self.seat():
            self._given.popleft()()

    @contextmanager
    def seat(self) -> Iterator[None]:
        with self._room:
            self._room.wait_for(lambda: self._under_way < self.limit)
            self._under_way += 1
        try:
            yield
        finally:
            with self._room:
                self._under_way -= 1
                self._good += 1
                if self._good >= self.limit and self.limit < MOST:
                    self.limit, self._good = self.limit + 1, 0
                    self._room.notify()
                # One seat, one thread that is woken: to wake all that wait would cost more than a request.
                self._room.notify()


class Crew:
    """Takes work for as long as its block lasts; at the block's end what has not begun is left."""

    def __init__(self, flight: Flight, pool: ThreadPoolExecutor) -> None:
        self._flight = flight
        self._pool = pool
        self._futures: list[Future[Any]] = []

    def begin(self, work: Callable[[A], B], item: A) -> Future[B]:
        future = self._flight.give(self._pool, work, item)
        self._futures.append(future)
        return future

    def end(self) -> None:
        """What has not begun never begins; what has is waited for."""
        wait([future for future in self._futures if not future.cancel()])
