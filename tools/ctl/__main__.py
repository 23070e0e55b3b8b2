"""The command line of `meridian-ctl`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence

from storage import StorageError
from tools.connection import Address, ConnectionLost, ErrorReply
from tools.ctl.commands import (
    abort,
    cluster_map,
    commit,
    configuration,
    force_sync,
    form,
    health,
    join,
    member_states,
    metadata,
    nodes,
    phi,
    plan,
    replace,
    ring,
    settings,
    sstable,
    status,
    verify,
    wal,
    weight,
    write_off,
)
from tools.ctl.general import PASSWORD_VARIABLE, add_general
from tools.ctl.output import Failure, Line

EXAMPLES = """\
examples:
  meridian-ctl status                            what the server on 127.0.0.1:7401 is doing
  meridian-ctl --server db1:7401 health          exit code 0 when it can read and write
  meridian-ctl config get 'max*'                 parameters by pattern
  meridian-ctl config set maxclients 20000       change a parameter at run time
  meridian-ctl wal dump data/segment_0000000001.wal
  meridian-ctl sstable dump --keys data/table_0000000002.sst
  meridian-ctl --json verify data                check every byte of a data directory

examples in a cluster:
  meridian-ctl join 10.0.0.2:7400                make contact with a node, by its gossip port
  meridian-ctl nodes                             who is there, and how they are
  meridian-ctl map --moves                       partitions that are being moved
  meridian-ctl plan                              what would be moved, and where to
  meridian-ctl commit 14 --wait                  carry that plan out and watch it
  meridian-ctl drain 8c6f --wait                 empty the node whose id begins with 8c6f
  meridian-ctl replace 8c6f 07ab                 let the node 07ab take its places
  meridian-ctl write-off 8c6f --lose-its-keys    give up a node that is dead for good
  meridian-ctl settings set auto-rebalance no    for the whole cluster
"""

MODULES = (
    status, health, configuration,
    nodes, ring, cluster_map, phi, metadata,
    join, form, plan, commit, abort, member_states, replace, write_off, weight,
    settings, force_sync,
    wal, sstable, verify,
)  # fmt: skip

NO_PASSWORD = f" Give --password, or put it into {PASSWORD_VARIABLE}"

Command = Callable[[argparse.Namespace], Iterator[Line]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code (0 done, 1 failed or unhealthy, 2 wrong words)."""
    options = parser().parse_args(arguments)
    run: Command = options.run
    try:
        for line in run(options):
            text = line.as_json() if options.json else line.text
            if text:
                print(text)
        sys.stdout.flush()
    except Failure as failure:
        print(f"meridian-ctl: {failure}", file=sys.stderr)
        return failure.code
    except (ConnectionLost, ErrorReply, StorageError) as error:
        hint = NO_PASSWORD if str(error).startswith("NOAUTH") else ""
        print(f"meridian-ctl: {error}{hint}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader (`head`, say) has seen enough; Python must not complain at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def parser() -> argparse.ArgumentParser:
    """All options of all commands."""
    top = argparse.ArgumentParser(
        prog="meridian-ctl",
        description="Looks after a running Meridian and into the files of a stopped one.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_general(top, server=Address(), password=os.environ.get(PASSWORD_VARIABLE, ""), json=False)
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for module in MODULES:
        module.add(commands)
    return top


if __name__ == "__main__":
    sys.exit(main())
