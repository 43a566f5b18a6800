//! Who uses the browser: operating systems, architectures and countries, and how often each occurs.

use rand::Rng;

use super::calendar::Application;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Platform {
    Windows,
    Mac,
    Linux,
    Android,
}

impl Platform {
    pub(super) fn of(application: Application) -> &'static [Platform] {
        match application {
            Application::Firefox => &[Platform::Windows, Platform::Mac, Platform::Linux],
            Application::Fennec => &[Platform::Android],
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Platform::Windows => "windows",
            Platform::Mac => "mac",
            Platform::Linux => "linux",
            Platform::Android => "android",
        }
    }

    pub(super) fn index(self) -> usize {
        self as usize
    }
}

/// `os_name` by platform, in the order of `Platform`.
pub(super) const OS_NAMES: [&str; 4] = ["Windows_NT", "Darwin", "Linux", "Android"];

type Weighted = (&'static str, u32);

const WINDOWS_VERSIONS: &[Weighted] = &[
    ("10.0", 520),
    ("6.1", 340),
    ("6.3", 100),
    ("6.2", 20),
    ("5.1", 15),
    ("6.0", 5),
];
const MAC_VERSIONS: &[Weighted] = &[
    ("17.4.0", 330),
    ("17.5.0", 150),
    ("17.3.0", 90),
    ("16.7.0", 160),
    ("15.6.0", 130),
    ("14.5.0", 70),
    ("13.4.0", 40),
    ("17.2.0", 20),
    ("16.6.0", 10),
];
const LINUX_VERSIONS: &[Weighted] = &[
    ("4.13.0", 280),
    ("4.15.0", 180),
    ("4.4.0", 210),
    ("3.13.0", 90),
    ("4.9.0", 90),
    ("4.10.0", 50),
    ("4.15.10", 30),
    ("4.14.14", 25),
    ("3.10.0", 25),
    ("4.16.2", 20),
];
const ANDROID_VERSIONS: &[Weighted] = &[
    ("24", 220),
    ("23", 210),
    ("26", 150),
    ("22", 140),
    ("21", 80),
    ("19", 110),
    ("25", 60),
    ("27", 30),
];

const DESKTOP_ARCHITECTURES: [&[Weighted]; 3] = [
    &[("x86-64", 560), ("x86", 440)],
    &[("x86-64", 1000)],
    &[("x86-64", 930), ("x86", 70)],
];
const ANDROID_ARCHITECTURES: &[Weighted] = &[("arm", 960), ("x86", 40)];

/// Roughly the ranking of Firefox's users; `??` is an address that could not be located.
const COUNTRIES: &[Weighted] = &[
    ("US", 170),
    ("DE", 105),
    ("FR", 60),
    ("IN", 45),
    ("RU", 45),
    ("BR", 42),
    ("PL", 38),
    ("CN", 36),
    ("ID", 36),
    ("IT", 34),
    ("GB", 32),
    ("ES", 26),
    ("CA", 22),
    ("JP", 22),
    ("MX", 18),
    ("UA", 16),
    ("NL", 12),
    ("AT", 11),
    ("CZ", 11),
    ("VN", 11),
    ("TR", 10),
    ("AU", 10),
    ("AR", 10),
    ("HU", 9),
    ("SE", 9),
    ("CH", 9),
    ("BE", 9),
    ("GR", 8),
    ("RO", 8),
    ("IR", 8),
    ("PH", 8),
    ("TW", 7),
    ("CO", 7),
    ("EG", 6),
    ("FI", 6),
    ("BY", 6),
    ("KZ", 5),
    ("MY", 5),
    ("TH", 5),
    ("ZA", 5),
    ("SK", 5),
    ("BG", 5),
    ("DK", 5),
    ("NO", 5),
    ("PT", 5),
    ("CL", 4),
    ("DZ", 4),
    ("MA", 4),
    ("PE", 4),
    ("RS", 4),
    ("HR", 4),
    ("KR", 4),
    ("HK", 3),
    ("SG", 3),
    ("VE", 3),
    ("EC", 3),
    ("??", 4),
    ("NP", 2),
    ("LK", 2),
    ("BD", 2),
    ("PK", 3),
    ("SA", 3),
    ("IL", 3),
    ("SI", 2),
    ("LT", 2),
    ("LV", 2),
    ("EE", 2),
    ("NZ", 2),
    ("IE", 2),
    ("KE", 2),
    ("NG", 2),
    ("TN", 2),
    ("UY", 1),
    ("MN", 1),
    ("JO", 1),
    ("KH", 1),
    ("WS", 1),
];

/// Slots of a lookup table: a draw is ten random bits and one access, whatever the number of values.
const SLOTS: u32 = 1024;

/// Distinct values with a table that maps ten random bits to one of them.
pub(super) struct Dimension {
    pub values: Vec<&'static str>,
    slots: Vec<u16>,
}

impl Dimension {
    fn new(weighted: &[Weighted]) -> Dimension {
        let total: u32 = weighted.iter().map(|(_, weight)| weight).sum();
        let mut slots = Vec::with_capacity(SLOTS as usize);
        let mut reached = 0;
        for (index, (_, weight)) in weighted.iter().enumerate() {
            reached += weight;
            slots.resize((reached * SLOTS / total) as usize, index as u16);
        }
        Dimension {
            values: weighted.iter().map(|(value, _)| *value).collect(),
            slots,
        }
    }

    fn pick(&self, ten_bits: u64) -> u16 {
        self.slots
            .get((ten_bits % u64::from(SLOTS)) as usize)
            .copied()
            .unwrap_or(0)
    }
}

/// What one row says about its clients, as indices into the dimensions of its platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clients {
    pub os_version: u16,
    pub architecture: u16,
    pub country: u16,
}

/// The dimensions of one platform's clients.
pub(super) struct Population {
    pub os_versions: Dimension,
    pub architectures: Dimension,
    pub countries: Dimension,
}

impl Population {
    pub(super) fn of(platform: Platform) -> Population {
        let (os_versions, architectures) = match platform {
            Platform::Windows => (WINDOWS_VERSIONS, DESKTOP_ARCHITECTURES[0]),
            Platform::Mac => (MAC_VERSIONS, DESKTOP_ARCHITECTURES[1]),
            Platform::Linux => (LINUX_VERSIONS, DESKTOP_ARCHITECTURES[2]),
            Platform::Android => (ANDROID_VERSIONS, ANDROID_ARCHITECTURES),
        };
        Population {
            os_versions: Dimension::new(os_versions),
            architectures: Dimension::new(architectures),
            countries: Dimension::new(COUNTRIES),
        }
    }

    pub(super) fn pick(&self, rng: &mut impl Rng) -> Clients {
        let bits: u64 = rng.random();
        Clients {
            os_version: self.os_versions.pick(bits),
            architecture: self.architectures.pick(bits >> 10),
            country: self.countries.pick(bits >> 20),
        }
    }
}
