//! Texts and stored forms.

use offshoot_strangler::{InvalidSettings, Migration, Percent, Settings, State};

use crate::world::at;

#[test]
fn states_are_read_as_they_are_written() {
    for text in [
        "local",
        "encoded",
        "shadow",
        "canary:1",
        "canary:99",
        "remote",
        "detached",
    ] {
        assert_eq!(text.parse::<State>().expect(text).to_string(), text);
    }
    for text in [
        "",
        "canary",
        "canary:0",
        "canary:100",
        "canary:-1",
        "Remote",
        "completed",
    ] {
        let error = text.parse::<State>().expect_err(text).to_string();
        assert!(
            error.contains("use local, encoded, shadow, canary:1 to canary:99"),
            "{error}"
        );
    }
}

#[test]
fn a_record_survives_its_stored_form() {
    let record = at(State::Canary(Percent::new(25).expect("1 to 99")));
    let text = serde_json::to_string(&record).expect("a record encodes");
    assert_eq!(
        serde_json::from_str::<Migration>(&text).expect("a record decodes"),
        record
    );
    assert!(serde_json::from_str::<State>("\"canary:0\"").is_err());
}

#[test]
fn settings_are_checked() {
    let steps = |steps: &[u8]| Settings {
        steps: steps.iter().map(|step| Percent::new(*step).expect("1 to 99")).collect(),
        ..Settings::default()
    };
    assert_eq!(steps(&[]).validate(), Ok(()));
    assert_eq!(steps(&[5, 5]).validate(), Err(InvalidSettings::Steps));
    assert_eq!(steps(&[25, 5]).validate(), Err(InvalidSettings::Steps));
    let sample = Settings {
        sample_per_mille: 1_001,
        ..Settings::default()
    };
    assert_eq!(sample.validate(), Err(InvalidSettings::Sample(1_001)));
}
