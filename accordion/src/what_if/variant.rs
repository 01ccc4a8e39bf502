//! What is compared: settings and who decides by them, and what each makes of a load.

use load_manager::decider::Settings;
use load_manager::simulation::{Course, Load, Rule, World, run};

/// Settings, the world around them, and who decides.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Variant {
    /// `today`, `changed`, or the name of another policy.
    pub(super) what: &'static str,
    pub(super) rule: Rule,
    pub(super) settings: Settings,
    pub(super) world: World,
}

/// All that was played.
#[derive(Debug, Clone, Copy)]
pub(super) struct Played<'a> {
    pub(super) service: &'a str,
    pub(super) today: &'a Variant,
    /// What `changed` differs by, as it may be typed.
    pub(super) sets: &'a [String],
    pub(super) cases: &'a [Case],
}

/// One load, and what each variant made of it.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) name: String,
    /// What the load is, for a person.
    pub(super) sentence: String,
    pub(super) load: Load,
    pub(super) runs: Vec<Run>,
}

/// One variant, and what it made of a load.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// `today`, `changed`, or the name of another policy.
    pub(super) what: &'static str,
    pub(super) rule: Rule,
    pub(super) course: Course,
}

impl Variant {
    /// The same decided by another policy.
    pub(super) fn by(&self, rule: Rule) -> Self {
        Self { what: rule.name(), rule, ..self.clone() }
    }

    /// Whether everything would go as with the other.
    pub(super) fn is_alike(&self, other: &Self) -> bool {
        self.rule == other.rule && self.settings == other.settings && self.world == other.world
    }
}

impl Case {
    pub(super) fn played((name, sentence, load): (String, String, Load), variants: &[Variant]) -> Self {
        let run = |variant: &Variant| Run {
            what: variant.what,
            rule: variant.rule,
            course: run(&variant.settings, &variant.world, variant.rule, &load),
        };
        let runs = variants.iter().map(run).collect();
        Self { name, sentence, load, runs }
    }
}

impl Run {
    /// `today (adaptive)`, or the policy alone where it is what differs.
    pub(super) fn title(&self) -> String {
        let rule = self.rule.name();
        if self.what == rule { rule.to_owned() } else { format!("{} ({rule})", self.what) }
    }
}
