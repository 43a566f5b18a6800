//! Letting clients in, by the same rules for every protocol: who is trusted, who has to prove who they are, and what
//! happens to those who fail.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::access::{Identity, Role, Users};
use crate::error::{Error, ErrorKind};

/// The first failure from an address waits this long for its answer, the next twice as long, and so on.
const FIRST_DELAY: Duration = Duration::from_millis(200);
const MOST_DOUBLINGS: u32 = 4;
/// After this long without another failure an address begins anew.
const FAILURES_FORGOTTEN_AFTER: Duration = Duration::from_secs(60);
/// Addresses whose failures are remembered; beyond them the oldest are forgotten.
const MOST_ADDRESSES: usize = 10_000;

/// Where a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Peer {
    /// On this machine, over a socket in the file system or within the process.
    Local,
    Network(IpAddr),
}

impl Peer {
    /// Where on the network.
    pub fn address(self) -> Option<IpAddr> {
        match self {
            Self::Network(address) => Some(address),
            Self::Local => None,
        }
    }

    fn is_this_machine(self) -> bool {
        match self {
            Self::Local => true,
            Self::Network(address) => address.to_canonical().is_loopback(),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => formatter.write_str("local"),
            Self::Network(address) => write!(formatter, "{address}"),
        }
    }
}

/// What the configuration says of access.
#[derive(Debug)]
pub struct Policy {
    pub users: Users,
    /// The role of clients on this machine where no users are configured.
    pub trusted_role: Role,
}

/// The policy of the moment and the failures of late, shared by all listeners.
#[derive(Debug)]
pub struct Access {
    policy: RwLock<Arc<Policy>>,
    failures: Mutex<HashMap<Peer, Failures>>,
}

#[derive(Debug)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Access {
    pub fn new(policy: Policy) -> Arc<Self> {
        Arc::new(Self {
            policy: RwLock::new(Arc::new(policy)),
            failures: Mutex::default(),
        })
    }

    /// Nobody is asked who they are.
    pub fn without_users() -> Arc<Self> {
        Self::new(Policy {
            users: Users::default(),
            trusted_role: Role::Admin,
        })
    }

    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on others are let in. Those who are connected stay.
    pub fn replace(&self, policy: Policy) {
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
    }

    /// Logs a failure and waits with the answer, the longer the more failures there were.
    pub async fn failed(&self, protocol: &str, peer: Peer, user: &str, reason: &str) {
        let delay = self.count_failure(peer);
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(protocol, %peer, user, reason, delay_ms, "authentication failed");
        tokio::time::sleep(delay).await;
    }

    fn count_failure(&self, peer: Peer) -> Duration {
        let now = Instant::now();
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= MOST_ADDRESSES && !failures.contains_key(&peer) {
            make_room(&mut failures, now);
        }
        let one = failures.entry(peer).or_insert(Failures { count: 0, last: now });
        if now.duration_since(one.last) > FAILURES_FORGOTTEN_AFTER {
            one.count = 0;
        }
        let delay = FIRST_DELAY * 2u32.pow(one.count.min(MOST_DOUBLINGS));
        one.count = one.count.saturating_add(1);
        one.last = now;
        delay
    }
}

/// Those that nobody waits for any more go first, and if there are none the oldest one.
fn make_room(failures: &mut HashMap<Peer, Failures>, now: Instant) {
    failures.retain(|_, one| now.duration_since(one.last) <= FAILURES_FORGOTTEN_AFTER);
    if failures.len() < MOST_ADDRESSES {
        return;
    }
    let oldest = failures.iter().min_by_key(|(_, one)| one.last).map(|(peer, _)| *peer);
    if let Some(oldest) = oldest {
        failures.remove(&oldest);
    }
}

impl Policy {
    /// Somebody under the name they give, where no users are configured. Who is on another machine, which only an
    /// insecure server lets in, only reads.
    pub fn trusted(&self, user: &str, peer: Peer) -> Option<Identity> {
        if !self.users.is_empty() {
            return None;
        }
        let role = if peer.is_this_machine() {
            self.trusted_role
        } else {
            Role::Reader
        };
        Some(Identity::new(user, role))
    }
}

/// PostgreSQL's words for a password that is wrong and for a user who does not exist.
pub fn wrong_password(user: &str) -> Error {
    Error::new(
        ErrorKind::InvalidPassword,
        format!("password authentication failed for user \"{user}\""),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u8) -> Peer {
        Peer::Network(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn failures_wait_longer_and_longer_up_to_a_limit() {
        let access = Access::without_users();
        let waits: Vec<u128> = (0..7).map(|_| access.count_failure(peer(1)).as_millis()).collect();
        assert_eq!(waits, [200, 400, 800, 1600, 3200, 3200, 3200]);
        assert_eq!(access.count_failure(peer(2)).as_millis(), 200, "another address");
    }

    #[test]
    fn remembered_addresses_are_bounded() {
        let access = Access::without_users();
        for number in 0..=MOST_ADDRESSES as u32 {
            access.count_failure(Peer::Network(IpAddr::from(number.to_be_bytes())));
        }
        assert_eq!(access.failures.lock().unwrap().len(), MOST_ADDRESSES);
    }

    #[test]
    fn only_this_machine_is_trusted_beyond_reading() {
        let policy = Access::without_users().policy();
        let role = |peer| policy.trusted("ada", peer).unwrap().role;
        assert_eq!(role(Peer::Local), Role::Admin);
        assert_eq!(role(Peer::Network("127.0.0.1".parse().unwrap())), Role::Admin);
        assert_eq!(role(Peer::Network("::1".parse().unwrap())), Role::Admin);
        assert_eq!(role(Peer::Network("::ffff:127.0.0.1".parse().unwrap())), Role::Admin);
        assert_eq!(role(peer(1)), Role::Reader);
    }
}
