//! What brokers refuse a consumer, which it asks for again for as long as it lives: what that means, and what to do.

use rdkafka::error::RDKafkaErrorCode;

/// What a refusal is about, which decides when it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refused {
    /// Membership in the consumer group: over once the consumer is a member.
    Group,
    /// Reading a topic: over once it is read.
    Topic,
}

/// The kind of a refusal, and what to do. `None`: another error, which passes or is told elsewhere.
pub fn refusal(code: RDKafkaErrorCode, group: &str) -> Option<(Refused, String)> {
    use RDKafkaErrorCode as Code;
    let (refused, remedy) = match code {
        Code::GroupAuthorizationFailed => (
            Refused::Group,
            format!("grant Kafka's user READ on consumer group {group}, or set kafka.group to one that it may join"),
        ),
        Code::InconsistentGroupProtocol => (
            Refused::Group,
            format!(
                "another member of consumer group {group} uses another partition.assignment.strategy than \
                 cooperative-sticky: stop it, or set kafka.group to a group of foldback's own"
            ),
        ),
        Code::GroupMaxSizeReached => {
            (Refused::Group, "start fewer workers, or raise group.max.size of the brokers".to_owned())
        }
        Code::InvalidSessionTimeout => (
            Refused::Group,
            "set session.timeout.ms in kafka.properties to what the brokers allow (group.min.session.timeout.ms, \
             group.max.session.timeout.ms)"
                .to_owned(),
        ),
        Code::InvalidGroupId | Code::UnsupportedVersion | Code::UnsupportedAssignor => {
            (Refused::Group, "check kafka.group and the version of the brokers".to_owned())
        }
        Code::TopicAuthorizationFailed => {
            (Refused::Topic, "grant Kafka's user READ and DESCRIBE on both topics".to_owned())
        }
        Code::ClusterAuthorizationFailed => (Refused::Topic, "check the rights of Kafka's user".to_owned()),
        Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownTopicId | Code::InvalidTopic => (
            Refused::Topic,
            "create the topic (retention.ms=-1, cleanup.policy=delete), or set kafka.orders_topic and kafka.runs_topic"
                .to_owned(),
        ),
        _ => return None,
    };
    Some((refused, remedy))
}
