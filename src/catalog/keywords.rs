//! The words of PostgreSQL 15's grammar, as its `pg_get_keywords()` lists them.

/// A word, what it may name, and whether it may be a column's label without AS.
pub struct Keyword {
    pub word: &'static str,
    /// `U`, `C`, `T` or `R`.
    pub category: &'static str,
    pub is_bare_label: bool,
}

impl Keyword {
    pub fn category_description(&self) -> &'static str {
        match self.category {
            "U" => "unreserved",
            "C" => "unreserved (cannot be function or type name)",
            "T" => "reserved (can be function or type name)",
            _ => "reserved",
        }
    }

    pub fn label_description(&self) -> &'static str {
        if self.is_bare_label {
            "can be bare label"
        } else {
            "requires AS"
        }
    }
}

pub fn keywords() -> impl Iterator<Item = Keyword> {
    include_str!("facts/keywords.txt").lines().filter_map(|line| {
        let mut parts = line.split(' ');
        Some(Keyword {
            word: parts.next()?,
            category: parts.next()?,
            is_bare_label: parts.next()? == "b",
        })
    })
}
