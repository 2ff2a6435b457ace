//! Publishes at a steady rate, with a probe among the events ten times a second.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use foldback::domain::log::record::Stream;
use foldback::domain::orders::event::{OrderEvent, OrderPlaced, Payload, ReplayScheduled};
use foldback::domain::orders::money::{Currency, Decimal, Money};
use foldback::domain::timestamp::Timestamp;
use foldback::samples::SampleEvent;
use uuid::Uuid;

use crate::Result;
use crate::log::Log;
use crate::producer::{Arrived, Producer};
use crate::servers::Servers;

/// Of whose orders the probes are; nobody else's are.
pub const PROBE: &str = "bench-probe";
const PROBE_EVERY: Duration = Duration::from_millis(100);
const NAP_MAX: Duration = Duration::from_millis(2);
/// As Kafka's own producers linger by default.
const LINGER_MS: u32 = 5;

/// A publisher on a thread of its own.
pub struct Steady {
    producer: Arc<Producer>,
    probes: Arc<Mutex<Vec<Instant>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Log>>>,
}

impl Steady {
    /// Publishes further events of the log at this many a second.
    pub fn start(servers: &Servers, log: Log, rate: f64) -> Result<Steady> {
        let producer = Arc::new(Producer::new(&servers.brokers, LINGER_MS)?);
        let (probes, stop) = (Arc::<Mutex<Vec<Instant>>>::default(), Arc::<AtomicBool>::default());
        let publisher = Publisher { log, producer: producer.clone(), probes: probes.clone(), stop: stop.clone() };
        let thread = std::thread::Builder::new().name("steady".into()).spawn(move || publisher.publish(rate))?;
        Ok(Steady { producer, probes, stop, thread: Some(thread) })
    }

    /// Events of orders that have arrived in the log since it was last asked.
    pub fn take_arrived(&self) -> Vec<Arrived> {
        self.producer.take_arrived()
    }

    /// When each probe was sent.
    pub fn probes(&self) -> Vec<Instant> {
        self.probes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn is_stopped(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Sends nothing more.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Waits until all that was sent has arrived, and gives the log back, to go on with.
    pub fn finish(mut self) -> Result<Log> {
        self.stop();
        let thread = self.thread.take().ok_or("the publisher has ended")?;
        thread.join().map_err(|_| "the publisher panicked")?
    }
}

struct Publisher {
    log: Log,
    producer: Arc<Producer>,
    probes: Arc<Mutex<Vec<Instant>>>,
    stop: Arc<AtomicBool>,
}

impl Publisher {
    /// Each event is sent when it is due, however late the one before was.
    fn publish(mut self, rate: f64) -> Result<Log> {
        let (started, mut sent, mut probed) = (Instant::now(), 0_u64, 0_u32);
        while !self.stop.load(Ordering::Relaxed) {
            if started.elapsed() >= PROBE_EVERY * probed {
                self.probe()?;
                probed += 1;
            }
            let due = Duration::from_secs_f64(sent as f64 / rate);
            match due.checked_sub(started.elapsed()) {
                Some(left) if !left.is_zero() => std::thread::sleep(left.min(NAP_MAX)),
                _ => {
                    let event = self.log.rest.next().ok_or("the load has ended")?;
                    self.send(&event, true)?;
                    sent += 1;
                }
            }
        }
        self.producer.flush()?;
        Ok(self.log)
    }

    fn send(&self, event: &SampleEvent, is_followed: bool) -> Result<()> {
        let encoded = self.log.framing.encode(event)?;
        let is_followed = is_followed && encoded.stream == Stream::Orders;
        self.producer.send(self.log.topic(encoded.stream), &encoded.key, &encoded.value, is_followed)
    }

    /// A new order with a scheduled replay: the provider's backlog grows by one.
    fn probe(&self) -> Result<()> {
        let (order, now) = (Uuid::new_v4(), Utc::now());
        let event = |sequence, payload| {
            let occurred_at = Timestamp::from_datetime(now);
            SampleEvent::Order(OrderEvent {
                event_id: Uuid::new_v4(),
                provider_order_id: order,
                sequence,
                occurred_at,
                payload,
            })
        };
        let amount = Money {
            units: Decimal::from_ten_thousandths(10_000).ok_or("1 is a decimal")?,
            currency: Currency::parse("EUR").ok_or("EUR is a currency")?,
        };
        self.send(&event(1, Payload::OrderPlaced(placed(amount))), false)?;
        let scheduled = ReplayScheduled {
            replay_id: Uuid::new_v4(),
            requested_amount: amount,
            scheduled_for: Some(Timestamp::from_datetime(now + TimeDelta::days(30))),
            rule_ids: Vec::new(),
            rule_metadata: std::collections::BTreeMap::new(),
        };
        self.probes.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
        self.send(&event(2, Payload::ReplayScheduled(scheduled)), false)
    }
}

fn placed(amount: Money) -> OrderPlaced {
    OrderPlaced {
        order_id: Uuid::new_v4(),
        order_item_id: Uuid::new_v4(),
        provider_id: PROBE.to_owned(),
        provider_name: None,
        service_id: PROBE.to_owned(),
        service_action: None,
        provider_reference: None,
        amount,
        provider_cost: None,
        guardrails: None,
        service_rules: Vec::new(),
    }
}
