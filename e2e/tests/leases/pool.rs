//! The cluster of one day, drawn from its seed: twenty nodes and three services that share them.

use crate::dice::Dice;

pub(crate) const NODES: usize = 20;
pub(crate) const SERVICES: [&str; 3] = ["shop", "mail", "docs"];

/// Its cluster.toml.
pub(crate) fn config(dice: &mut Dice) -> String {
    let mut text = String::from(
        "[cluster]\nname = \"test\"\n[cluster.lease]\norphan_grace = \"20s\"\nreclaim_notice = \"10s\"\n",
    );
    let two_slots = dice.permille(300);
    for node in 1..=NODES {
        let slots = if two_slots && dice.permille(500) { 2 } else { 1 };
        text += &format!("[[node]]\nname = \"n{node}\"\naddress = \"127.0.1.{node}\"\nslots = {slots}\n");
    }
    for (index, name) in SERVICES.iter().enumerate() {
        let (min, weight) = (dice.within(0..7), dice.within(1..4));
        let max = if dice.permille(500) { 20 } else { dice.within(7..20) };
        let host = index + 1;
        text += &format!(
            "[service.{name}]\nfront_end = \"127.0.0.{host}\"\nlisten = \"127.0.0.{host}:8080\"\n\
             command = [\"serve\", \"{{port}}\"]\ncapacity = 8\nmin = {min}\nmax = {max}\nweight = {weight}\n\
             start_timeout = \"10s\"\nstop_timeout = \"5s\"\nlong_lived_timeout = \"15s\"\n"
        );
    }
    text
}
