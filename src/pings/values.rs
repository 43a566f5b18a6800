//! The values of a ping's fields: texts that are not copied where they need not be, whole numbers however written, and
//! times.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use chrono::DateTime;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

/// A text, borrowed from the line unless it has escapes.
#[derive(Debug)]
pub struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text of a field that may be absent.
pub fn text<'a>(field: &'a Option<Text<'_>>) -> Option<&'a str> {
    field.as_ref().map(Text::as_str)
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor).map(Text)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_string()))
    }
}

/// A whole number, also one written with a point or an exponent; numbers beyond 64 bits become the nearest that fits.
#[derive(Debug, Clone, Copy)]
pub struct Whole(pub i64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WholeVisitor)
    }
}

struct WholeVisitor;

impl Visitor<'_> for WholeVisitor {
    type Value = Whole;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a whole number")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Whole, E> {
        Ok(Whole(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Whole, E> {
        Ok(Whole(i64::try_from(number).unwrap_or(i64::MAX)))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Whole, E> {
        if number.fract() == 0.0 {
            // The conversion saturates.
            Ok(Whole(number as i64))
        } else {
            Err(E::custom("not a whole number"))
        }
    }
}

/// A JSON object. Without this an array would do as well, its values taken for the fields in their order.
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData)).map(Object)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

/// Reads a field that is absent, null or an object.
pub fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(Option::<Object<T>>::deserialize(deserializer)?.map(|object| object.0))
}

/// The experiments of an environment with their branches, as far as they are read.
#[derive(Debug, Default)]
pub struct Experiments<'a>(pub Vec<(Text<'a>, Option<Text<'a>>)>);

/// A ping with more experiments than this is not counted, so the rest of them need not be kept.
pub const MOST_EXPERIMENTS: usize = 100;

#[derive(serde::Deserialize)]
struct Branch<'a> {
    #[serde(borrow)]
    branch: Option<Text<'a>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Experiments<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ExperimentsVisitor).map(Experiments)
    }
}

struct ExperimentsVisitor;

impl<'de> Visitor<'de> for ExperimentsVisitor {
    type Value = Vec<(Text<'de>, Option<Text<'de>>)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("experiments")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut experiments = Vec::new();
        while experiments.len() <= MOST_EXPERIMENTS {
            let Some((id, branch)) = map.next_entry::<Text<'de>, Object<Branch<'de>>>()? else {
                return Ok(experiments);
            };
            experiments.push((id, branch.0.branch));
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(experiments)
    }
}

/// A time as RFC 3339 or as query engines print it (`2018-06-05 11:00:00.5 UTC`), in microseconds since 1970.
pub fn microseconds(text: &str) -> Option<i64> {
    let parsed = match text.strip_suffix(" UTC") {
        Some(bare) => DateTime::parse_from_rfc3339(&format!("{bare}Z")),
        None => DateTime::parse_from_rfc3339(text),
    };
    Some(parsed.ok()?.timestamp_micros())
}
