//! What the manual pages say beyond `--help`.

/// A section of a page.
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) parts: &'static [Part],
}

/// A piece of a section.
pub(super) enum Part {
    /// A paragraph.
    Text(&'static str),
    /// What something is, and what is to be said of it.
    Item(&'static str, &'static str),
}

use Part::{Item, Text};

const FILES: Section = Section {
    title: "FILES",
    parts: &[
        Item(
            "./cluster.toml, /etc/accordion/cluster.toml",
            "The configuration, the first one that exists: see cluster.toml(5).",
        ),
        Item("/run/accordion/CLUSTER", "The sockets by which the daemons and the command talk."),
        Item("/var/lib/accordion/CLUSTER", "What must survive a daemon: its decisions, its epoch, a drain."),
        Item(
            "/run/accordion-starter.sock",
            "Where the daemons have systemd start their services, each as a unit of its own (accordion-SERVICE-MARK.service): accordion-starter.socket listens on it.",
        ),
        Item(
            "/etc/default/accordion",
            "Environment of the daemons under systemd, where it exists: RUST_LOG, and SERVICE_MANAGER_OPTIONS, LOAD_MANAGER_OPTIONS and TASK_PROCESSOR_OPTIONS, which are added to their command lines.",
        ),
    ],
};

/// Of accordion(1).
pub(super) const COMMAND: [Section; 5] = [
    Section {
        title: "DAEMONS",
        parts: &[
            Text("Each daemon is also a command here, such as accordion service-manager."),
            Item(
                "service-manager(8)",
                "Daemon of a front end: relays each request to the local copy or to a node.",
            ),
            Item(
                "load-manager(8)",
                "Daemon of a front end: watches the load, borrows nodes and gives them back.",
            ),
            Item(
                "task-processor(8)",
                "Daemon of a node: grants leases, runs the service and relays requests to it.",
            ),
        ],
    },
    Section {
        title: "ENVIRONMENT",
        parts: &[
            Item("ACCORDION_CONFIG", "The configuration, where --config is not given."),
            Item("RUST_LOG", "Which events the daemons tell; info where it is not set."),
            Item("NO_COLOR", "Set and not empty: no colours on a terminal."),
        ],
    },
    FILES,
    Section {
        title: "EXIT STATUS",
        parts: &[
            Item("0", "It did what was asked."),
            Item("1", "It could not; the reason is on stderr."),
            Item("2", "The command line is wrong."),
            Item("78", "cluster.toml has faults; all of them are on stderr."),
        ],
    },
    Section {
        title: "SEE ALSO",
        parts: &[Text("cluster.toml(5), service-manager(8), load-manager(8), task-processor(8)")],
    },
];

/// Of a command's own page.
pub(super) const SUBCOMMAND: [Section; 1] =
    [Section { title: "SEE ALSO", parts: &[Text("accordion(1), cluster.toml(5)")] }];

/// Of a daemon's page.
pub(super) const DAEMON: [Section; 5] = [
    Section {
        title: "SIGNALS",
        parts: &[Item(
            "SIGTERM, SIGINT",
            "The first asks for the end: what runs is finished first, within the times of cluster.toml. The second ends it at once.",
        )],
    },
    Section {
        title: "ENVIRONMENT",
        parts: &[
            Item("ACCORDION_CONFIG", "The configuration, where --config is not given."),
            Item("RUST_LOG", "Which events are told; info where it is not set."),
            Item(
                "NOTIFY_SOCKET, WATCHDOG_USEC",
                "Where systemd is told that the daemon is ready, how it is and that its loops turn: see sd_notify(3).",
            ),
            Item(
                "RUNTIME_DIRECTORY, STATE_DIRECTORY",
                "Directories, where the options do not say otherwise: see systemd.exec(5).",
            ),
            Item(
                "ACCORDION_STARTER",
                "The socket where the daemon asks for its services; empty or not set: it starts them itself, as its own user.",
            ),
            Item("LISTEN_FDS, LISTEN_PID", "Sockets to listen on that were passed: see sd_listen_fds(3)."),
        ],
    },
    FILES,
    Section {
        title: "EXIT STATUS",
        parts: &[
            Item("0", "It was asked to end."),
            Item("1", "It could not go on; the reason is on stderr."),
            Item("2", "The command line is wrong."),
            Item("77", "A newer load-manager has taken over elsewhere. No restart mends that."),
            Item(
                "78",
                "cluster.toml or what was saved has faults; all of them are on stderr. No restart mends that.",
            ),
        ],
    },
    Section {
        title: "SEE ALSO",
        parts: &[Text(
            "accordion(1), cluster.toml(5), service-manager(8), load-manager(8), task-processor(8)",
        )],
    },
];
