//! Where a listener listens: an address, or `off`.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

/// The setting of one listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    Off,
    /// `host:port`; port 0 picks a free one.
    At(String),
}

impl Listen {
    /// This machine only.
    pub fn loopback(port: u16) -> Self {
        Self::At(SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string())
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let good = text
            .rsplit_once(':')
            .is_some_and(|(host, port)| is_host(host) && port.parse::<u16>().is_ok());
        if good {
            Ok(Self::At(text.to_string()))
        } else {
            Err(format!(
                "\"{text}\" is not an address: write host:port such as 127.0.0.1:7432, or off"
            ))
        }
    }
}

/// A name or an IPv4 address, or an IPv6 address in brackets.
fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && !host.contains([':', '/', ' ']),
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => formatter.write_str("off"),
            Self::At(address) => formatter.write_str(address),
        }
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Listen;

    #[test]
    fn addresses_and_off() {
        for good in ["off", "127.0.0.1:7432", "localhost:0", "[::1]:7432", "0.0.0.0:1"] {
            assert_eq!(good.parse::<Listen>().expect(good).to_string(), good);
        }
        for bad in [
            "",
            "7432",
            ":7432",
            "127.0.0.1",
            "127.0.0.1:",
            "127.0.0.1:65536",
            "::1:7432",
            "[::1]",
            "http://x:1",
            "Off",
        ] {
            bad.parse::<Listen>().expect_err(bad);
        }
    }
}
