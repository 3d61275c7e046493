"""`python -m benchmarks.run [part …]`: our server and Rasa's default set-up for Chinese, side by side on this machine.

start    seconds from starting the processes to the first reply
turns    milliseconds a message takes over POST /chat/messages, and over the default's POST /webhooks/rest/webhook
memory   resident MB of all processes after those messages
long     a turn's time at the 300th message of a conversation
search   milliseconds a search takes in 100, 1,000 and 10,000 articles
intents  three classifiers for Rasa's intent layer: accuracy, time, memory
tasks    milliseconds a turn of an assessment and of a booking takes over POST /chat/messages
rules    milliseconds a decision takes, seconds 10,000 people of rosters take
bookings bookings a second and the race for the last places, on SQLite and PostgreSQL
slots    milliseconds a search for slots takes among 100,000
channels milliseconds a platform's webhook adds to a turn
pages    seconds a slow phone waits for the pages, Lighthouse's scores
load     turns a second of one and two workers on PostgreSQL and Redis, --beside-default Rasa's default set-up as well;
         --save also updates the sheet in docs/scaling.md
soak     memory, latency and connections at half load for --minutes
faults   messages lost and doubled while workers, databases, network, disk and clock fail (root; 8 minutes)
long_store a turn's time at the 5,000th message, and among a million events of other people

Prints Markdown; `--save` also puts each part into RESULTS.md.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import bookings, channels, decisions, intents, long_store, pages, search_scale, slot_search, soak, tasks
from benchmarks import load as under_load
from benchmarks.messages import mixed_messages
from benchmarks.results import load, save, section, table, verdict
from benchmarks.setups import DefaultRasa, Ours, SetUp, environment
from bot.settings import ROOT

MESSAGES, SESSION_LENGTH, STARTS, LONG_SESSIONS = 300, 10, 3, 3
# The messages at both ends of a long conversation are the same, so that only the conversation's length differs.
LONG_TURNS, EARLY, LATE = 305, slice(2, 7), slice(295, 305)
LONG_PERIOD = 293
TITLES = {
    "start": "Start to ready",
    "turns": "Turn time",
    "memory": "Resident memory",
    "long": "Long conversations",
    "search": "Search time by size of the corpus",
    "intents": "Intent classifier",
    "tasks": "Assessments and bookings in conversation",
    "rules": "Decisions",
    "bookings": "Bookings",
    "slots": "Slot search",
    "channels": "Webhooks",
    "pages": "Pages",
    "load": "Load",
    "soak": "Soak",
    "faults": "Faults",
    "long_store": "Long conversations and many people",
}


def _faults() -> str:
    from benchmarks import faults  # what it shares with the tests puts the stand-in in TensorFlow's place

    return faults.measure()


# Parts that need nothing but themselves.
ALONE = {
    "search": search_scale.measure,
    "intents": intents.measure,
    "tasks": tasks.measure,
    "rules": decisions.measure,
    "bookings": bookings.measure,
    "slots": slot_search.measure,
    "channels": channels.measure,
    "faults": _faults,
    "pages": pages.measure,
    "long_store": long_store.measure,
}
IMPORT = """
import sys, time, re
started = time.perf_counter()
{first}
import bot.assembly
rss = re.search(r"VmRSS:\\s*(\\d+)", open("/proc/self/status").read())[1]
print(time.perf_counter() - started, int(rss) / 1024)
"""


def start(pair: Sequence[SetUp]) -> str:
    """Seconds to the first reply, the set-ups taking turns, each alone; the first start of each is not counted."""
    seconds, cpu = np.zeros((len(pair), 1 + STARTS)), np.zeros((len(pair), 1 + STARTS))
    for n in range(1 + STARTS):
        for i, setup in enumerate(pair):
            with setup:
                seconds[i, n] = setup.start()
                cpu[i, n] = setup.cpu_seconds()
    ours, default = np.median(seconds[:, 1:], axis=1)
    rows = [
        (
            setup.name,
            f"{np.median(seconds[i, 1:]):.1f}",
            ", ".join(f"{s:.1f}" for s in seconds[i, 1:]),
            f"{np.median(cpu[i, 1:]):.1f}",
            f"{seconds[i, 0]:.1f}",
        )
        for i, setup in enumerate(pair)
    ]
    shown = table(("set-up", "median s", "each s", "CPU s", "not counted: first start s"), rows)
    without, with_ = _import_cost(""), _import_cost("import tensorflow")
    stand_in = (
        f"Importing bot.assembly takes {without[0]:.1f} s and {without[1]:.0f} MB with the stand-in for TensorFlow "
        f"(bot/light_tensorflow.py), {with_[0]:.1f} s and {with_[1]:.0f} MB with TensorFlow itself."
    )
    note = (
        "From starting all processes to the first reply to a real message, models trained before; the default's two "
        "processes start together. The set-ups take turns and run alone."
    )
    return f"{shown}\n\n{note} Ours to the default's: {verdict(ours / default, 1 / 3, ' ×')}.\n\n{stand_in}"


def _import_cost(first: str) -> tuple[float, float]:
    """Seconds and resident MB of importing bot.assembly after the statement `first`; medians of three."""
    found = []
    for _ in range(4):  # the first only fills caches
        command = [sys.executable, "-c", IMPORT.format(first=first)]
        ran = subprocess.run(command, cwd=ROOT, env=environment(), check=True, capture_output=True, text=True)
        found.append([float(value) for value in ran.stdout.split()[-2:]])
    seconds, megabytes = np.median(found[1:], axis=0)
    return float(seconds), float(megabytes)


@dataclass(frozen=True)
class Sent:
    """What the messages took: `milliseconds` and `answered` by set-up and message, CPU ms a message by set-up."""

    milliseconds: np.ndarray
    answered: np.ndarray
    cpu_milliseconds: list[float]
    same_reply: int


def send_messages(pair: Sequence[SetUp]) -> Sent:
    """Send MESSAGES to each set-up, message by message in turn."""
    messages = mixed_messages(MESSAGES)
    for setup in pair:  # not counted; ours warms itself up when it starts, the default does not
        session = setup.open_session()
        for text in messages[:SESSION_LENGTH]:
            setup.ask(session, text)
    milliseconds, answered = np.zeros((len(pair), MESSAGES)), np.zeros((len(pair), MESSAGES), dtype=bool)
    cpu, same = [setup.cpu_seconds() for setup in pair], 0
    for number, text in enumerate(messages):
        if number % SESSION_LENGTH == 0:
            sessions = [setup.open_session() for setup in pair]
        turns = [setup.ask(session, text) for setup, session in zip(pair, sessions, strict=True)]
        milliseconds[:, number] = [turn.seconds * 1000 for turn in turns]
        answered[:, number] = [bool(turn.replies) for turn in turns]
        same += turns[0].replies == turns[1].replies
    used = [(setup.cpu_seconds() - before) * 1000 / MESSAGES for setup, before in zip(pair, cpu, strict=True)]
    return Sent(milliseconds, answered, used, same)


def turns(pair: Sequence[SetUp], sent: Sent) -> str:
    figures = (
        np.median(sent.milliseconds, axis=1),
        np.percentile(sent.milliseconds, 95, axis=1),
        sent.milliseconds.max(axis=1),
        sent.cpu_milliseconds,
    )
    p50, p95 = figures[:2]
    rows = [
        (setup.name, *(f"{f[i]:.1f}" for f in figures), f"{sent.answered[i].sum()} of {MESSAGES}")
        for i, setup in enumerate(pair)
    ]
    rows.append(("ours / default", *(f"{f[0] / f[1]:.3f}" for f in figures), ""))
    shown = table(("set-up", "p50 ms", "p95 ms", "max ms", "CPU ms a message", "replied"), rows)
    note = (
        f"{MESSAGES} messages (four in five from evaluation.yml, the rest small talk), sent to each in turn from a "
        f"third process over a kept connection, a new session every {SESSION_LENGTH}; both servers run, one is asked "
        f"at a time. Both gave the same reply to {sent.same_reply}."
    )
    targets = (
        f"p50 {verdict(p50[0], 12, ' ms')}; p50 to the default's {verdict(p50[0] / p50[1], 0.2, ' ×')}; "
        f"p95 {verdict(p95[0], 25, ' ms')}."
    )
    return f"{shown}\n\n{note}\n\n{targets}"


def memory(pair: Sequence[SetUp]) -> str:
    held = [setup.memory() for setup in pair]
    rows = [(setup.name, f"{m.pss:.0f}", f"{m.rss:.0f}") for setup, m in zip(pair, held, strict=True)]
    shown = table(("set-up", "PSS MB", "RSS MB"), rows)
    note = f"Sum over each set-up's processes after {MESSAGES} messages (PSS shares out pages that processes share)."
    return f"{shown}\n\n{note} Ours to the default's, PSS: {verdict(held[0].pss / held[1].pss, 0.5, ' ×')}."


def long(pair: Sequence[SetUp]) -> str:
    messages = mixed_messages(LONG_PERIOD)
    milliseconds = np.zeros((len(pair), LONG_SESSIONS, LONG_TURNS))
    for n in range(LONG_SESSIONS):
        sessions = [setup.open_session() for setup in pair]
        for turn in range(LONG_TURNS):
            for i, setup in enumerate(pair):
                text = messages[(turn + 7 * n) % LONG_PERIOD]
                milliseconds[i, n, turn] = setup.ask(sessions[i], text).seconds * 1000
    early = np.median(milliseconds[:, :, EARLY].reshape(len(pair), -1), axis=1)
    middle = np.median(milliseconds[:, :, 145:155].reshape(len(pair), -1), axis=1)
    late = np.median(milliseconds[:, :, LATE].reshape(len(pair), -1), axis=1)
    rows = [
        (setup.name, f"{early[i]:.1f}", f"{middle[i]:.1f}", f"{late[i]:.1f}", f"{late[i] / early[i]:.2f}")
        for i, setup in enumerate(pair)
    ]
    shown = table(("set-up", "turns 3-7, ms", "turns 146-155, ms", "turns 296-305, ms", "last / first"), rows)
    note = (
        f"Medians over {LONG_SESSIONS} conversations of {LONG_TURNS} turns; turns 296-300 repeat the messages of 3-7."
    )
    return f"{shown}\n\n{note} Ours, last to first: {verdict(late[0] / early[0], 1.5, ' ×')}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "parts", nargs="*", metavar="part", help=f"of {', '.join(TITLES)}; all but soak and faults if none is named"
    )
    parser.add_argument("--save", action="store_true", help="update benchmarks/RESULTS.md")
    parser.add_argument(
        "--beside-default", action="store_true", help="load: measure Rasa's default set-up in the same run"
    )
    parser.add_argument("--minutes", type=float, default=30, help="soak: how long (30)")
    given = parser.parse_args()
    unknown = set(given.parts) - set(TITLES)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    parts = given.parts or [name for name in TITLES if name not in ("soak", "faults")]
    options = {
        "load": ["--beside-default"] * given.beside_default,
        "soak": [f"--minutes {given.minutes:g}"] * (given.minutes != parser.get_default("minutes")),
    }
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped

    def report(name: str, measure: Callable[[], str], load_before: float | None = None) -> None:
        before = load() if load_before is None else load_before
        command = " ".join(["python -m benchmarks.run", name, "--save", *options.get(name, ())])
        text = section(command, before, measure())
        print(f"\n## {TITLES[name]}\n\n{text}", flush=True)
        if given.save:
            save(name, TITLES[name], text)

    alone = {
        **ALONE,
        "load": lambda: under_load.measure(given.beside_default, given.save),
        "soak": lambda: soak.measure(given.minutes),
    }
    for name, measure in alone.items():
        if name in parts:
            report(name, measure)
    if not {"start", "turns", "memory", "long"} & set(parts):
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        var = Path(folder)
        pair = (Ours(var), DefaultRasa(var))
        for setup in pair:
            setup.prepare()
        if "start" in parts:
            report("start", lambda: start(pair))
        if not {"turns", "memory", "long"} & set(parts):
            return
        with pair[0], pair[1]:
            for setup in pair:
                setup.start()
            if {"turns", "memory"} & set(parts):
                before = load()
                sent = send_messages(pair)
                if "turns" in parts:
                    report("turns", lambda: turns(pair, sent), before)
                if "memory" in parts:
                    report("memory", lambda: memory(pair), before)
            if "long" in parts:
                report("long", lambda: long(pair))


if __name__ == "__main__":
    main()
