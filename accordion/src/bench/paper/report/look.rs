//! How a contestant looks in every figure: its colour tells its kind, its symbol how many nodes it has.

use super::super::contestant::Contestant;
use crate::bench::plot::{Colour, Dash, Symbol};

/// Of its line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Look {
    pub(super) colour: Colour,
    pub(super) dash: Dash,
    pub(super) width: f64,
    pub(super) symbol: Option<Symbol>,
}

/// Of what the paper found.
pub(super) const PAPER: Look = Look { colour: Colour::GREY, dash: Dash::Dashed, width: 1.2, symbol: None };

/// Ours are thicker; where nothing stands before the service the line is dotted.
pub(super) const fn of(contestant: Contestant) -> Look {
    let (colour, dash, width, nodes) = match contestant {
        Contestant::Service => (Colour::BLACK, Dash::Dotted, 1.5, 0),
        Contestant::Node => (Colour::BLACK, Dash::Dotted, 1.5, 1),
        Contestant::Threads(nodes) => (Colour::PURPLE, Dash::Solid, 1.5, nodes),
        Contestant::Nginx(nodes) => (Colour::GREEN, Dash::Solid, 1.5, nodes),
        Contestant::Haproxy(nodes) => (Colour::ORANGE, Dash::Solid, 1.5, nodes),
        Contestant::TwoHaproxies => (Colour::VERMILION, Dash::Solid, 1.5, 1),
        Contestant::Accordion(nodes) => (Colour::BLUE, Dash::Solid, 2.4, nodes),
        Contestant::Direct(nodes) => (Colour::BLUE, Dash::Dotted, 2.4, nodes),
        Contestant::FillFirst(nodes) => (Colour::SKY, Dash::Solid, 2.4, nodes),
        Contestant::Elastic => (Colour::BLUE, Dash::Dashed, 2.4, 3),
    };
    let symbol = match nodes {
        0 => Symbol::Circle,
        1 => Symbol::Square,
        2 => Symbol::Triangle,
        _ => Symbol::Diamond,
    };
    Look { colour, dash, width, symbol: Some(symbol) }
}
