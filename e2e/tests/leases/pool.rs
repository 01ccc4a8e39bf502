//! The pools that worlds are played on, as a cluster.toml would have them.

use cluster::config::Cluster;

use e2e::dice::Dice;

const HEAD: &str = "[cluster]\nname = \"test\"\n";

/// A service's numbers.
#[derive(Debug)]
pub(crate) struct Numbers {
    pub(crate) name: String,
    pub(crate) min: u64,
    pub(crate) max: u64,
    pub(crate) weight: u64,
    pub(crate) priority: u64,
}

/// That of one day: twenty nodes and three services, with short times.
pub(crate) fn day(dice: &mut Dice) -> Cluster {
    let mut text = format!("{HEAD}[cluster.lease]\norphan_grace = \"20s\"\nreclaim_notice = \"10s\"\n");
    let two_slots = dice.permille(300);
    for number in 1..=20 {
        let slots = if two_slots && dice.permille(500) { 2 } else { 1 };
        text += &node(number, slots);
    }
    for (index, name) in ["shop", "mail", "docs"].into_iter().enumerate() {
        let (min, weight) = (dice.within(0..7), dice.within(1..4));
        let max = if dice.permille(500) { 20 } else { dice.within(7..20) };
        text += &service(index, &Numbers { name: name.to_owned(), min, max, weight, priority: 0 });
    }
    parse(&text)
}

/// Nodes of one slot and these services, with the times that a cluster.toml has by default.
pub(crate) fn of(nodes: usize, services: &[Numbers]) -> Cluster {
    let nodes = (1..=nodes).map(|number| node(number, 1));
    let services = services.iter().enumerate().map(|(index, numbers)| service(index, numbers));
    parse(&std::iter::once(HEAD.to_owned()).chain(nodes).chain(services).collect::<String>())
}

fn node(number: usize, slots: u64) -> String {
    format!("[[node]]\nname = \"n{number}\"\naddress = \"127.0.1.{number}\"\nslots = {slots}\n")
}

fn service(index: usize, numbers: &Numbers) -> String {
    let Numbers { name, min, max, weight, priority } = numbers;
    let host = index + 1;
    format!(
        "[service.{name}]\nfront_end = \"127.0.0.{host}\"\nlisten = \"127.0.0.{host}:8080\"\n\
         command = [\"serve\", \"{{port}}\"]\ncapacity = 8\nmin = {min}\nmax = {max}\nweight = {weight}\n\
         priority = {priority}\nstart_timeout = \"10s\"\nstop_timeout = \"5s\"\nlong_lived_timeout = \"15s\"\n"
    )
}

fn parse(text: &str) -> Cluster {
    cluster::config::parse("cluster.toml", text).expect("the configuration is sound")
}
