//! Mistakes in what says how the services share the pool, and in floors.

use crate::cases::Case;

pub(crate) const CASES: &[Case] = &[
    (
        2,
        r#"name = "t"
[tls]
directory = "tls""#,
        &[r#"4:13: tls.directory = "tls", must be an absolute path"#],
    ),
    (
        2,
        r#"name = "t"
[tls]
direktory = "/tls"
date = true"#,
        &[
            r#"4:1: unknown key "direktory", did you mean "directory"?"#,
            r#"5:1: unknown key "date", did you mean "data"?"#,
        ],
    ),
    (
        2,
        r#"name = "t"
[cluster.sharing]
observe_only = "yes"
starved_after = 30
give_back_after = "2h"
period = "99ms"
period_share = 0"#,
        &[
            r#"4:16: sharing.observe_only = "yes", must be true or false"#,
            r#"5:17: sharing.starved_after = 30, must be a duration from 0s to 1h, with its unit and in quotes, like "10s""#,
            r#"6:19: sharing.give_back_after = "2h", must be a duration from 0s to 1h"#,
            r#"7:10: sharing.period = "99ms", must be a duration from 100ms to 1h"#,
            "8:16: sharing.period_share = 0, must be a number above 0 and at most 1",
        ],
    ),
    (
        2,
        r#"name = "t"
[cluster.sharing]
perod = "10s""#,
        &[r#"4:1: unknown key "perod", did you mean "period"?"#],
    ),
    (
        2,
        r#"name = "t"
sharing = true"#,
        &["3:11: cluster.sharing = true, must be a table, written [cluster.sharing]"],
    ),
    (13, "capacity = 8\nweight = 0", &["14:10: service.weight = 0, must be a number from 0.01 to 100"]),
    (13, "capacity = 8\nweight = nan", &["14:10: service.weight = nan, must be a number from 0.01 to 100"]),
    (
        13,
        "capacity = 8\npriority = 101",
        &["14:12: service.priority = 101, must be a whole number from 0 to 100"],
    ),
    (
        13,
        "capacity = 8\nstandby = -1",
        &["14:11: service.standby = -1, must be a whole number from 0 to 100000"],
    ),
    (13, "capacity = 8\nwieght = 2", &[r#"14:1: unknown key "wieght", did you mean "weight"?"#]),
    (
        13,
        r#"capacity = 8
[[service.a.floor]]
days = ["mon", "tus", "Wed", 4]
from = "8:00"
to = "24:01"
nodes = 0"#,
        &[
            r#"15:16: floor.days = "tus", did you mean "tue"?"#,
            r#"15:23: floor.days = "Wed", did you mean "wed"?"#,
            r#"15:30: floor.days = 4, must be "mon" or "tue" or "wed" or "thu" or "fri" or "sat" or "sun""#,
            r#"16:8: floor.from = "8:00", must be a time of day from "00:00" to "23:59""#,
            r#"17:6: floor.to = "24:01", must be a time of day from "00:00" to "24:00""#,
            "18:9: floor.nodes = 0, must be a whole number from 1 to 100000",
        ],
    ),
    (
        13,
        r#"capacity = 8
[[service.a.floor]]
form = "08:00"
to = 18"#,
        &[
            r#"14:1: floor.nodes is missing, must be a whole number from 1 to 100000"#,
            r#"15:1: unknown key "form", did you mean "from"?"#,
            r#"16:6: floor.to = 18, must be a time of day from "00:00" to "24:00", in quotes, like "08:30""#,
        ],
    ),
    (
        13,
        r#"capacity = 8
[[service.a.floor]]
from = "24:00"
to = "+8:30"
nodes = 1
days = "mon""#,
        &[
            r#"15:8: floor.from = "24:00", must be a time of day from "00:00" to "23:59""#,
            r#"16:6: floor.to = "+8:30", must be a time of day from "00:00" to "24:00""#,
            r#"18:8: floor.days = "mon", must be a list, each element "mon" or "tue" or "wed" or "thu" or "fri" or "sat" or "sun""#,
        ],
    ),
    (
        13,
        r#"capacity = 8
max = 1
[[service.a.floor]]
days = ["sat", "sun", "sat"]
from = "22:00"
to = "06:00"
nodes = 2"#,
        &[
            "16:23: floor.days lists this day twice, must list it only once",
            "19:9: floor.nodes = 2, must be at most max of the service (1)",
        ],
    ),
    (
        13,
        r#"capacity = 8
[service.a.floor]
nodes = 1"#,
        &["14:1: service.floor = [service.a.floor], must be tables, each written [[service.floor]]"],
    ),
];
