#!/usr/bin/env python3
"""A small swarm that indexes the words of a folder and can be watched on a Swarmdeck while it does.

    swarmdeck serve                                     # in one terminal
    python3 examples/indexer.py ~/notes --workers 4     # in another; then open http://127.0.0.1:3000

One coordinator walks the folder, cuts the walk into tasks of up to 20 files and hands them to its
workers, which are threads. The workers count words and put their counts into a shared memory; the
coordinator gathers them there and writes the index as JSON: totals, top words, word -> files, and
what could not be read. Everything the deck shows of it happened and was measured.

The part to take over into a swarm of your own is `Reporter`: `emit` never waits for the deck, and
a deck that is away costs the work nothing. Needs Python 3.9 and its standard library only.

Exit code: 0 the index is written, deck or no deck; 1 it could not be written; 2 wrong arguments;
130 interrupted (Ctrl-C), in which case an index of an earlier run is left as it is.
"""

from __future__ import annotations

import argparse
import collections
import datetime
import hashlib
import http.client
import itertools
import json
import os
import platform
import queue
import random
import re
import secrets
import signal
import stat
import sys
import threading
import time
import urllib.parse
from typing import Any, NamedTuple, Optional

# Reporting. At QUEUE_EVENTS the oldest event is dropped and counted: what is happening now matters
# more on a deck than what has passed. One batch more is in the sender's hands.
QUEUE_EVENTS = 10_000
BATCH_EVENTS = 200
BATCH_BYTES = 512 * 1024  # a deck takes bodies of up to 1 MiB
BATCH_SECONDS = 0.05  # how long a small batch waits for company
POST_SECONDS = 5.0
BACKOFF_SECONDS = (0.2, 5.0)  # first and longest
FLUSH_SECONDS = 5.0  # at the end, for what is still waiting

# Work.
FILES_PER_TASK = 20
TASKS_AHEAD = 32  # tasks put up before a worker is free for them
MAX_WORKERS = 64
MAX_FILE_BYTES = 16 * 1024 * 1024  # a larger file counts as failed
MAX_WORD = 64  # a longer run of letters is data, not a word
STOP_SECONDS = 5.0  # at the end, for the workers to finish what they have in hand
DRAW_SECONDS = 0.5  # the topology is published at most this often while the work runs
SKIPPED_FOLDERS = {"target", "node_modules"}  # and hidden ones
WORD = re.compile(r"[^\W\d_]{2,}")  # two letters or more, in any script

COORDINATOR = "indexer-coordinator"
CONTENTS, PARTIALS = "indexer.contents", "indexer.partials"  # namespaces of the shared memory


def say(text: str) -> None:
    """Tells the person at the terminal, in one line whatever a server or a file name brings along."""
    print("indexer: " + "".join(c if c.isprintable() else " " for c in text), file=sys.stderr, flush=True)


class Reporter:
    """Sends events to a deck from a thread of its own, in the order they were emitted.

    An event keeps its id over all attempts, so the deck stores it once however often it is sent.
    """

    def __init__(self, url: str, token: Optional[str], run: str) -> None:
        self.url, self.run = url, run
        self.created = self.delivered = self.refused = self.dropped = 0
        self._waiting: collections.deque[dict] = collections.deque()
        self._wakeup = threading.Condition()
        self._closing = threading.Event()
        self._last_refusal = ""
        parts = urllib.parse.urlsplit(url)
        connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = connect(parts.hostname, parts.port, timeout=POST_SECONDS)
        self._path = parts.path.rstrip("/") + "/api/events"
        self._headers = {"Content-Type": "application/x-ndjson", "Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._sender = threading.Thread(target=self._send, name="reporter", daemon=True)
        self._sender.start()

    def emit(self, kind: str, entity: str, payload: dict[str, Any]) -> None:
        """Takes one event and returns at once. Fields that are None are left out."""
        with self._wakeup:
            if len(self._waiting) >= QUEUE_EVENTS:
                self._waiting.popleft()
                self.dropped += 1
            self.created += 1
            now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
            self._waiting.append({
                "id": f"{self.run}-{self.created}",
                "type": kind,
                "ts": now.replace("+00:00", "Z"),
                "source": "indexer",
                "entity": {"kind": kind.split(".")[0], "id": entity},
                "payload": {key: value for key, value in payload.items() if value is not None},
            })
            self._wakeup.notify()

    def close(self) -> None:
        """Gives what is waiting FLUSH_SECONDS to reach the deck, then says what did not."""
        with self._wakeup:
            self._closing.set()
            self._wakeup.notify()
        self._sender.join(FLUSH_SECONDS)
        late = self.created - self.delivered - self.refused - self.dropped
        for count, fate in (
            (self.dropped, f"dropped, the oldest of more than {QUEUE_EVENTS} that waited for the deck"),
            (self.refused, "refused by the deck"),
            (late, f"given up: {self.url} did not acknowledge them in time"),
        ):
            if count:
                say(f"{count} events {fate}")

    def _send(self) -> None:
        while batch := self._next_batch():
            self._deliver(batch)

    def _next_batch(self) -> list[dict]:
        """The next events in order, at most BATCH_EVENTS; none when there will be no more."""
        with self._wakeup:
            self._wakeup.wait_for(lambda: self._waiting or self._closing.is_set())
            few = len(self._waiting) < BATCH_EVENTS
        if few:
            self._closing.wait(BATCH_SECONDS)
        with self._wakeup:
            return [self._waiting.popleft() for _ in range(min(BATCH_EVENTS, len(self._waiting)))]

    def _deliver(self, batch: list[dict]) -> None:
        # "replace" because a text with half a surrogate pair would make the whole batch unreadable.
        body = b"".join(json.dumps(event, ensure_ascii=False).encode("utf-8", "replace") + b"\n" for event in batch)
        if len(body) > BATCH_BYTES:
            status, problem = 413, f"{len(body)} bytes are more than a deck takes"
        else:
            status, problem = self._post_until_answered(body)
        if not problem:
            # Not the answer's count: a deck need not count what it knew from an attempt before.
            self.delivered += len(batch)
        elif len(batch) > 1 and status in (400, 413, 422):
            # A batch is all or nothing; halving it keeps one bad event from taking good ones along.
            middle = len(batch) // 2
            self._deliver(batch[:middle])
            self._deliver(batch[middle:])
        else:
            self.refused += len(batch)
            if problem != self._last_refusal:
                say(f"the deck refused what it was sent: {problem}")
            self._last_refusal = problem

    def _post_until_answered(self, body: bytes) -> tuple[int, str]:
        """The status, and what is wrong in the deck's words; empty where the batch was accepted."""
        for attempt in itertools.count():
            try:
                status, problem = self._post(body)
                if status < 500 and status not in (408, 425, 429):
                    if attempt > 1:
                        say("the deck answers again")
                    return status, problem
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                problem = str(error) or type(error).__name__
            # The first failure may only be an idle connection that the deck had closed.
            if attempt == 1:
                say(f"the deck at {self.url} does not answer ({problem}); the work goes on, the events wait")
            self._back_off(attempt)
        raise AssertionError("the loop above has no end")

    def _post(self, body: bytes) -> tuple[int, str]:
        self._connection.request("POST", self._path, body, self._headers)
        response = self._connection.getresponse()
        text = response.read(1 << 20)
        if not response.isclosed():
            self._connection.close()  # a rest that nobody reads would stand before the next answer
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        answer = answer if isinstance(answer, dict) else {}
        if 200 <= response.status < 300 and "accepted" in answer:
            return response.status, ""
        detail = answer.get("detail") or answer.get("title") or "not the answer of a deck"
        return response.status, f"{response.status} {response.reason}: {str(detail)[:500]}"

    def _back_off(self, attempt: int) -> None:
        first, longest = BACKOFF_SECONDS
        delay = random.uniform(0.5, 1.0) * min(longest, first * 2 ** min(attempt, 16))
        if self._closing.is_set():
            time.sleep(min(delay, first))
        else:
            self._closing.wait(delay)


class SharedMemory:
    """What the agents keep in common: values by namespace and key, in this process, under one lock."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._lock = threading.Lock()
        self._spaces: dict[str, dict[str, Any]] = {CONTENTS: {}, PARTIALS: {}}

    def store(self, namespace: str, key: str, value: Any, digest: dict) -> None:
        """Keeps a value. The deck is told its digest: the value may be more than an event can hold."""
        began = time.perf_counter()
        with self._lock:
            known = key in self._spaces[namespace]
            self._spaces[namespace][key] = value
        self._report("updated" if known else "stored", namespace, began, key=key, value=digest)

    def retrieve(self, namespace: str, key: str) -> Any:
        """The value, or None where there is none: a miss."""
        began = time.perf_counter()
        with self._lock:
            value = self._spaces[namespace].get(key)
        self._report("retrieved", namespace, began, key=key, cache_hit=value is not None)
        return value

    def search(self, namespace: str, query: str) -> list[str]:
        """The keys whose values contain `query`."""
        began = time.perf_counter()
        with self._lock:
            found = [key for key, value in self._spaces[namespace].items() if query in value]
        self._report("searched", namespace, began, query=query, result_count=len(found))
        return found

    def _report(self, operation: str, namespace: str, began: float, **fields: Any) -> None:
        latency = round((time.perf_counter() - began) * 1000, 4)
        self._reporter.emit(f"memory.{operation}", namespace, {"namespace": namespace, **fields, "latency_ms": latency})


class Task(NamedTuple):
    """Some files for one worker, and which of them failed, and why; the counts go to the shared memory."""

    id: str
    files: list[str]
    failed: dict[str, str]


class Message(NamedTuple):
    """What one agent tells another: `content` in words, `task` where one is given or given back."""

    sender: str
    kind: str
    content: str
    task: Optional[Task]


class Swarm:
    """What the agents of one run share."""

    def __init__(self, reporter: Reporter, directory: str, pace: float) -> None:
        self.reporter, self.directory, self.pace = reporter, directory, pace
        self.memory = SharedMemory(reporter)
        self.stopping = threading.Event()
        # An inbox stays short by itself: a worker has one task at a time, so no more than an error
        # for each of its files and one response of each worker wait for the coordinator.
        self.inboxes: dict[str, queue.Queue[Message]] = {}
        self._numbers = itertools.count(1)

    def new_id(self, what: str) -> str:
        """An id that no other run and nothing else in this one has."""
        return f"{what}-{self.reporter.run}-{next(self._numbers)}"


class Agent:
    """One member of the swarm: its status, its inbox and what it measures of itself."""

    def __init__(self, swarm: Swarm, id: str, agent_type: str, capabilities: list[str], parent: Optional[str]) -> None:
        self.swarm, self.id, self.agent_type = swarm, id, agent_type
        self.name = id.replace("-", " ").capitalize()
        self.emit = swarm.reporter.emit
        self.status: Optional[str] = None
        self._inbox = swarm.inboxes[id] = queue.Queue()
        self._handled = 0
        self._measured: Optional[tuple[float, float]] = None
        about = {"name": self.name, "agent_type": agent_type, "capabilities": capabilities, "parent": parent}
        self.emit("agent.registered", id, {**about, "host": platform.node() or None})
        self.announce("spawning")

    def send(self, to: str, kind: str, content: str, task: Optional[Task] = None) -> None:
        """Puts a message into the inbox of `to`; `*` is everyone else."""
        size = len(content.encode())
        payload = {"from": self.id, "to": to, "message_type": kind, "content": content, "size": size}
        self.emit("message.sent", self.swarm.new_id("message"), payload)
        for agent, inbox in self.swarm.inboxes.items():
            if agent == to or (to == "*" and agent != self.id):
                inbox.put(Message(self.id, kind, content, task))

    def receive(self, timeout: Optional[float] = None) -> Message:
        message = self._inbox.get(timeout=timeout)
        self._handled += 1
        return message

    def turn(self, status: str, task: Optional[str] = None, reason: Optional[str] = None) -> None:
        """Changes the own status; only from the agent's own thread, whose time it measures."""
        self.announce(status, task, reason, self._metrics())

    def announce(self, status: str, task: Any = None, reason: Any = None, metrics: Any = None) -> None:
        previous, self.status = self.status, status
        payload = {"status": status, "previous": previous, "task": task, "reason": reason, "metrics": metrics}
        self.emit("agent.status_changed", self.id, payload)

    def give_up(self, file: str, reason: str, parent: str) -> None:
        """Makes of what cannot be read a failed task of its own."""
        task = self.swarm.new_id("unreadable")
        self.emit("task.created", task, {"description": f"Read {shown(file)}", "parent": parent})
        self.emit("task.assigned", task, {"agent": self.id})
        self.emit("task.started", task, {"agent": self.id})
        self.emit("task.failed", task, {"error": reason})

    def _metrics(self) -> dict[str, Any]:
        """Messages handled, and the share of a core used since last asked if that is long enough to tell.

        No memory: the agents are threads, and the memory of their process is nobody's own.
        """
        metrics: dict[str, Any] = {"message_count": self._handled}
        wall, cpu = time.monotonic(), time.thread_time()
        then, spent = self._measured or (wall, cpu)
        if wall - then >= 0.02:
            metrics["cpu"] = round(100 * (cpu - spent) / (wall - then), 1)
        if self._measured is None or "cpu" in metrics:
            self._measured = (wall, cpu)
        return metrics


class Worker(Agent):
    """Counts the words of the files it is given, one task at a time."""

    def __init__(self, swarm: Swarm, number: int) -> None:
        super().__init__(swarm, f"indexer-worker-{number}", "worker", ["read", "count"], COORDINATOR)
        self.thread = threading.Thread(target=self._work, name=self.id, daemon=True)

    def _work(self) -> None:
        self.turn("idle")
        while task := (message := self.receive()).task:
            self._take_on(task)
        self.turn("stopped", reason=message.content)

    def _take_on(self, task: Task) -> None:
        self.turn("busy", task=task.id)
        self.emit("task.started", task.id, {"agent": self.id, "title": f"Count {some_files(len(task.files))}"})
        try:
            finished = self._count(task)
        except Exception as fault:  # a worker's fault is one task's failure, never the swarm's end
            error = f"{type(fault).__name__}: {fault}"
            task.failed.update(dict.fromkeys(task.files, error))
            self.emit("task.failed", task.id, {"error": error})
            self.turn("error", reason=error)
            self.send(COORDINATOR, "error", error, task)
            return
        self.turn("idle")
        if finished:
            good, bad = len(task.files) - len(task.failed), len(task.failed)
            self.send(COORDINATOR, "response", f"{some_files(good)} counted, {bad} unreadable", task)

    def _count(self, task: Task) -> bool:
        """Counts file by file; False where the run was interrupted."""
        began = time.monotonic()
        partial: dict[str, collections.Counter[str]] = {}
        for done, file in enumerate(task.files, 1):
            # The pace is there for a person to follow; an interrupt need not wait for it.
            if self.swarm.stopping.wait(self.swarm.pace):
                self.emit("task.cancelled", task.id, {"reason": "interrupted"})
                return False
            try:
                partial[file] = self._words_of(file)
            except Unreadable as reason:
                task.failed[file] = str(reason)
                self.give_up(file, str(reason), task.id)
                self.send(COORDINATOR, "error", f"{shown(file)}: {reason}")
            progress = {"progress": percent(done, len(task.files)), "message": shown(file)}
            self.emit("task.progress", task.id, progress)
        words = sum(sum(counts.values()) for counts in partial.values())
        figures = {"files": len(partial), "failed": len(task.failed), "words": words}
        self.swarm.memory.store(PARTIALS, task.id, partial, figures)
        self.emit(*verdict_on(task.id, figures, began))
        return True

    def _words_of(self, file: str) -> collections.Counter[str]:
        """The counts of a file, out of the shared memory where the same content was counted before."""
        content = read_bytes(os.path.join(self.swarm.directory, file))
        key = hashlib.sha256(content).hexdigest()
        known = self.swarm.memory.retrieve(CONTENTS, key)
        if known is not None:
            return known
        words = count_words(content)
        top = [word for word, _ in words.most_common(5)]
        self.swarm.memory.store(CONTENTS, key, words, {"distinct": len(words), "top": top})
        return words


class Coordinator(Agent):
    """Walks the folder, hands out the tasks, gathers the counts and writes the index."""

    def __init__(self, swarm: Swarm, workers: int, out: str) -> None:
        super().__init__(swarm, COORDINATOR, "coordinator", ["walk", "assign", "gather"], None)
        self.out, self.written = out, False
        self.files = 0
        self.words: collections.Counter[str] = collections.Counter()
        self.failed: dict[str, str] = {}
        self._task = swarm.new_id("index")
        self._where: dict[str, list[str]] = collections.defaultdict(list)
        self._put_up: collections.deque[Task] = collections.deque()
        self._given: dict[str, Task] = {}
        self._workers = {worker.id: worker for worker in (Worker(swarm, n + 1) for n in range(workers))}
        self._tried = dict.fromkeys(self._workers, 0)
        self._read = dict.fromkeys(self._workers, 0)
        self._drawn = 0.0

    def lead(self) -> None:
        """The whole run, from the walk to the last agent's stop."""
        began = time.monotonic()
        self.turn("active")
        for worker in self._workers.values():
            worker.thread.start()
        self.draw()
        self.emit("task.created", self._task, {"description": f"Index the words of {shown(self.swarm.directory)}"})
        self.emit("task.assigned", self._task, {"agent": self.id})
        self.emit("task.started", self._task, {"agent": self.id})
        self.turn("busy", task=self._task)
        try:
            self._hand_out(self._walk())
            if self.swarm.stopping.is_set():
                verdict, farewell = ("task.cancelled", self._task, {"reason": "interrupted"}), "interrupted"
            else:
                verdict, farewell = self._conclude(began)
        except Exception as fault:
            error = f"{type(fault).__name__}: {fault}"
            verdict, farewell = ("task.failed", self._task, {"error": error}), "the run failed"
            raise
        finally:
            self._dismiss(verdict, farewell)

    def draw(self) -> None:
        """Publishes who hangs on whom; an edge is as healthy as the share of its files that could be read."""
        self._drawn = time.monotonic()
        agents = [self, *self._workers.values()]
        nodes = [{"id": a.id, "name": a.name, "type": a.agent_type, "status": a.status} for a in agents]
        health = {id: round(self._read[id] / tried, 3) if tried else 1.0 for id, tried in self._tried.items()}
        edges = [{"source": self.id, "target": id, "health": health[id]} for id in self._workers]
        self.emit("topology.changed", "swarm", {"topology": "hierarchical", "nodes": nodes, "edges": edges})

    def _walk(self) -> list[str]:
        """The files below the folder, sorted; a folder that cannot be listed is a failure like a file."""
        root, files = self.swarm.directory, []

        def unlistable(error: OSError) -> None:
            folder = os.path.relpath(error.filename, root)
            self.failed[shown(folder)] = reason = error.strerror or type(error).__name__
            self.give_up(folder, reason, self._task)

        for folder, folders, names in os.walk(root, onerror=unlistable):
            if self.swarm.stopping.is_set():
                break
            folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in SKIPPED_FOLDERS)
            files += [os.path.relpath(os.path.join(folder, name), root) for name in sorted(names)]
        index = os.path.relpath(self.out, os.path.realpath(root))
        return [file for file in files if file != index]

    def _hand_out(self, files: list[str]) -> None:
        """Gives each free worker a task until all are done or the run is interrupted."""
        batches = (files[at : at + FILES_PER_TASK] for at in range(0, len(files), FILES_PER_TASK))
        free = collections.deque(self._workers)
        done = 0
        while not self.swarm.stopping.is_set():
            while len(self._put_up) < TASKS_AHEAD and (batch := next(batches, None)):
                self._put_up.append(self._create(batch))
            while free and self._put_up:
                self._assign(self._put_up.popleft(), free.popleft())
            if len(free) == len(self._workers):
                return
            try:
                message = self.receive(timeout=0.2)
            except queue.Empty:
                continue
            if message.task:
                self._gather(message.task, message.sender)
                free.append(message.sender)
                done += len(message.task.files)
                progress = {"progress": percent(done, len(files)), "message": f"{done} of {len(files)} files"}
                self.emit("task.progress", self._task, progress)

    def _create(self, files: list[str]) -> Task:
        task = Task(self.swarm.new_id("count"), files, {})
        description = f"Count the words of {some_files(len(files))}, from {shown(files[0])}"
        self.emit("task.created", task.id, {"description": description, "parent": self._task})
        return task

    def _assign(self, task: Task, worker: str) -> None:
        self._given[worker] = task
        self.emit("task.assigned", task.id, {"agent": worker})
        self.send(worker, "task", f"count {some_files(len(task.files))}, from {shown(task.files[0])}", task)

    def _gather(self, task: Task, worker: str) -> None:
        partial = self.swarm.memory.retrieve(PARTIALS, task.id) or {}
        for file, words in partial.items():
            self.words.update(words)
            for word in words:
                self._where[word].append(shown(file))
        self.files += len(partial)
        self.failed.update((shown(file), reason) for file, reason in task.failed.items())
        self._read[worker] += len(partial)
        self._tried[worker] += len(task.files)
        if time.monotonic() - self._drawn >= DRAW_SECONDS:
            self.draw()

    def _conclude(self, began: float) -> tuple[tuple, str]:
        """Writes the index; gives the verdict on the run and the word of it for all."""
        figures = {"files": self.files, "failed": len(self.failed), "words": sum(self.words.values())}
        figures["distinct_words"] = len(self.words)
        top = sorted(self.words.items(), key=lambda entry: (-entry[1], entry[0]))[:50]
        self._write({
            "directory": shown(self.swarm.directory),
            "totals": figures,
            "top_words": [{"word": word, "count": count} for word, count in top],
            "failed": dict(sorted(self.failed.items())),
            "words": {word: sorted(self._where[word]) for word in sorted(self._where)},
        })
        counts = [(word, len(self.swarm.memory.search(CONTENTS, word))) for word, _ in top[:3]]
        spread = [f"{word} stands in {count} different texts" for word, count in counts]
        farewell = "; ".join([f"the index is written: {some_files(self.files)}, {len(self.words)} words", *spread])
        return verdict_on(self._task, figures, began), farewell

    def _write(self, index: dict) -> None:
        """Replaces the index as a whole: a reader sees the old one or the new one."""
        part = f"{self.out}.{self.swarm.reporter.run}.part"
        try:
            with open(part, "w", encoding="utf-8") as file:
                json.dump(index, file, ensure_ascii=False, indent=1)
            os.replace(part, self.out)
            self.written = True
        finally:
            if os.path.exists(part):
                os.unlink(part)

    def _dismiss(self, verdict: tuple, farewell: str) -> None:
        """Ends the run: the workers stop, what nobody began is cancelled, the coordinator stops last."""
        self.send("*", "broadcast", farewell)
        deadline = time.monotonic() + STOP_SECONDS
        for worker in self._workers.values():
            worker.thread.join(max(0.0, deadline - time.monotonic()))
            if worker.thread.is_alive():
                reason = f"did not stop within {STOP_SECONDS:.0f} s"
                self.emit("task.cancelled", self._given[worker.id].id, {"reason": reason})
                worker.announce("error", reason=reason)
        for task in self._put_up:
            self.emit("task.cancelled", task.id, {"reason": farewell})
        self.emit(*verdict)
        self.turn("idle")
        self.turn("stopped", reason=farewell)
        self.draw()


class Unreadable(Exception):
    """Why a file is no text one can read."""


def read_bytes(path: str) -> bytes:
    """A regular file's content. Nothing else is opened: opening a FIFO would wait for its writer."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise Unreadable("not a regular file")
        with open(path, "rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise Unreadable(error.strerror or type(error).__name__) from error
    if len(content) > MAX_FILE_BYTES:
        raise Unreadable(f"larger than {MAX_FILE_BYTES // 1024 // 1024} MiB")
    return content


def count_words(content: bytes) -> collections.Counter[str]:
    """How often each word stands in a text, in lower case."""
    if b"\0" in content:
        raise Unreadable(f"binary: a zero byte at {content.index(0)}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"not UTF-8 text: byte 0x{content[error.start]:02x} at {error.start}") from error
    words: collections.Counter[str] = collections.Counter()
    for line in text.splitlines():  # by line, so that other threads get their turn in a long text
        words.update(word for word in WORD.findall(line.lower()) if len(word) <= MAX_WORD)
    return words


def verdict_on(task: str, figures: dict[str, int], began: float) -> tuple[str, str, dict[str, Any]]:
    """The event that ends a task: failed where there were files and not one could be read."""
    if figures["failed"] and not figures["files"]:
        return "task.failed", task, {"error": f"none of the files could be read: {figures['failed']} failed"}
    duration = round((time.monotonic() - began) * 1000)
    result = f"{figures['words']} words in {some_files(figures['files'])}"
    return "task.completed", task, {"duration_ms": duration, "result": result, "stats": figures}


def percent(done: int, total: int) -> float:
    return round(100 * done / total, 1)


def some_files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def shown(file: str) -> str:
    """A file name as text; bytes that are no UTF-8 appear as \\xNN."""
    return os.fsencode(file).decode("utf-8", "backslashreplace")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Index a folder's words with a swarm that reports to a Swarmdeck.")
    parser.add_argument("directory", metavar="DIRECTORY")
    parser.add_argument("--url", default="http://127.0.0.1:3000", help="the deck (default %(default)s)")
    parser.add_argument("--workers", type=int, default=4, help=f"1 to {MAX_WORKERS} (default %(default)s)")
    parser.add_argument("--out", default="index.json", help="where the index is written (default ./%(default)s)")
    parser.add_argument("--pace", type=float, default=0.02, metavar="SECONDS",
                        help="rest before each file, so that a person can follow (default %(default)s)")
    parser.add_argument("--token", default=os.environ.get("SWARMDECK_TOKEN"), help="else $SWARMDECK_TOKEN")
    given = parser.parse_args()
    try:
        url = urllib.parse.urlsplit(given.url)
        reachable = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:
        reachable = False
    for fits, fault in (
        (os.path.isdir(given.directory), f"{shown(given.directory)} is no folder"),
        (os.access(given.directory, os.R_OK | os.X_OK), f"{shown(given.directory)} cannot be read"),
        (os.path.isdir(os.path.dirname(given.out) or "."), "--out is in no folder"),
        (os.path.isfile(given.out) or not os.path.lexists(given.out), "--out is there and no file"),
        (1 <= given.workers <= MAX_WORKERS, f"--workers is 1 to {MAX_WORKERS}"),
        (0 <= given.pace <= 60, "--pace is 0 to 60 seconds"),
        (reachable, "--url is no http:// or https:// address"),
        (not given.token or given.token.isascii() and given.token.isprintable(), "--token fits in no header"),
    ):
        if not fits:
            parser.error(fault)
    return given


def main() -> int:
    given = arguments()
    reporter = Reporter(given.url, given.token, run=secrets.token_hex(4))
    swarm = Swarm(reporter, given.directory, given.pace)

    def interrupt(_number: int, _frame: Any) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_DFL)  # a second one ends the program at once
        swarm.stopping.set()

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, interrupt)
    coordinator = Coordinator(swarm, given.workers, os.path.realpath(given.out))
    try:
        coordinator.lead()
    except OSError as error:
        say(f"the index could not be written: {error}")
    finally:
        reporter.close()
    interrupted = swarm.stopping.is_set() and not coordinator.written
    if interrupted:
        say("interrupted; no index was written")
    print(
        f"{coordinator.files} files indexed, {len(coordinator.failed)} failed, "
        f"{len(coordinator.words)} distinct words; events: {reporter.delivered} delivered, "
        f"{reporter.created - reporter.delivered} not delivered"
    )
    return 130 if interrupted else 0 if coordinator.written else 1


if __name__ == "__main__":
    sys.exit(main())
