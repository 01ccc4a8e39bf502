//! A changed command rolled out while nodes, load-managers and the network fail and the nodes' files are edited
//! one after the other: one copy at a time, and some time after the last fault every copy runs the new one.
//! Now and then a start fails, which stops a rollout; somebody then asks for it again.

use cluster::config::CommandDigest;
use e2e::dice::Dice;

use crate::faults::{self, CALM, FIRST, Fault};
use crate::pool::{self, Numbers};
use crate::world::World;

const SECOND: u64 = 1_000_000;

/// Six nodes one after the other, with drains of up to a minute, pauses after failed starts, and an operator
/// who looks once a minute.
const CALM_LASTS: u64 = 900 * SECOND;

const NODES: usize = 6;

/// How often somebody asks for a rollout that has stopped.
const ASKED_EVERY: u64 = 60;

/// Plays the day of that seed; how many seconds after the last fault every copy ran the new command.
pub(crate) fn play(seed: u64, are_there_faults: bool) -> u64 {
    let mut dice = Dice::new(seed);
    let (min, max) = (dice.within(1..4), dice.within(3..NODES as u64 + 1));
    let numbers = Numbers { name: "shop".to_owned(), min, max, weight: 1, priority: 0 };
    let cluster = pool::of(NODES, &[numbers]);
    let new: CommandDigest = "00000000000000ff".parse().unwrap();
    let mut faults: Vec<_> = if are_there_faults { faults::draw(&mut dice, 1, NODES) } else { Vec::new() };
    // More than the others carry when one is away would keep it waiting, and rightly so.
    faults.retain(|(_, fault)| !matches!(fault, Fault::Load { .. }));
    faults.push((SECOND, Fault::Load { service: 0, in_flight: dice.within(0..10) }));
    faults.push((dice.within(FIRST..CALM), Fault::Edit { command: new }));
    for node in 0..NODES {
        faults.push((dice.within(FIRST..CALM), Fault::EditNode { node, command: new }));
    }
    let mut world = World::new(dice, cluster, CALM, None);
    world.start_manager(0);
    for (at, fault) in faults {
        world.plan(at, fault);
    }
    let mut seconds = 0;
    loop {
        world.run(CALM + seconds * SECOND);
        if is_done(&world, new) {
            return seconds;
        }
        assert!(seconds * SECOND < CALM_LASTS, "seed {seed}: {}", view(&world));
        seconds += 1;
        if seconds % ASKED_EVERY == 0 && newest(&world).rollout().is_some_and(|view| view.state == "stopped")
        {
            world.reload();
        }
    }
}

fn newest(world: &World) -> &load_manager::holder::Holder {
    let manager = world.fronts[0].manager.expect("one was started");
    &world.managers[manager].holder
}

fn is_done(world: &World, new: CommandDigest) -> bool {
    let mut commands = world.nodes.iter().flat_map(|node| node.commands());
    let (all, _) = newest(world).copies_by_command();
    all > 0 && commands.all(|command| command == new) && newest(world).rollout().is_none()
}

/// Copies that are on their way out to be started again: never more than one.
pub(crate) fn restarting(holder: &load_manager::holder::Holder) -> usize {
    holder.nodes().iter().filter(|node| node.restarts).count()
}

fn view(world: &World) -> String {
    let holder = newest(world);
    let now = world.managers[world.fronts[0].manager.unwrap()].local();
    let line = |node: &load_manager::node::Node| {
        format!("\n  {}: {} ({})", node.name, node.state_name(now), node.detail)
    };
    let nodes: String = holder.nodes().iter().map(line).collect();
    format!("{:?}, {:?}{nodes}", holder.rollout(), holder.last())
}
