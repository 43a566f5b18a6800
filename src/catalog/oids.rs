//! Numbers for relations and functions. They come from the name alone, so that a restart or another machine gives the
//! same; PostgreSQL's own objects keep PostgreSQL's numbers, all of which are below ours.

use std::collections::BTreeMap;

/// Where PostgreSQL's numbers end and a user's objects begin.
const FIRST: u64 = 16_384;
/// Numbers stay positive in 32 bits, whatever a client reads them as.
const LAST: u64 = i32::MAX as u64;

/// A number for every name. Names whose numbers would be the same are told apart in the order of the names.
pub fn assign(names: impl IntoIterator<Item = String>) -> BTreeMap<String, i64> {
    assign_with(names, preferred)
}

fn assign_with(names: impl IntoIterator<Item = String>, prefer: impl Fn(&str) -> u64) -> BTreeMap<String, i64> {
    let mut names: Vec<String> = names.into_iter().collect();
    names.sort();
    names.dedup();
    let mut taken = std::collections::BTreeSet::new();
    let mut assigned = BTreeMap::new();
    for name in names {
        let mut oid = prefer(&name);
        while !taken.insert(oid) {
            oid = if oid == LAST { FIRST } else { oid + 1 };
        }
        // Both ends of the range fit.
        assigned.insert(name, oid.cast_signed());
    }
    assigned
}

/// FNV-1a of the name, folded into the range.
fn preferred(name: &str) -> u64 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    FIRST + hash % (LAST - FIRST + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_string()).collect()
    }

    #[test]
    fn a_name_has_the_same_number_everywhere() {
        // Written down once: a change here breaks whoever stored a number.
        let oids = assign(named(&["public.error_aggregates"]));
        let alone = oids["public.error_aggregates"];
        let among = assign(named(&["public.a", "public.error_aggregates", "public.z"]));
        assert_eq!(among["public.error_aggregates"], alone);
        assert!((16_384..=i64::from(i32::MAX)).contains(&alone));
        // FNV-1a of "a" is af63dc4c8601ec8c by its published test vectors.
        assert_eq!(preferred("a"), FIRST + 0xaf63_dc4c_8601_ec8c % (LAST - FIRST + 1));
    }

    #[test]
    fn names_that_collide_are_told_apart_in_their_order() {
        let prefer = |_: &str| LAST;
        let one = assign_with(named(&["b", "a", "c"]), prefer);
        let other = assign_with(named(&["c", "b", "a"]), prefer);
        assert_eq!(one, other);
        assert_eq!(
            one.into_iter().collect::<Vec<_>>(),
            [
                ("a".to_string(), LAST.cast_signed()),
                ("b".to_string(), FIRST.cast_signed()),
                ("c".to_string(), FIRST.cast_signed() + 1)
            ]
        );
    }
}
