//! Summaries and metadata as workers of all ages and moods write them: JSON text.

use super::Source;

/// Members of a summary, with the ones that drift.
const MEMBERS: [&str; 58] = [
    r#""processed":10"#,
    r#""succeeded":9"#,
    r#""failed":1"#,
    r#""processed":1e3"#,
    r#""failed":1.0"#,
    r#""scheduledBacklog":7"#,
    r#""scheduledBacklog":0"#,
    r#""scheduledBacklog":12345678901234567890123"#,
    r#""nextScheduledAt":"2026-12-01T00:00:00Z""#,
    r#""nextScheduledAt":null"#,
    r#""nextScheduledAt":"soon""#,
    r#""alerts":2"#,
    r#""alertsSent":2"#,
    r#""loadAlerts":0"#,
    r#""autoPaused":4"#,
    r#""autoResumed":0"#,
    r#""workflowTelemetry":{"steps":[1,2.50,{"x":null}]}"#,
    r#""workflowTelemetry":null"#,
    r#""alertsDigest":[]"#,
    r#""loadAlertsDigest":[]"#,
    r#""autoPausedProviders":[]"#,
    r#""autoResumedProviders":["a",{"id":"b"}]"#,
    r#""alertsDigest":[{"providerId":"p","providerName":"P","reasons":["late"],"guardrailFailures":1,"guardrailWarnings":2,"replayFailures":3,"replayTotal":4,"guardrailHotspots":{"likes":{"fail":1}},"ruleOverrides":{"r":2}}]"#,
    r#""alertsDigest":[{"providerId":"p","providerName":null},{"reasons":[]}]"#,
    r#""loadAlertsDigest":[{"providerId":"p","providerName":null,"presetId":"x","presetLabel":null,"serviceId":"s","serviceAction":null,"currency":"EUR","shortWindowDays":7,"longWindowDays":28,"shortShare":0.5,"longShare":"0.25","shareDelta":-1e-3,"shortEngagements":10,"longEngagements":20,"shortAmountTotal":"12.3400","longAmountTotal":99,"links":{"merchandising":"/m","fulfillment":null,"orders":"/o"}}]"#,
    // wrong types
    r#""processed":"10""#,
    r#""processed":1.5"#,
    r#""succeeded":null"#,
    r#""failed":true"#,
    r#""scheduledBacklog":"7""#,
    r#""scheduledBacklog":null"#,
    r#""nextScheduledAt":5"#,
    r#""alerts":[]"#,
    r#""alertsSent":{}"#,
    r#""workflowTelemetry":[]"#,
    r#""alertsDigest":{}"#,
    r#""alertsDigest":null"#,
    r#""alertsDigest":[1,{"reasons":"late"}]"#,
    r#""alertsDigest":[{"guardrailHotspots":[],"replayTotal":1.25,"providerId":7},{"providerId":8}]"#,
    r#""loadAlertsDigest":[{"shortShare":"a lot","longShare":"1.","shareDelta":"-0.5","links":[]}]"#,
    r#""loadAlertsDigest":[{"links":{"orders":1}}]"#,
    r#""loadAlertsDigest":"none""#,
    r#""autoPausedProviders":[1]"#,
    r#""autoPausedProviders":null"#,
    r#""autoResumedProviders":{}"#,
    r#""alertsDigest":[{"reasons":["a",2]}]"#,
    // unknown fields
    r#""extra":1"#,
    r#""Processed":1"#,
    r#""":{}"#,
    r#""big":12345678901234567890123"#,
    r#""tiny":1E-30"#,
    r#""zero":-0.0"#,
    r#""nested":{"a":[1,{"b":null}],"c":"\u00e9\ud83d\ude80"}"#,
    r#""alertsDigest":[{"mood":"bad"}]"#,
    r#""loadAlertsDigest":[{"links":{"help":"/h"},"note":1},{"note":2}]"#,
    r#""\u00e4 b.c[]":true"#,
    r#""tab\there":0"#,
    r#""money":1234567890.12345678901234567890"#,
];

const METADATA: [&str; 22] = [
    r#""alertsDigest":[{"providerId":"m"}]"#,
    r#""alertsDigest":null"#,
    r#""alertsDigest":"not a list""#,
    r#""alertsDigest":[]"#,
    r#""loadAlertsDigest":[{"providerId":"m","shortShare":0.1}]"#,
    r#""loadAlertsDigest":null"#,
    r#""loadAlertsDigest":{"odd":1}"#,
    r#""autoPausedProviders":["a","b"]"#,
    r#""autoPausedProviders":[]"#,
    r#""autoPausedProviders":"a""#,
    r#""autoPausedProviders":null"#,
    r#""autoPausedProviders":[1,null]"#,
    r#""autoResumedProviders":[{"id":"x"}]"#,
    r#""autoResumedProviders":[]"#,
    r#""autoResumedProviders":{}"#,
    r#""autoResumedProviders":null"#,
    r#""host":"worker-1""#,
    r#""digits":12345678901234567890123"#,
    r#""version":1.10"#,
    r#""emoji":"\ud83d\ude80""#,
    r#""":"""#,
    r#""autoPaused":9"#,
];

pub fn summary(source: &mut Source) -> String {
    let long = format!(r#""{}":1"#, "k".repeat(205));
    match source.below(30) {
        0 => "{}".to_owned(),
        1 => format!("{{{long}}}"),
        2 => " { \"processed\" : 1 ,\n\t\"failed\":0 } ".to_owned(),
        _ => object(source, &MEMBERS, 9),
    }
}

pub fn metadata(source: &mut Source) -> String {
    if source.chance(0.3) { "{}".to_owned() } else { object(source, &METADATA, 6) }
}

/// Some of the members, each name once.
fn object(source: &mut Source, members: &[&str], most: usize) -> String {
    let name = |member: &str| member.split("\":").next().unwrap_or_default().to_owned();
    let mut chosen: Vec<&str> = Vec::new();
    for _ in 0..source.below(most + 1) {
        let member = source.pick(members);
        if !chosen.iter().any(|other| name(other) == name(member)) {
            chosen.push(member);
        }
    }
    format!("{{{}}}", chosen.join(","))
}
