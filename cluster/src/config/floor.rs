//! `[[service.NAME.floor]]`: nodes that a service is to have at certain times of the week, whatever
//! its load. Pure: which day and which minute it is comes in as an argument, by the front end's clock.

use std::fmt;

/// Minutes of a day.
const DAY_MINUTES: u16 = 24 * 60;

/// At least so many nodes, on these days from one time to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Floor {
    /// The days on which it begins. Default: every day.
    pub days: Vec<Weekday>,
    /// When it begins.
    pub from: TimeOfDay,
    /// When it ends: on the next day, unless that is after `from`.
    pub to: TimeOfDay,
    /// Nodes that the service is to have in between.
    pub nodes: u32,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weekday {
    /// "mon".
    Mon,
    /// "tue".
    Tue,
    /// "wed".
    Wed,
    /// "thu".
    Thu,
    /// "fri".
    Fri,
    /// "sat".
    Sat,
    /// "sun".
    Sun,
}

/// A minute of a day, counted from midnight; 24:00 is the end of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(u16);

impl Floor {
    /// The nodes that it asks for on that day, `minute` minutes after midnight; 0 outside its time.
    pub fn nodes_at(&self, day: Weekday, minute: u16) -> u32 {
        if self.holds_at(day, minute) { self.nodes } else { 0 }
    }

    /// The largest of what several floors ask for then; 0 where none holds.
    pub fn largest_at(floors: &[Self], day: Weekday, minute: u16) -> u32 {
        floors.iter().map(|floor| floor.nodes_at(day, minute)).max().unwrap_or(0)
    }

    fn holds_at(&self, day: Weekday, minute: u16) -> bool {
        let begins_on = |day| self.days.contains(&day);
        let (from, to) = (self.from.minute(), self.to.minute());
        if from < to {
            return begins_on(day) && (from..to).contains(&minute);
        }
        (begins_on(day) && minute >= from) || (begins_on(day.before()) && minute < to)
    }
}

impl Weekday {
    /// All of them, as they follow one another.
    pub const ALL: [Self; 7] = [Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun];

    /// The day before it.
    pub fn before(self) -> Self {
        match self {
            Self::Mon => Self::Sun,
            Self::Tue => Self::Mon,
            Self::Wed => Self::Tue,
            Self::Thu => Self::Wed,
            Self::Fri => Self::Thu,
            Self::Sat => Self::Fri,
            Self::Sun => Self::Sat,
        }
    }
}

impl TimeOfDay {
    /// The time so many minutes after midnight, up to 24:00.
    pub fn new(minute: u16) -> Option<Self> {
        (minute <= DAY_MINUTES).then_some(Self(minute))
    }

    /// Minutes since midnight.
    pub fn minute(self) -> u16 {
        self.0
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(hour: u16, minute: u16) -> TimeOfDay {
        TimeOfDay::new(hour * 60 + minute).unwrap()
    }

    fn floor(days: &[Weekday], from: TimeOfDay, to: TimeOfDay, nodes: u32) -> Floor {
        Floor { days: days.to_vec(), from, to, nodes }
    }

    #[test]
    fn a_floor_holds_from_its_first_minute_up_to_but_not_including_its_last() {
        let office = floor(&[Weekday::Mon], at(8, 30), at(18, 0), 4);
        let nodes = |hour, minute| office.nodes_at(Weekday::Mon, at(hour, minute).minute());
        assert_eq!([nodes(8, 29), nodes(8, 30), nodes(17, 59), nodes(18, 0)], [0, 4, 4, 0]);
        assert_eq!(office.nodes_at(Weekday::Tue, at(12, 0).minute()), 0);
    }

    #[test]
    fn a_floor_over_midnight_belongs_to_the_day_on_which_it_begins() {
        let night = floor(&[Weekday::Sun], at(22, 0), at(6, 0), 2);
        let nodes = |day, hour| night.nodes_at(day, at(hour, 0).minute());
        assert_eq!([nodes(Weekday::Sun, 21), nodes(Weekday::Sun, 22), nodes(Weekday::Sun, 5)], [0, 2, 0]);
        assert_eq!([nodes(Weekday::Mon, 5), nodes(Weekday::Mon, 6), nodes(Weekday::Mon, 22)], [2, 0, 0]);
    }

    #[test]
    fn from_one_time_to_the_same_is_a_whole_day() {
        let day = floor(&[Weekday::Wed], at(9, 0), at(9, 0), 1);
        let held = |day_of_week| (0..1440).filter(|minute| day.nodes_at(day_of_week, *minute) == 1).count();
        assert_eq!(Weekday::ALL.map(held), [0, 0, 900, 540, 0, 0, 0]);
    }

    #[test]
    fn the_end_of_a_day_can_be_written_out() {
        let late = floor(&[Weekday::Fri], at(23, 0), at(24, 0), 1);
        assert_eq!((late.nodes_at(Weekday::Fri, 1439), late.nodes_at(Weekday::Sat, 0)), (1, 0));
        assert_eq!((late.to.to_string(), TimeOfDay::new(1441)), ("24:00".to_owned(), None));
    }

    #[test]
    fn of_several_floors_the_largest_counts() {
        let floors = [
            floor(&Weekday::ALL, at(0, 0), at(24, 0), 1),
            floor(&[Weekday::Sat], at(10, 0), at(20, 0), 5),
            floor(&[Weekday::Sat], at(12, 0), at(13, 0), 3),
        ];
        let nodes = |hour| Floor::largest_at(&floors, Weekday::Sat, at(hour, 0).minute());
        assert_eq!([nodes(9), nodes(12), nodes(20)], [1, 5, 1]);
        assert_eq!(Floor::largest_at(&[], Weekday::Sat, 0), 0);
    }

    proptest! {
        #[test]
        fn in_a_week_a_floor_holds_its_length_on_each_of_its_days(
            days in proptest::sample::subsequence(Weekday::ALL.to_vec(), 1..=7),
            from in 0_u16..1440,
            to in 0_u16..=1440,
        ) {
            let floor = floor(&days, TimeOfDay(from), TimeOfDay(to), 1);
            let length = if from < to { to - from } else { 1440 - from + to };
            let week = Weekday::ALL.iter().flat_map(|day| (0..1440).map(|minute| (*day, minute)));
            let held = week.filter(|(day, minute)| floor.nodes_at(*day, *minute) == 1).count();
            prop_assert_eq!(held, usize::from(length) * days.len());
        }
    }
}
