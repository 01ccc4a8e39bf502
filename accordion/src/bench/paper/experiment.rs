//! The experiments, and what the papers themselves found. Pure.

use clap::ValueEnum;

/// One experiment: its figures have one number on their axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum)]
pub(super) enum Experiment {
    /// Requests of 1 KB at rising rates (table 1, figure 11)
    Rate,
    /// One request a second at rising sizes (table 2, figure 12)
    Size,
    /// Requests that take 10 ms of a node's CPU, at rising rates (table 3, figure 14)
    Work,
    /// A text, 10 KB and 1 MB as 2:1:1 on a rising number of nodes (the first paper)
    Mix,
}

/// A table of the paper: a line for each number on the axis, a column for each of its systems.
#[derive(Debug)]
pub(super) struct Table {
    /// Where it stands.
    pub(super) source: &'static str,
    pub(super) columns: &'static [&'static str],
    /// The number on the axis, and the reply times of the columns in milliseconds.
    pub(super) rows: &'static [(u32, &'static [f64])],
}

impl Experiment {
    /// What its column in the raw files is called.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Size => "size",
            Self::Work => "work",
            Self::Mix => "mix",
        }
    }

    /// What a person reads over its table.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Rate => "1 KB at rising rates",
            Self::Size => "Rising sizes at 1 request/s",
            Self::Work => "10 ms of a node's CPU at rising rates",
            Self::Mix => "A text, 10 KB and 1 MB on a rising number of nodes",
        }
    }

    /// What the numbers on its axis are.
    pub(super) const fn axis(self) -> &'static str {
        match self {
            Self::Rate | Self::Work => "requests/s",
            Self::Size => "KB",
            Self::Mix => "nodes",
        }
    }

    /// The paper's own figures; those of the first paper are drawn and not told.
    pub(super) const fn of_the_paper(self) -> Option<&'static Table> {
        match self {
            Self::Rate => Some(&RATE),
            Self::Size => Some(&SIZE),
            Self::Work => Some(&WORK),
            Self::Mix => None,
        }
    }
}

const SYSTEMS: &[&str] = &["Only Master", "Master", "1' Slave", "2' Slave", "3' Slave"];

const RATE: Table = Table {
    source: "table 1",
    columns: SYSTEMS,
    rows: &[
        (100, &[0.8, 1.2, 5.5, 5.5, 5.4]),
        (150, &[0.7, 1.1, 5.4, 5.6, 5.4]),
        (200, &[0.7, 1.1, 5.5, 5.6, 5.3]),
        (250, &[0.7, 1.2, 5.3, 5.3, 5.5]),
        (300, &[0.7, 1.2, 5.6, 5.4, 5.5]),
    ],
};

const SIZE: Table = Table {
    source: "table 2",
    columns: SYSTEMS,
    rows: &[
        (10, &[0.7, 2.0, 9.5, 9.9, 8.1]),
        (100, &[0.8, 1.8, 15.9, 16.2, 16.4]),
        (200, &[0.7, 2.7, 15.7, 17.3, 17.5]),
        (300, &[0.7, 2.9, 15.0, 16.1, 15.4]),
        (400, &[0.7, 3.3, 30.6, 27.3, 34.2]),
        (500, &[0.7, 2.4, 655.5, 549.1, 488.1]),
    ],
};

const WORK: Table = Table {
    source: "table 3",
    columns: &["Master", "3' Slave"],
    rows: &[
        (1, &[11.0, 16.7]),
        (50, &[12.2, 15.6]),
        (80, &[48.7, 15.9]),
        (100, &[100.8, 16.1]),
        (150, &[163.5, 16.7]),
        (200, &[204.2, 81.6]),
        (250, &[292.3, 117.2]),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_a_table_has_all_its_columns() {
        for table in Experiment::value_variants().iter().filter_map(|one| one.of_the_paper()) {
            assert!(table.rows.iter().all(|(_, row)| row.len() == table.columns.len()), "{}", table.source);
            assert!(table.rows.is_sorted_by_key(|(x, _)| *x), "{}", table.source);
        }
    }
}
