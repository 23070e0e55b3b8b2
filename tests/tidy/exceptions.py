"""What the rules let pass, each with its reason.

An entry that is no longer needed fails the test as well, so these lists only hold what is true.
"""

from __future__ import annotations

from collections.abc import Mapping

#: Files that may read the wall clock.
WALL_CLOCK: Mapping[str, str] = {
    "meridian_resp/server/io.py": "the reactor's port to the world; the simulator has its own",
    "storage/engine.py": "the default of a clock that is handed in; stamps files",
    "tools/bench/machine.py": "a measurement carries its date",
}

#: Files that may keep a nursery on `self`.
STORED_NURSERY: Mapping[str, str] = {}

#: Modules without a test file of the same path.
NO_TEST_FILE: Mapping[str, str] = {}

#: Test files without a module of the same path.
NO_MODULE: Mapping[str, str] = {
    "tests/cluster/map/test_format_document.py": "executes the examples of the cluster map",
    "tests/cluster/birth/test_scenarios.py": "plays the stories of tests/scenarios/birth",
    "tests/cluster/raft/test_paper.py": "one test per sentence of the paper, whatever the module",
    "tests/cluster/raft/test_paper_members.py": "sections 6 to 8 of the paper",
    "tests/cluster/raft/test_scenarios.py": "plays the stories of tests/scenarios/raft",
    "tests/scenario/test_runner.py": "shows that the runner of scenario files bites",
    "tests/meridian_resp/server/test_hostile.py": "hostile bytes over a whole server",
    "tests/process/test_data_survives.py": "kills real processes and fills their disk",
    "tests/process/test_start_and_stop.py": "starts and stops real processes",
    "tests/sim/test_swim_plot.py": "the drawer of a picture of docs/, which simulations feed",
    "tests/sim/test_cluster_simulation.py": "plays whole clusters, and shows that checkers bite",
    "tests/process/test_cluster_clients.py": "real cluster clients and real processes",
    "tests/process/test_cluster_hostile.py": "strangers at the gossip port of real processes",
    "tests/process/test_cluster_life.py": "real processes that become a cluster",
    "tests/process/test_cluster_partition.py": "a real partition between real processes",
    "tests/process/test_cluster_tools.py": "meridian-ctl against real processes",
    "tests/storage/test_crash_during_recovery.py": "crashes every start at every system call",
    "tests/storage/test_crash_recovery.py": "crashes the whole engine at every system call",
    "tests/storage/test_format_documents.py": "executes the examples of docs/formats",
    "tests/test_docs.py": "about docs/ and README.md, not about a module",
    "tests/test_tidy.py": "about all files, not about one module",
    "tests/tidy/test_rules.py": "shows that the rules of tests/tidy bite",
}

#: Tests that let real time pass.
SLEEPS: Mapping[str, str] = {
    "tests/harness/cluster_processes.py": "polls processes until they agree, with a deadline",
    "compat_tests/both.py": "polls what a server shows of its own time, with a deadline",
    "compat_tests/servers.py": "polls a starting process until it answers, with a deadline",
    "tests/harness/slow_thread.py": "a disk that takes its time, for tests in virtual time",
}

#: Classes with more than one concrete base, by file.
SEVERAL_BASES: Mapping[str, str] = {}

#: Files with coroutines that never wait.
ASYNC_WITHOUT_AWAIT: Mapping[str, str] = {}

#: Directories and files that hold pure cores: values in, values out; time, chance, files and
#: sockets are handed in. A directory stands for all files in it.
CORES = (
    "cluster/birth/",
    "cluster/journal/file_format.py",
    "cluster/journal/file_reader.py",
    "cluster/journal/records.py",
    "cluster/control/",
    "cluster/machine.py",
    "cluster/map/",
    "cluster/placement/",
    "cluster/plans/",
    "cluster/metadata/",
    "cluster/raft/",
    "cluster/transport/dialling.py",
    "cluster/transport/link.py",
    "cluster/transport/link_core.py",
    "cluster/transport/link_timers.py",
    "cluster/transport/refusals.py",
    "cluster/transport/traffic.py",
    "cluster/wire/",
    "meridian_resp/datatypes/",
    "meridian_resp/protocol/",
    "meridian_resp/server/routing.py",
    "storage/batch_format.py",
    "storage/bloom.py",
    "storage/keys.py",
    "storage/memtable.py",
    "storage/records.py",
)

#: Inside those directories, what is not a core.
NOT_CORES: Mapping[str, str] = {}
