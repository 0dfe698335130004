//! Chance that a seed repeats, and members that are not all equally busy.

/// Random numbers: splitmix64.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From `from` to `to`, both included.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.any() % (to - from + 1)
    }

    /// From 0 to below `limit`, which is not 0.
    #[allow(clippy::cast_possible_truncation, reason = "less than `limit`, which is a usize")]
    pub fn below(&mut self, limit: usize) -> usize {
        (self.any() % limit as u64) as usize
    }

    /// From 0 to below 1.
    #[allow(clippy::cast_precision_loss, reason = "53 bits are kept, which a double holds exactly")]
    pub fn fraction(&mut self) -> f64 {
        (self.any() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Numbers from 1 to N, of which number k comes up in proportion to 1 / k^s, as pgbench's `random_zipfian`.
#[derive(Clone, Debug)]
pub struct Zipf {
    cumulative: Vec<f64>,
}

impl Zipf {
    /// Of N numbers, with the exponent s.
    pub fn new(n: u32, s: f64) -> Self {
        let mut sum = 0.0;
        let cumulative = (1..=n)
            .map(|k| {
                sum += f64::from(k).powf(-s);
                sum
            })
            .collect();
        Self { cumulative }
    }

    /// One of them.
    pub fn draw(&self, chance: &mut Chance) -> usize {
        let total = self.cumulative.last().copied().unwrap_or(0.0);
        let point = chance.fraction() * total;
        self.cumulative.partition_point(|sum| *sum <= point) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_the_busiest() {
        let zipf = Zipf::new(1000, 1.01);
        let mut chance = Chance::new(7);
        let mut counts = vec![0_u32; 1001];
        for _ in 0..100_000 {
            counts[zipf.draw(&mut chance)] += 1;
        }
        assert_eq!(counts[0], 0);
        // 1 / sum of k^-1.01 over 1000 is 0.137.
        assert!((12_700..14_700).contains(&counts[1]), "{}", counts[1]);
        assert!(counts[1] > counts[10] && counts[10] > counts[100]);
        assert!(counts[501..].iter().sum::<u32>() > 5_000, "the long tail is drawn too");
    }
}
