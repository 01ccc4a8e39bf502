//! Who is out and when, window by window; and the bounds, whatever happens.

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const LIMITS: Limits = Limits { share: 0.5, time: Duration::from_secs(10), high: 0.75 };

/// Copies that are looked at once a second.
struct Diary {
    ejection: Ejection,
    now: Instant,
}

impl Diary {
    fn new() -> Self {
        Self { ejection: Ejection::new(LIMITS), now: Instant::now() }
    }

    fn look(&mut self, seen: &[Seen]) -> Vec<Verdict> {
        self.now += SECOND;
        let findings = self.ejection.look(self.now, seen);
        assert!(findings.iter().zip(seen).all(|(finding, seen)| finding.key == seen.key));
        findings.iter().map(|finding| finding.verdict).collect()
    }

    /// Looks until something is news of the first copy, at most this often; what, and after how many seconds.
    fn until_news(&mut self, seen: &[Seen], looks: u32) -> Option<(Verdict, u32)> {
        (1..=looks).find_map(|look| {
            self.now += SECOND;
            let first = self.ejection.look(self.now, seen)[0];
            first.is_news.then_some((first.verdict, look))
        })
    }
}

fn copy(key: u64, answers: u64, errors: u64) -> Seen {
    Seen { key, answers, errors, load: 1.0, capacity: 8.0, is_serving: true }
}

/// Three copies: the first with this many 5xx among ten answers, the others good.
fn three(errors: u64) -> [Seen; 3] {
    [copy(1, 10, errors), copy(2, 10, 0), copy(3, 10, 1)]
}

fn ejected(time_s: u64, times: u32) -> Verdict {
    Verdict::Ejected { share: 1.0, time: Duration::from_secs(time_s), times }
}

#[test]
fn three_failing_windows_in_a_row_put_a_copy_out_and_its_time_brings_it_back() {
    let mut diary = Diary::new();
    assert_eq!(diary.look(&three(10))[0], Verdict::Failing(1));
    assert_eq!(diary.look(&three(10))[0], Verdict::Failing(2));
    // A good window in between: it begins anew.
    assert_eq!(diary.look(&three(4))[0], Verdict::Good);
    assert_eq!(diary.look(&three(5))[0], Verdict::Failing(1));
    assert_eq!(diary.look(&three(5))[0], Verdict::Failing(2));
    assert_eq!(diary.look(&three(10))[0], ejected(10, 1));
    assert_eq!(diary.look(&three(10))[0], Verdict::Out(9 * SECOND));
    assert_eq!(diary.until_news(&three(0), 20), Some((Verdict::Back(Back::TimeIsOver), 9)));
    assert!(!diary.ejection.is_out(1));
}

#[test]
fn few_answers_say_nothing() {
    let mut diary = Diary::new();
    let few = [copy(1, 4, 4), copy(2, 10, 0), copy(3, 10, 0)];
    assert_eq!(diary.until_news(&few, 20), None);
    assert_eq!(diary.look(&few)[0], Verdict::Quiet);
}

#[test]
fn each_time_is_longer_up_to_five_minutes_and_good_behaviour_is_rewarded() {
    let mut diary = Diary::new();
    for times in 1..=40 {
        let time_s = (10 * u64::from(times)).min(300);
        assert_eq!(diary.until_news(&three(10), 3), Some((ejected(time_s, times), 3)));
        let back = diary.until_news(&three(10), 400).unwrap();
        assert_eq!(back, (Verdict::Back(Back::TimeIsOver), time_s as u32));
    }
    // Forty times, five minutes of each: it takes as long again to be forgiven one.
    assert_eq!(diary.until_news(&three(0), 300), None);
    assert_eq!(diary.until_news(&three(10), 3), Some((ejected(300, 40), 3)));
    diary.until_news(&three(0), 300).unwrap();
    assert_eq!(diary.until_news(&three(0), 40 * 300), None);
    assert_eq!(diary.until_news(&three(10), 3), Some((ejected(10, 1), 3)), "all is forgotten");
}

#[test]
fn at_most_a_third_is_out_the_worst_first() {
    let mut diary = Diary::new();
    let two = [copy(1, 10, 10), copy(2, 10, 0)];
    assert_eq!(diary.until_news(&two, 10), Some((Verdict::Kept(Kept::ThirdIsOut), 3)));
    let mut diary = Diary::new();
    let mut seen: Vec<_> = (1..=6).map(|key| copy(key, 10, 4 + key)).collect();
    let verdicts = (0..3).map(|_| diary.look(&seen)).last().unwrap();
    let out: Vec<_> = (1..=6).filter(|&key| diary.ejection.is_out(key)).collect();
    assert_eq!((out, verdicts[0]), (vec![5, 6], Verdict::Kept(Kept::ThirdIsOut)));
    // With fewer copies, fewer may be out.
    seen.truncate(5);
    assert_eq!(diary.look(&seen)[4], Verdict::Out(9 * SECOND));
    seen.remove(0);
    seen.push(copy(6, 10, 10));
    let verdicts = diary.look(&seen);
    assert!(matches!(verdicts[3], Verdict::Out(_)), "one of five: {verdicts:?}");
    seen.drain(..3);
    assert_eq!(diary.look(&seen)[0], Verdict::Back(Back::FewerCopies));
}

#[test]
fn none_is_out_when_the_others_would_be_high_or_are() {
    let mut diary = Diary::new();
    let busy = |load: f64| three(10).map(|seen| Seen { load, ..seen });
    // 12.3 in flight are more than three quarters of the 16 that the others handle.
    assert_eq!(diary.until_news(&busy(4.1), 10), Some((Verdict::Kept(Kept::OthersHigh), 3)));
    assert_eq!(diary.until_news(&busy(4.1), 10), None, "it is said once");
    assert_eq!(diary.until_news(&busy(4.0), 1), Some((ejected(10, 1), 1)));
    assert_eq!(diary.until_news(&busy(4.1), 1), Some((Verdict::Back(Back::OthersHigh), 1)));
}

#[test]
fn never_the_last_one_that_serves() {
    let mut diary = Diary::new();
    let mut seen = three(10);
    (seen[1].is_serving, seen[2].is_serving) = (false, false);
    assert_eq!(diary.until_news(&seen, 10), Some((Verdict::Kept(Kept::IsLast), 3)));
    let mut diary = Diary::new();
    diary.until_news(&three(10), 3).unwrap();
    assert_eq!(diary.until_news(&seen, 1), Some((Verdict::Back(Back::NoneServes), 1)));
}

#[test]
fn a_copy_that_left_is_forgotten() {
    let mut diary = Diary::new();
    diary.until_news(&three(10), 3).unwrap();
    diary.look(&three(0)[1..]);
    assert!(!diary.ejection.is_out(1));
    assert_eq!(diary.until_news(&three(10), 3), Some((ejected(10, 1), 3)));
}

/// One look: how long after the one before, and what is seen of which copies.
fn look() -> impl Strategy<Value = (u64, Vec<Seen>)> {
    let copy = (0u64..12, 0u64..=12, 0.0f64..=10.0, prop::bool::weighted(0.9)).prop_map(
        |(answers, errors, load, is_serving)| Seen {
            key: 0,
            answers,
            errors: errors.min(answers),
            load,
            capacity: 8.0,
            is_serving,
        },
    );
    // Copies come and go at the end of the list, now and then.
    (0u64..8, prop::collection::vec(copy, 0..10)).prop_map(|(seconds, mut copies)| {
        for (key, copy) in copies.iter_mut().enumerate() {
            copy.key = key as u64;
        }
        (seconds, copies)
    })
}

proptest! {
    #[test]
    fn the_bounds_hold_after_every_look(looks in prop::collection::vec(look(), 1..60)) {
        let mut ejection = Ejection::new(LIMITS);
        let mut now = Instant::now();
        let mut failing: HashMap<u64, u32> = HashMap::new();
        let mut since: HashMap<u64, Instant> = HashMap::new();
        for (seconds, seen) in looks {
            now += Duration::from_secs(seconds);
            let was_out: Vec<_> = seen.iter().map(|seen| ejection.is_out(seen.key)).collect();
            let findings = ejection.look(now, &seen);
            let (out, in_): (Vec<&Seen>, Vec<&Seen>) = seen.iter().partition(|seen| ejection.is_out(seen.key));
            prop_assert!(out.len() * 3 <= seen.len());
            if !out.is_empty() {
                let serving = || in_.iter().filter(|seen| seen.is_serving);
                let load: f64 = seen.iter().map(|seen| seen.load).sum();
                let capacity: f64 = serving().map(|seen| seen.capacity).sum();
                prop_assert!(serving().count() > 0 && load <= LIMITS.high * capacity);
            }
            failing.retain(|key, _| seen.iter().any(|seen| seen.key == *key));
            for ((seen, finding), was_out) in seen.iter().zip(findings).zip(was_out) {
                let is_failing = seen.is_serving && seen.answers >= 5 && seen.errors * 2 >= seen.answers;
                let count = failing.entry(seen.key).or_default();
                *count = if is_failing && !was_out { *count + 1 } else { 0 };
                match finding.verdict {
                    Verdict::Ejected { time, times, .. } => {
                        prop_assert!(*count >= 3 && !was_out && finding.is_news);
                        prop_assert!(time == (LIMITS.time * times).min(TIME_MAX));
                        since.insert(seen.key, now);
                        *count = 0;
                    }
                    Verdict::Out(left) => {
                        prop_assert!(was_out && left <= TIME_MAX && now < since[&seen.key] + TIME_MAX);
                    }
                    Verdict::Back(_) => prop_assert!(was_out && finding.is_news),
                    Verdict::Kept(_) => prop_assert!(*count >= 3),
                    Verdict::Failing(windows) => prop_assert!(windows == *count && windows < 3),
                    Verdict::Quiet | Verdict::Good => prop_assert!(!is_failing && !was_out),
                }
            }
        }
    }
}
