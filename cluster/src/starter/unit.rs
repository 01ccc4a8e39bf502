//! What systemd is told of one copy of a service: the name and the properties of its unit, as busctl(1) takes
//! them for StartTransientUnit. Pure.

use std::io;
use std::path::Path;

use super::asker::Asker;
use super::door;
use super::mark::Mark;
use super::user::User;
use super::wire::Start;
use crate::config::{ProcessLimits, Service};
use crate::guard;
use crate::process::Spec;

/// At once, whatever jobs the daemon's unit has: a stop of it, which waits for a drain, is neither to be waited
/// for, since the drain may wait for the copy, nor to be replaced by a start.
pub(super) const JOB_MODE: &str = "ignore-dependencies";

/// From SIGTERM to SIGKILL where it is systemd that ends the unit: its guard is gone, or does not end it
/// although the daemon is gone. Within 5 s nothing is left.
const STOP_TIMEOUT_MICROS: u64 = 4_000_000;

const MICROS_PER_SECOND: f64 = 1e6;

/// One copy, with all that its unit says of it.
pub(super) struct Unit<'a> {
    pub(super) asker: &'a Asker,
    pub(super) service: &'a Service,
    pub(super) start: &'a Start,
    pub(super) user: &'a User,
    pub(super) door: &'a Path,
}

/// The unit of the copy with that mark. Names of services need no escaping.
pub(super) fn name(service: &str, mark: &Mark) -> String {
    format!("accordion-{service}-{mark}.service")
}

impl Unit<'_> {
    pub(super) fn name(&self) -> String {
        name(&self.service.name, &self.start.mark)
    }

    /// The arguments of the call, its signature first.
    pub(super) fn call(&self) -> io::Result<Vec<String>> {
        let properties = self.properties()?;
        let mut words = vec!["ssa(sv)a(sa(sv))".to_owned(), self.name(), JOB_MODE.to_owned()];
        words.push(properties.len().to_string());
        words.extend(properties.into_iter().flatten());
        words.push("0".to_owned());
        Ok(words)
    }

    /// Each with its name, its signature and its value.
    fn properties(&self) -> io::Result<Vec<Vec<String>>> {
        let daemon = self.asker.to_string();
        let door = self.door.display().to_string();
        let environment =
            [format!("{}={}", guard::MARK_VARIABLE, self.start.mark), format!("{}={door}", door::VARIABLE)];
        let description = format!("Service {} at {}, of Accordion", self.service.name, self.start.address);
        let mut properties = vec![
            words(["Description", "s", &description]),
            words(["Type", "s", "simple"]),
            words(["User", "s", &self.user.name]),
            self.exec_start()?,
            words(["Environment", "as", "2", &environment[0], &environment[1]]),
            // It ends with its daemon, and after it: a daemon that is stopped drains first.
            words(["BindsTo", "as", "1", &daemon]),
            words(["Before", "as", "1", &daemon]),
            // systemd starts anew what is bound to a daemon that it starts anew. A copy is started once, while the
            // starter waits for its guard.
            words(["Conditions", "a(sbbs)", "1", "ConditionPathExists", "false", "false", &door]),
            words(["CollectMode", "s", "inactive-or-failed"]),
            words(["KillMode", "s", "control-group"]),
            words(["TimeoutStopUSec", "t", &STOP_TIMEOUT_MICROS.to_string()]),
            // What the kernel ends for want of memory the guard notices, and ends the rest.
            words(["OOMPolicy", "s", "continue"]),
        ];
        properties.extend(limits(&self.service.limits));
        Ok(properties)
    }

    /// The guard over the command, which is taken as it is: systemd replaces variables, and two dollar signs by
    /// one. (Without that there would be ExecStartEx, which systemd 252 cannot read again after a daemon-reload.)
    fn exec_start(&self) -> io::Result<Vec<String>> {
        let spec = Spec::at(self.service, self.start.address.ip());
        let program = guard::program()?.display().to_string();
        let mut arguments = vec![guard::PROCESS_NAME.to_owned()];
        arguments.extend(guard::arguments(&self.service.name));
        arguments.extend(spec.command_for(self.start.address)?.iter().map(|word| word.replace('$', "$$")));
        let mut exec = words(["ExecStart", "a(sasb)", "1", &program, &arguments.len().to_string()]);
        exec.extend(arguments);
        exec.push("false".to_owned());
        Ok(exec)
    }
}

fn limits(limits: &ProcessLimits) -> Vec<Vec<String>> {
    let ProcessLimits { cpu, memory, tasks } = limits;
    let micros = |cpus: &f64| ((cpus * MICROS_PER_SECOND).round() as u64).to_string();
    let cpu = cpu.as_ref().map(|cpus| words(["CPUQuotaPerSecUSec", "t", &micros(cpus)]));
    let memory = memory.map(|bytes| words(["MemoryMax", "t", &bytes.to_string()]));
    let tasks = tasks.map(|most| words(["TasksMax", "t", &most.to_string()]));
    [cpu, memory, tasks].into_iter().flatten().collect()
}

fn words<const COUNT: usize>(words: [&str; COUNT]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn call(lines: &str) -> Vec<String> {
        let text = format!(
            "[cluster]\nname = \"t\"\n[service.my-shop]\nfront_end = \"127.0.0.1\"\nlisten = \"127.0.0.1:8080\"\n\
             command = [\"shopd\", \"$HOME\", \"%i\", \"{{address}}:{{port}}\", \"a b\"]\ncapacity = 8\n{lines}\n"
        );
        let cluster = config::parse("cluster.toml", &text).unwrap();
        let start = Start {
            service: "my-shop".to_owned(),
            mark: "0123456789abcdef".parse().unwrap(),
            address: "127.0.0.1:20007".parse().unwrap(),
        };
        let user = User { name: "shop".to_owned(), uid: 1000 };
        let asker = Asker::FrontEnd("my-shop".to_owned());
        let door = Path::new("/run/accordion-starter/x");
        Unit { asker: &asker, service: &cluster.services[0], start: &start, user: &user, door }
            .call()
            .unwrap()
    }

    /// Whether these words stand in it one after another.
    fn has(call: &[String], words: &[&str]) -> bool {
        call.windows(words.len()).any(|some| some == words)
    }

    #[test]
    fn the_unit_runs_the_command_under_a_guard_as_its_user_and_ends_with_its_daemon() {
        let call = call("");
        assert_eq!(call[..3], ["ssa(sv)a(sa(sv))", "accordion-my-shop-0123456789abcdef.service", JOB_MODE]);
        assert_eq!(call.last().unwrap(), "0");
        assert!(has(&call, &["User", "s", "shop"]));
        assert!(has(&call, &["BindsTo", "as", "1", "service-manager@my-shop.service"]));
        assert!(has(&call, &["Before", "as", "1", "service-manager@my-shop.service"]));
        let command = ["my-shop", "shopd", "$$HOME", "%i", "127.0.0.1:20007", "a b", "false"];
        assert!(has(&call, &command), "{call:#?}");
    }

    #[test]
    fn there_are_the_limits_that_are_written_and_no_others() {
        let names = ["CPUQuotaPerSecUSec", "MemoryMax", "TasksMax"];
        let plain = call("");
        assert!(!plain.iter().any(|word| names.contains(&word.as_str())));
        let count = |call: &[String]| call[3].parse::<usize>().unwrap();
        let limited = call("[service.my-shop.limits]\ncpu = 1.5\nmemory = \"512MiB\"\ntasks = 200");
        assert!(has(&limited, &["CPUQuotaPerSecUSec", "t", "1500000"]));
        assert!(has(&limited, &["MemoryMax", "t", "536870912"]));
        assert!(has(&limited, &["TasksMax", "t", "200"]));
        assert_eq!(count(&limited), count(&plain) + 3);
    }
}
