//! The sample world: providers, their services, rules, and texts.

#[derive(Debug, PartialEq, Eq)]
pub struct Provider {
    pub id: &'static str,
    pub name: &'static str,
    pub currency: &'static str,
    /// Service and its action.
    pub services: &'static [(&'static str, &'static str)],
    /// Percentage of replays that fail.
    pub failures_percent: u64,
}

const fn provider(
    id: &'static str,
    name: &'static str,
    currency: &'static str,
    failures_percent: u64,
    services: &'static [(&'static str, &'static str)],
) -> Provider {
    Provider { id, name, currency, services, failures_percent }
}

pub static PROVIDERS: [Provider; 12] = [
    provider("alder", "Alder Reach", "EUR", 6, &[("ig-followers", "followers"), ("ig-likes", "likes")]),
    provider("birchline", "Birchline Media", "EUR", 9, &[("tt-views", "views"), ("tt-followers", "followers")]),
    provider("cobalt", "Cobalt Social", "USD", 12, &[("yt-views", "views"), ("yt-subscribers", "subscribers")]),
    provider("driftwood", "Driftwood Growth", "USD", 4, &[("ig-saves", "saves"), ("ig-reach", "reach")]),
    provider("ember", "Ember Audience", "EUR", 35, &[("ig-comments", "comments"), ("ig-likes", "likes")]),
    provider("fjord", "Fjord Engagement", "EUR", 8, &[("x-followers", "followers"), ("x-reposts", "reposts")]),
    provider("granite", "Granite Panels", "GBP", 15, &[("sp-plays", "plays"), ("sp-followers", "followers")]),
    provider("harbour", "Harbour Boost", "GBP", 5, &[("fb-likes", "likes"), ("fb-views", "views")]),
    provider("iris", "Iris Network", "EUR", 10, &[("tw-viewers", "viewers"), ("tw-followers", "followers")]),
    provider("juniper", "Juniper Works", "USD", 22, &[("tg-members", "members"), ("tg-views", "views")]),
    provider("kestrel", "Kestrel Supply", "EUR", 7, &[("pin-saves", "saves"), ("pin-followers", "followers")]),
    provider("lumen", "Lumen Services", "EUR", 11, &[("li-followers", "followers"), ("li-reactions", "reactions")]),
];

/// Rule id, label and priority.
pub const RULES: [(&str, Option<&str>, Option<i32>); 5] = [
    ("rule-peak-hours", Some("Peak hours"), Some(10)),
    ("rule-slow-start", Some("Slow start"), Some(20)),
    ("rule-cap-daily", Some("Daily cap"), Some(30)),
    ("rule-vip", Some("Preferred customers"), Some(5)),
    ("rule-legacy", None, None),
];

pub const ERRORS: [&str; 5] = [
    "the provider did not answer within 30 s",
    "the provider answered 503",
    "insufficient balance at the provider",
    "the link is private",
    "rate limit of the provider was hit",
];

pub const REPLAY_CANCELLED: [&str; 3] = ["refilled instead", "asked for by the customer", "scheduled twice"];

pub const ORDER_CANCELLED: [&str; 3] = ["refunded", "the account was deleted", "the provider has ended the service"];

pub const PRESETS: [(&str, &str); 3] =
    [("starter-pack", "Starter pack"), ("creator-pack", "Creator pack"), ("brand-pack", "Brand pack")];
