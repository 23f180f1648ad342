//! What a person sets for themselves: kept in this browser, told to no server.

use leptos::prelude::{GetUntracked as _, Update as _, document, window};

use super::{Hands, bell};
use crate::client::{preference, remember};

/// A thing that can be set, by its place in [`SETTINGS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Which colours.
    Theme,
    /// How much stands on a screen.
    Density,
    /// Whether things move.
    Motion,
    /// Which zone times are told in.
    Zone,
    /// Whether single keys do something.
    Keys,
    /// Whether what happens is summed up for screen readers.
    Summaries,
    /// Whether a request is heard.
    Sound,
    /// Whether a request is shown by the system.
    Notify,
}

/// A thing that can be set.
#[derive(Debug)]
pub struct Setting {
    /// What it is kept under.
    pub key: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What is good to know of it.
    pub hint: &'static str,
    /// What it can be: the word kept, the word shown. The first is what it is until it is set.
    pub words: &'static [(&'static str, &'static str)],
    /// Whether styles follow it, as an attribute of the document.
    styled: bool,
}

const ON_OFF: &[(&str, &str)] = &[("on", "On"), ("off", "Off")];
const OFF_ON: &[(&str, &str)] = &[("off", "Off"), ("on", "On")];

/// All that can be set, in the order of [`Choice`]. The document's head applies what styles follow
/// before the page is drawn, by the same keys.
pub const SETTINGS: [Setting; 8] = [
    Setting {
        key: "theme",
        name: "Theme",
        hint: "",
        words: &[("system", "System"), ("dark", "Dark"), ("light", "Light"), ("contrast", "High contrast")],
        styled: true,
    },
    Setting {
        key: "density",
        name: "Density",
        hint: "",
        words: &[("comfortable", "Comfortable"), ("compact", "Compact")],
        styled: true,
    },
    Setting {
        key: "motion",
        name: "Motion",
        hint: "",
        words: &[("system", "System"), ("reduced", "Reduced"), ("full", "Full")],
        styled: true,
    },
    Setting {
        key: "zone",
        name: "Times in",
        hint: "What stands behind a time is always UTC.",
        words: &[("local", "Your zone"), ("utc", "UTC")],
        styled: false,
    },
    Setting { key: "keys", name: "Single keys", hint: "Ctrl K finds anything, also without.", words: ON_OFF, styled: false },
    Setting {
        key: "summaries",
        name: "Spoken summaries",
        hint: "For screen readers, every five seconds at most.",
        words: ON_OFF,
        styled: false,
    },
    Setting { key: "sound", name: "Sound when approval is asked", hint: "", words: OFF_ON, styled: false },
    Setting {
        key: "notify",
        name: "Notification when approval is asked",
        hint: "By the system, while you look elsewhere.",
        words: OFF_ON,
        styled: false,
    },
];

/// The place of the chosen word of each setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chosen([usize; SETTINGS.len()]);

/// Nothing was set.
pub const DEFAULTS: Chosen = Chosen([0; SETTINGS.len()]);

impl Chosen {
    /// Whether a setting stands so.
    pub fn is(&self, choice: Choice, word: &str) -> bool {
        SETTINGS[choice as usize].words[self.0[choice as usize]].0 == word
    }

    /// The place of the word that a setting stands at.
    pub fn place(&self, setting: usize) -> usize {
        self.0[setting]
    }
}

/// What is kept in this browser.
pub fn kept() -> Chosen {
    let place = |setting: &Setting| {
        let kept = preference(setting.key).unwrap_or_default();
        setting.words.iter().position(|(word, _)| *word == kept).unwrap_or(0)
    };
    let mut chosen = DEFAULTS;
    for (at, setting) in chosen.0.iter_mut().zip(&SETTINGS) {
        *at = place(setting);
    }
    chosen
}

/// Whether nothing may move: as it is set here, or in the system.
pub fn is_still() -> bool {
    match preference(SETTINGS[Choice::Motion as usize].key).as_deref() {
        Some("reduced") => true,
        Some("full") => false,
        _ => window().match_media("(prefers-reduced-motion: reduce)").ok().flatten().is_some_and(|query| query.matches()),
    }
}

impl Hands {
    /// Sets a setting, here and for the next visit.
    pub(super) fn choose(self, setting: usize, word: usize) {
        let it = &SETTINGS[setting];
        remember(it.key, if word == 0 { "" } else { it.words[word].0 });
        self.chosen.update(|chosen| chosen.0[setting] = word);
        self.apply();
        if it.words[word].0 == "on" {
            match setting {
                _ if setting == Choice::Sound as usize => bell::ring(),
                _ if setting == Choice::Notify as usize => bell::ask_leave(self),
                _ => {}
            }
        }
    }

    /// Another tab may have set something.
    pub(super) fn look_again(self) {
        self.chosen.update(|chosen| *chosen = kept());
        self.apply();
    }

    fn apply(self) {
        let chosen = self.chosen.get_untracked();
        if let Some(root) = document().document_element() {
            for (place, setting) in chosen.0.into_iter().zip(&SETTINGS).filter(|(_, setting)| setting.styled) {
                let name = ["data-", setting.key].concat();
                let _refused =
                    if place == 0 { root.remove_attribute(&name) } else { root.set_attribute(&name, setting.words[place].0) };
            }
        }
        self.settle();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_choices() {
        let keys =
            [Choice::Theme, Choice::Motion, Choice::Zone, Choice::Keys, Choice::Notify].map(|it| SETTINGS[it as usize].key);
        assert_eq!(keys, ["theme", "motion", "zone", "keys", "notify"]);
        assert!(DEFAULTS.is(Choice::Theme, "system") && DEFAULTS.is(Choice::Keys, "on") && DEFAULTS.is(Choice::Sound, "off"));
    }
}
