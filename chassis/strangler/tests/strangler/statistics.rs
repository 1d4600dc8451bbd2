//! Bounds against published tables and against the definition; looks against a simulation.

use offshoot_strangler::{confidence_of_look, probability_of_at_least, samples_if_clean, upper_bound};

fn assert_near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
}

/// One-sided 97.5 % bounds of Clopper and Pearson, as in tables of two-sided 95 % intervals.
#[test]
fn bounds_agree_with_the_tables() {
    for (bad, n, expected) in [
        (0, 10, 0.308_5),
        (1, 10, 0.445_0),
        (5, 10, 0.812_9),
        (0, 100, 0.036_2),
        (5, 100, 0.112_8),
        (10, 1_000, 0.018_31),
    ] {
        assert_near(upper_bound(bad, n, 0.025), expected, 0.000_1);
    }
}

#[test]
fn without_observations_nothing_is_bounded() {
    assert_near(upper_bound(0, 0, 0.025), 1.0, 0.0);
    assert_near(upper_bound(9, 9, 0.025), 1.0, 0.0);
}

#[test]
fn tails_are_sums_of_the_binomial_distribution() {
    let (n, rate) = (20_u32, 0.1_f64);
    let mut below = 0.0;
    let mut choose = 1.0;
    for bad in 0..=n {
        assert_near(
            probability_of_at_least(u64::from(bad), u64::from(n), rate),
            1.0 - below,
            1e-9,
        );
        below += choose * rate.powf(f64::from(bad)) * (1.0 - rate).powf(f64::from(n - bad));
        choose *= f64::from(n - bad) / f64::from(bad + 1);
    }
}

#[test]
fn a_bound_is_where_the_tail_has_the_error_left() {
    for (bad, n) in [(0, 3_687), (3, 50_000), (70, 1_000_000), (40_000, 1_000_000)] {
        let bound = upper_bound(bad, n, 0.025);
        assert_near(1.0 - probability_of_at_least(bad + 1, n, bound), 0.025, 1e-6);
    }
}

#[test]
fn clean_samples_have_the_computed_sizes() {
    let sizes = [0.001, 0.000_3, 0.02, 0.01, 0.005, 0.002_5].map(samples_if_clean);
    assert_eq!(
        sizes,
        [3_688, 12_295, 183, 368, 736, 1_474].map(|size: u64| size),
        "{sizes:?}"
    );
}

#[test]
fn all_looks_together_err_rarely() {
    let error: f64 = (0..40).map(|look| 1.0 - confidence_of_look(look)).sum();
    assert!(error <= 0.05 + 1e-9, "{error}");
}
