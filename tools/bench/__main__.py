"""The command line of `meridian-bench`."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from tools.bench import compare, idle, mixed, page, redis_benchmark, report, workload
from tools.bench.machine import cores_for_measuring
from tools.bench.servers import BenchmarkError
from tools.connection import ConnectionLost, ErrorReply

EXAMPLES = """\
examples:
  meridian-bench compare                      both servers, SET and GET, pipelines 1 and 16
  meridian-bench compare --quick              the same in a few seconds, less exact
  meridian-bench compare --json > today.json  for a program
  meridian-bench compare --redis-server /opt/redis/bin/redis-server --pipeline 1,16,64
  meridian-bench compare --meridian 127.0.0.1:7401 --tests get
  meridian-bench idle --connections 10000     memory and CPU of idle connections
  meridian-bench mixed                        latency of normal clients beside troublesome ones
  meridian-bench page --output docs/performance.md    all of it, as a page of Markdown
"""
QUICK_REQUESTS = 50_000
REQUESTS = 400_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code (0 done, 1 failed, 2 wrong arguments, 130 stopped).

    Servers that were started are ended on SIGINT and SIGTERM too: both leave through the context
    managers that own the processes.
    """
    options = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, stop)
    try:
        text: str = options.run(options)
    except (BenchmarkError, ConnectionLost, ErrorReply) as error:
        print(f"meridian-bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("meridian-bench: stopped", file=sys.stderr)
        return 130
    if options.output:
        Path(options.output).write_text(text + "\n", encoding="utf-8")
    else:
        print(text)
    return 0


def stop(number: int, frame: FrameType | None) -> None:
    """SIGTERM ends the program the way Ctrl-C does."""
    raise KeyboardInterrupt


def parser() -> argparse.ArgumentParser:
    """All options of all measurements."""
    top = argparse.ArgumentParser(
        prog="meridian-bench",
        description="Measures Meridian: beside a redis-server, under disturbance, and idle.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    measurements = top.add_subparsers(required=True, metavar="MEASUREMENT")
    add_compare(measurements.add_parser("compare", help="the same load on both servers, in turn"))
    add_idle(measurements.add_parser("idle", help="memory and CPU of idle connections"))
    add_mixed(
        measurements.add_parser(
            "mixed", help="latency of normal clients beside slow readers, big values, KEYS *"
        )
    )
    add_page(measurements.add_parser("page", help="all three, as a page of Markdown"))
    return top


def add_page(command: argparse.ArgumentParser) -> None:
    """`meridian-bench page`: the measurements with their defaults, or all of them quick."""
    add_load(command)
    command.add_argument("--output", metavar="FILE", help="write the page there")
    command.set_defaults(run=run_page)


def add_compare(command: argparse.ArgumentParser) -> None:
    """`meridian-bench compare`."""
    add_load(command)
    add_formats(command, markdown=True)
    command.set_defaults(run=run_compare)


def add_load(command: argparse.ArgumentParser) -> None:
    """What the comparison sends, and to whom."""
    default = "redis-benchmark" if redis_benchmark.is_installed() else compare.OWN
    add = command.add_argument
    add("--quick", action="store_true", help="one short round: a glance, not a measurement")
    add(
        "--requests",
        type=positive,
        help=f"requests per run (default {REQUESTS:,}; quick {QUICK_REQUESTS:,})",
    )
    add("--rounds", type=positive, help="rounds per test, servers in turn (default 3; quick 1)")
    add("--clients", type=positive, default=50, help="connections (default 50)")
    add("--value-bytes", type=positive, default=64, help="size of values (default 64)")
    add("--keys", type=positive, default=100_000, help="size of the keyspace (default 100,000)")
    add("--pipeline", type=positives, default=(1, 16), help="depths, for example 1,16 (default)")
    add("--tests", type=tests, default=workload.TESTS, help="set,get (default) or one of them")
    add(
        "--driver",
        choices=("redis-benchmark", compare.OWN),
        default=default,
        help=f"who makes the load (default here: {default})",
    )
    add_servers(command)


def add_idle(command: argparse.ArgumentParser) -> None:
    """`meridian-bench idle`."""
    add = command.add_argument
    add("--connections", type=positive, default=10_000, help="how many (default 10,000)")
    add("--seconds", type=positive, default=5, help="how long CPU is watched (default 5)")
    add_servers(command)
    add_formats(command)
    command.set_defaults(run=run_idle)


def add_mixed(command: argparse.ArgumentParser) -> None:
    """`meridian-bench mixed`."""
    add = command.add_argument
    add("--seconds", type=positive, default=5, help="length of each phase (default 5)")
    add("--clients", type=positive, default=20, help="normal clients (default 20)")
    add("--rate", type=positive, default=2000, help="their requests per second (default 2,000)")
    add("--keys", type=positive, default=1_000_000, help="keys for KEYS * (default 1,000,000)")
    add("--phases", help=f"some of: {','.join(mixed.PHASES)} (default: all)", type=phases)
    add("--server", choices=("meridian", "redis"), default="meridian", help="which is measured")
    add_servers(command)
    add_formats(command)
    command.set_defaults(run=run_mixed)


def add_servers(command: argparse.ArgumentParser) -> None:
    """Which servers, on which cores."""
    add = command.add_argument
    server_core, load_core = cores_for_measuring()
    add(
        "--redis-server",
        default="redis-server",
        metavar="PATH|HOST:PORT",
        help="program to start (default: redis-server) or a running server",
    )
    add(
        "--meridian",
        default="",
        metavar="HOST:PORT",
        help="a running Meridian; by default one is started from this installation",
    )
    add("--server-core", type=core, default=server_core, help=f"default {server_core}")
    add(
        "--load-core", type=core, default=load_core, help=f"default {load_core}; none = no pinning"
    )
    add(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option for the Meridian that is started, for example appendfsync=always",
    )


def add_formats(command: argparse.ArgumentParser, *, markdown: bool = False) -> None:
    """How and where the result is written."""
    formats = command.add_mutually_exclusive_group()
    formats.add_argument("--json", action="store_true", help="for programs")
    if markdown:
        formats.add_argument("--markdown", action="store_true", help="for documents")
    command.add_argument("--output", metavar="FILE", help="write the result there")


def compare_settings(options: argparse.Namespace) -> compare.Settings:
    """The options of the load as settings."""
    return compare.Settings(
        tests=options.tests,
        pipelines=options.pipeline,
        clients=options.clients,
        requests=options.requests or (QUICK_REQUESTS if options.quick else REQUESTS),
        value_bytes=options.value_bytes,
        keyspace=options.keys,
        rounds=options.rounds or (1 if options.quick else 3),
        driver=options.driver,
        redis=options.redis_server,
        meridian=options.meridian,
        server_core=options.server_core,
        load_core=options.load_core,
        meridian_options=server_options(options.option),
    )


def run_compare(options: argparse.Namespace) -> str:
    """Measure and print both servers."""
    result = compare.compare(compare_settings(options))
    if options.json:
        return report.as_json(result)
    return report.as_markdown(result) if options.markdown else report.as_text(result)


def run_page(options: argparse.Namespace) -> str:
    """Measure everything and print the page."""
    return page.measure(compare_settings(options), quick=options.quick)


def run_idle(options: argparse.Namespace) -> str:
    """Measure and print idle connections."""
    result = idle.measure(
        redis=options.redis_server,
        meridian=options.meridian,
        connections=options.connections,
        seconds=options.seconds,
        core=options.server_core,
        extra=server_options(options.option),
    )
    return report.json_of(result) if options.json else idle.as_text(result)


def run_mixed(options: argparse.Namespace) -> str:
    """Measure and print normal clients beside troublesome ones."""
    settings = mixed.Settings(
        server=options.server,
        redis=options.redis_server,
        meridian=options.meridian,
        clients=options.clients,
        rate=options.rate,
        seconds=options.seconds,
        keys=options.keys,
        phases=options.phases or mixed.PHASES,
        server_core=options.server_core,
        load_core=options.load_core,
        extra=server_options(options.option),
    )
    result = mixed.measure(settings)
    return report.json_of(result) if options.json else mixed.as_text(result)


def server_options(pairs: Sequence[str]) -> tuple[str, ...]:
    """`name=value` as `--name value`."""
    words: list[str] = []
    for pair in pairs:
        name, _, value = pair.partition("=")
        words += [f"--{name}", value]
    return tuple(words)


def positive(text: str) -> int:
    """A whole number above zero; 1_000 and 1,000 are understood."""
    number = int(text.replace(",", ""))
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: must be at least 1")
    return number


def positives(text: str) -> tuple[int, ...]:
    """Numbers above zero with commas between them."""
    return tuple(positive(word) for word in text.split(","))


def tests(text: str) -> tuple[str, ...]:
    """Names of tests with commas between them."""
    return known(text, workload.TESTS)


def phases(text: str) -> tuple[str, ...]:
    """Names of phases with commas between them."""
    return known(text, mixed.PHASES)


def known(text: str, names: Sequence[str]) -> tuple[str, ...]:
    """The words of a list, each of which must be one of the names."""
    words = tuple(word.strip().lower() for word in text.split(","))
    for word in words:
        if word not in names:
            raise argparse.ArgumentTypeError(f"{word}: must be one of {', '.join(names)}")
    return words


def core(text: str) -> int | None:
    """A core's number, or none for no pinning."""
    return None if text == "none" else int(text)


if __name__ == "__main__":
    sys.exit(main())
