//! The server's side of SCRAM-SHA-256 (RFC 5802 and 7677) over a stored verifier: two messages from the client, two
//! answers. Reading and writing them is `authenticate`'s business.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::rand::{SecureRandom, SystemRandom};

use super::frontend::violation;
use crate::access::Verifier;
use crate::error::{Error, ErrorKind, Result};

pub const PLAIN: &str = "SCRAM-SHA-256";
/// With the exchange bound to the TLS connection that it runs in.
pub const PLUS: &str = "SCRAM-SHA-256-PLUS";

/// As many random bytes as PostgreSQL takes.
const NONCE_BYTES: usize = 18;
/// An honest client's nonce has a few dozen characters.
const MOST_NONCE_CHARACTERS: usize = 512;

/// What the connection offers for binding the exchange to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding<'a> {
    /// The data of tls-server-end-point; none without TLS.
    pub end_point: Option<&'a [u8]>,
}

impl Binding<'_> {
    /// The mechanisms to offer, the better one first.
    pub fn mechanisms(self) -> Vec<String> {
        let offered: &[&str] = match self.end_point {
            Some(_) => &[PLUS, PLAIN],
            None => &[PLAIN],
        };
        offered.iter().map(|name| (*name).to_string()).collect()
    }
}

/// After the client's first message.
pub struct Exchange {
    verifier: Verifier,
    /// What `c=` of the client's last message has to be.
    expected_binding: String,
    nonce: String,
    client_first_bare: String,
    /// Goes to the client.
    pub server_first: String,
}

/// How the exchange ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// With the message that proves the server to the client.
    Proven(String),
    Wrong,
}

impl Exchange {
    /// Takes the mechanism that the client chose and its first message.
    pub fn begin(mechanism: &str, client_first: &str, binding: Binding<'_>, verifier: Verifier) -> Result<Self> {
        let mut nonce = [0; NONCE_BYTES];
        SystemRandom::new()
            .fill(&mut nonce)
            .map_err(|_| Error::internal("the system gives no random numbers"))?;
        Self::with_nonce(
            mechanism,
            client_first,
            binding,
            verifier,
            &BASE64_STANDARD.encode(nonce),
        )
    }

    fn with_nonce(
        mechanism: &str,
        client_first: &str,
        binding: Binding<'_>,
        verifier: Verifier,
        server_nonce: &str,
    ) -> Result<Self> {
        let bound = match (mechanism, binding.end_point) {
            (PLAIN, _) => None,
            (PLUS, Some(end_point)) => Some(end_point),
            _ => return Err(violation("client selected an invalid SASL authentication mechanism")),
        };
        let (gs2_header, bare) = split_header(client_first)?;
        check_header(gs2_header, bound.is_some(), binding)?;
        let client_nonce = client_nonce(bare)?;
        let mut bound_data = gs2_header.as_bytes().to_vec();
        bound_data.extend_from_slice(bound.unwrap_or_default());
        let nonce = format!("{client_nonce}{server_nonce}");
        let salt = BASE64_STANDARD.encode(&verifier.salt);
        Ok(Self {
            expected_binding: BASE64_STANDARD.encode(bound_data),
            client_first_bare: bare.to_string(),
            server_first: format!("r={nonce},s={salt},i={}", verifier.iterations),
            nonce,
            verifier,
        })
    }

    /// Takes the client's last message.
    pub fn finish(self, client_final: &str) -> Result<Verdict> {
        let (without_proof, proof) = client_final.rsplit_once(",p=").ok_or_else(malformed)?;
        let mut fields = without_proof.split(',');
        let binding = fields.next().and_then(|field| field.strip_prefix("c="));
        let nonce = fields.next().and_then(|field| field.strip_prefix("r="));
        let (Some(binding), Some(nonce)) = (binding, nonce) else {
            return Err(malformed());
        };
        if binding != self.expected_binding {
            return Err(Error::new(
                ErrorKind::InvalidAuthorization,
                "SCRAM channel binding check failed",
            ));
        }
        if nonce != self.nonce {
            return Err(malformed().with_detail("Nonce does not match."));
        }
        let proof = BASE64_STANDARD
            .decode(proof)
            .ok()
            .and_then(|proof| proof.try_into().ok());
        let proof = proof.ok_or_else(|| malformed().with_detail("Malformed proof in client-final-message."))?;
        let auth_message = format!("{},{},{without_proof}", self.client_first_bare, self.server_first);
        if !self.verifier.proves(auth_message.as_bytes(), &proof) {
            return Ok(Verdict::Wrong);
        }
        let signature = self.verifier.server_signature(auth_message.as_bytes());
        Ok(Verdict::Proven(format!("v={}", BASE64_STANDARD.encode(signature))))
    }
}

/// `n,,`, `y,,` or `p=…,,` and what follows.
fn split_header(client_first: &str) -> Result<(&str, &str)> {
    let (flag, rest) = client_first.split_once(',').ok_or_else(malformed)?;
    let (authorization, bare) = rest.split_once(',').ok_or_else(malformed)?;
    if !authorization.is_empty() {
        return Err(Error::not_supported(
            "client uses authorization identity, but it is not supported",
        ));
    }
    let header_bytes = flag.len() + 2;
    Ok((&client_first[..header_bytes], bare))
}

/// The client says whether it binds the channel, could, or cannot; that must fit the mechanism and what was offered.
fn check_header(header: &str, bound: bool, binding: Binding<'_>) -> Result<()> {
    match header.trim_end_matches(',') {
        "n" if !bound => Ok(()),
        // The client thinks that we cannot bind. If we offered it, somebody took the offer out on the way.
        "y" if !bound && binding.end_point.is_none() => Ok(()),
        "y" if !bound => Err(Error::new(
            ErrorKind::InvalidAuthorization,
            "SCRAM channel binding negotiation error",
        )
        .with_detail(
            "The client supports SCRAM channel binding but thinks the server does not.  However, this server does \
             support channel binding.",
        )),
        "p=tls-server-end-point" if bound => Ok(()),
        other if bound && other.starts_with("p=") => Err(violation("unsupported SCRAM channel-binding type")),
        _ => Err(malformed()),
    }
}

/// The name in this message is not looked at: the start-up packet's counts, as in PostgreSQL.
fn client_nonce(bare: &str) -> Result<&str> {
    let mut fields = bare.split(',');
    let name = fields.next().unwrap_or_default();
    if name.starts_with("m=") {
        return Err(Error::not_supported("client requires an unsupported SCRAM extension"));
    }
    let nonce = fields.next().and_then(|field| field.strip_prefix("r="));
    match nonce {
        Some(nonce) if name.starts_with("n=") && printable(nonce) => Ok(nonce),
        _ => Err(malformed()),
    }
}

fn printable(nonce: &str) -> bool {
    (1..=MOST_NONCE_CHARACTERS).contains(&nonce.len()) && nonce.bytes().all(|byte| byte.is_ascii_graphic())
}

fn malformed() -> Error {
    violation("malformed SCRAM message")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const CLIENT_FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    const CLIENT_FINAL: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
        p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    const UNBOUND: Binding<'_> = Binding { end_point: None };

    fn pencil() -> Verifier {
        let salt = BASE64_STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        Verifier::derive("pencil", salt, 4096.try_into().unwrap())
    }

    fn begun(mechanism: &str, client_first: &str, binding: Binding<'_>) -> Result<Exchange> {
        Exchange::with_nonce(mechanism, client_first, binding, pencil(), SERVER_NONCE)
    }

    #[test]
    fn the_exchange_of_rfc_7677() {
        let exchange = begun(PLAIN, CLIENT_FIRST, UNBOUND).unwrap();
        assert_eq!(
            exchange.server_first,
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
        );
        let verdict = exchange.finish(CLIENT_FINAL).unwrap();
        let signature = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
        assert_eq!(verdict, Verdict::Proven(signature.to_string()));
    }

    #[test]
    fn a_wrong_proof_is_told_from_a_malformed_one() {
        let wrong = CLIENT_FINAL.replace("p=d", "p=e");
        let verdict = begun(PLAIN, CLIENT_FIRST, UNBOUND).unwrap().finish(&wrong).unwrap();
        assert_eq!(verdict, Verdict::Wrong);
        for malformed in [
            "",
            "c=biws",
            "c=biws,p=AAAA",
            "c=biws,r=other,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            &CLIENT_FINAL.replace("p=dHzb", "p="),
            &CLIENT_FINAL.replace("p=dHzb", "p=!!!!"),
        ] {
            let error = begun(PLAIN, CLIENT_FIRST, UNBOUND)
                .unwrap()
                .finish(malformed)
                .unwrap_err();
            assert_eq!(error.kind, ErrorKind::ProtocolViolation, "{malformed}");
        }
    }

    #[test]
    fn a_channel_is_bound_or_the_exchange_ends() {
        let bound = Binding {
            end_point: Some(b"certificate"),
        };
        assert_eq!(bound.mechanisms(), [PLUS, PLAIN]);
        assert_eq!(UNBOUND.mechanisms(), [PLAIN]);
        let first = "p=tls-server-end-point,,n=,r=abc";
        let exchange = begun(PLUS, first, bound).unwrap();
        let data = BASE64_STANDARD.encode(b"p=tls-server-end-point,,certificate");
        assert_eq!(exchange.expected_binding, data);
        // Somebody in the middle has another certificate.
        let other = BASE64_STANDARD.encode(b"p=tls-server-end-point,,certificatf");
        let last = format!("c={other},r=abc{SERVER_NONCE},p=AAAA");
        let error = exchange.finish(&last).err().unwrap();
        assert_eq!(error.kind, ErrorKind::InvalidAuthorization);
        // Somebody in the middle took the better mechanism out of the offer.
        let error = begun(PLAIN, "y,,n=,r=abc", bound).err().unwrap();
        assert_eq!(error.kind, ErrorKind::InvalidAuthorization);
        assert!(begun(PLAIN, "y,,n=,r=abc", UNBOUND).is_ok());
        assert!(begun(PLAIN, "n,,n=,r=abc", bound).is_ok(), "a client that cannot bind");
        for (mechanism, first, binding) in [
            (PLUS, first, UNBOUND),
            (PLUS, "n,,n=,r=abc", bound),
            (PLUS, "y,,n=,r=abc", bound),
            (PLUS, "p=tls-unique,,n=,r=abc", bound),
            (PLAIN, first, bound),
            ("SCRAM-SHA-1", "n,,n=,r=abc", bound),
        ] {
            assert!(begun(mechanism, first, binding).is_err(), "{mechanism} {first}");
        }
    }

    #[test]
    fn first_messages_that_make_no_sense_are_refused() {
        for first in [
            "",
            "n",
            "n,",
            "n,,",
            "n,a=other,n=,r=abc",
            "n,,m=ext,n=,r=abc",
            "n,,n=user",
            "n,,n=user,r=",
            "n,,n=user,r=a b",
            "x,,n=user,r=abc",
            &format!("n,,n=,r={}", "a".repeat(600)),
        ] {
            assert!(begun(PLAIN, first, UNBOUND).is_err(), "{first}");
        }
    }
}
