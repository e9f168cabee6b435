//! What goes wrong in the shop, to be found: a new version is deployed on one host, and one page is slow with it.

use crate::catalogue::{CRON_HOST, ENDPOINTS, Endpoint, HOSTS, Host};
use crate::dice::Dice;

/// What is deployed when it begins.
pub const VERSION: &str = "2.15.0";

/// A page that is visited more often is the shop itself; one that is visited less often is hardly seen.
const WEIGHTS: std::ops::RangeInclusive<u32> = 4..=14;
/// A slow query takes so long; half of the times less.
pub const SLOW_SECONDS: f64 = 1.3;
/// So many of the slow requests are given up.
pub const GIVEN_UP: f64 = 0.45;
/// So much rarer than otherwise are the shop's usual mistakes: one thing at a time.
pub const OTHER_MISTAKES: f64 = 0.1;

/// One page, one host, one version.
#[derive(Debug, Clone, Copy)]
pub struct Incident {
    /// The page that is slow.
    pub endpoint: &'static Endpoint,
    /// Where the version was deployed.
    pub host: &'static Host,
    /// When that was, in seconds since the first visit.
    pub begins: f64,
}

impl Incident {
    /// Which one follows from the seed.
    #[must_use]
    pub fn new(seed: u64, begins: f64) -> Self {
        let mut dice = Dice::new(seed ^ 0x696e_6369_6465_6e74);
        let endpoints: Vec<&'static Endpoint> = ENDPOINTS
            .iter()
            .filter(|endpoint| !endpoint.queries.is_empty() && WEIGHTS.contains(&endpoint.weight))
            .collect();
        // Each host has a version of its own then, and the cron job is not a part of it.
        let hosts: Vec<&'static Host> = HOSTS.iter().filter(|host| host.name != CRON_HOST.name).collect();
        Self { endpoint: *dice.one_of(&endpoints[..]), host: *dice.one_of(&hosts[..]), begins }
    }

    /// Whether a visit is slow by it.
    #[must_use]
    pub fn strikes(&self, endpoint: &Endpoint, host: &Host, since_opening: f64) -> bool {
        self.is_deployed(host, since_opening)
            && endpoint.pattern == self.endpoint.pattern
            && endpoint.method == self.endpoint.method
    }

    /// Whether a host has the new version.
    #[must_use]
    pub fn is_deployed(&self, host: &Host, since_opening: f64) -> bool {
        since_opening >= self.begins && host.name == self.host.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn seeds_plant_different_incidents() {
        let planted: BTreeSet<(&str, &str)> = (0..200)
            .map(|seed| Incident::new(seed, 0.0))
            .map(|incident| (incident.endpoint.pattern, incident.host.name))
            .collect();
        assert_eq!(planted.len(), 4 * 3, "{planted:?}");
    }
}
