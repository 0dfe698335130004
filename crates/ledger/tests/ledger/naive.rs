//! The reference: a wallet as a plain list of single points, each on its own. Slow, and too simple to be wrong
//! in the same way as the real one.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use ledger::{GroupId, LotTimes, Wallet};

/// One point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Point {
    lot: GroupId,
    times: LotTimes,
}

impl Point {
    fn can_be_spent(&self, at: Timestamp) -> bool {
        self.times.matures_at.is_none() && self.times.expires_at.is_none_or(|end| end > at)
    }
}

/// What is remembered of an earlier group, should it be reversed.
#[derive(Clone, Debug)]
enum Earlier {
    Given { lot: GroupId, amount: i64, paid_debt: i64, expires_at: Option<Timestamp>, reversed: i64 },
    Taken { points: Vec<Point>, owed: i64, reversed: bool },
}

/// A wallet, point by point.
#[derive(Clone, Debug, Default)]
pub(crate) struct Naive {
    points: Vec<Point>,
    debt: i64,
    earlier: BTreeMap<GroupId, Earlier>,
    /// Points by what became of them.
    pub(crate) earned: i64,
    pub(crate) spent: i64,
    pub(crate) expired: i64,
    pub(crate) reversed: i64,
}

impl Naive {
    pub(crate) fn award(&mut self, id: GroupId, amount: i64, times: LotTimes) {
        self.earned += amount;
        let mut paid_debt = 0;
        let joined = times.matures_at.is_none().then(|| self.joined(times.expires_at)).flatten();
        let (lot, times) = joined.unwrap_or((id, times));
        for _ in 0..amount {
            if times.matures_at.is_none() && self.debt > 0 {
                self.debt -= 1;
                paid_debt += 1;
            } else {
                self.points.push(Point { lot, times });
            }
        }
        let earlier = Earlier::Given { lot, amount, paid_debt, expires_at: times.expires_at, reversed: 0 };
        self.earlier.insert(id, earlier);
    }

    /// The lot of spendable points that end at the same time: others join it.
    fn joined(&self, end: Option<Timestamp>) -> Option<(GroupId, LotTimes)> {
        let points = self.points.iter().filter(|point| point.times.matures_at.is_none());
        let alike = points.filter(|point| point.times.expires_at == end).min_by_key(|point| point.lot);
        alike.map(|point| (point.lot, point.times))
    }

    /// How many points were taken: all, some when `part` will do, or none.
    pub(crate) fn deduct(
        &mut self,
        id: GroupId,
        amount: i64,
        at: Timestamp,
        negative: bool,
        part: bool,
    ) -> i64 {
        let there = count(self.points.iter().filter(|point| point.can_be_spent(at))) - self.debt;
        if there < amount && !negative && !part {
            return 0;
        }
        let mut points = Vec::new();
        let mut owed = 0;
        for _ in 0..amount {
            match self.next_to_spend(at) {
                Some(point) => points.push(self.points.remove(point)),
                None if negative => owed += 1,
                None => {}
            }
        }
        self.debt += owed;
        let taken = count(&points) + owed;
        if taken > 0 {
            self.spent += taken;
            self.earlier.insert(id, Earlier::Taken { points, owed, reversed: false });
        }
        taken
    }

    /// The point to spend next: the one that ends first.
    fn next_to_spend(&self, at: Timestamp) -> Option<usize> {
        let there = self.points.iter().enumerate().filter(|(_, point)| point.can_be_spent(at));
        let next = there.min_by_key(|(_, point)| {
            let end = point.times.expires_at.unwrap_or(Timestamp::MAX);
            (end, point.times.awarded_at, point.lot)
        });
        next.map(|(place, _)| place)
    }

    /// Lets time pass, instant by instant.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        while let Some(instant) = self.next_instant().filter(|instant| *instant <= now) {
            let before = count(&self.points);
            self.points.retain(|point| point.times.expires_at != Some(instant));
            self.expired += before - count(&self.points);
            let ripe = |point: &Point| point.times.matures_at == Some(instant);
            let lots: BTreeSet<GroupId> = self.points.iter().filter(|p| ripe(p)).map(|p| p.lot).collect();
            for lot in lots {
                let (matured, others): (Vec<Point>, Vec<Point>) =
                    self.points.iter().partition(|point| point.lot == lot && ripe(point));
                self.points = others;
                let joined = self.joined(matured[0].times.expires_at);
                for mut point in matured {
                    point.times.matures_at = None;
                    if self.debt > 0 {
                        self.debt -= 1;
                        continue;
                    }
                    if let Some((lot, times)) = joined {
                        point = Point { lot, times };
                    }
                    self.points.push(point);
                }
            }
        }
    }

    fn next_instant(&self) -> Option<Timestamp> {
        self.points.iter().flat_map(|point| [point.times.matures_at, point.times.expires_at]).flatten().min()
    }

    /// Takes the point to spend next, or makes debt. Whether either could be done.
    fn take_another(&mut self, at: Timestamp, negative: bool) -> bool {
        match self.next_to_spend(at) {
            Some(other) => drop(self.points.remove(other)),
            None if negative => self.debt += 1,
            None => return false,
        }
        true
    }

    /// How many points were moved by the reversal.
    pub(crate) fn reverse(&mut self, id: GroupId, at: Timestamp, negative: bool, fresh: LotTimes) -> i64 {
        match self.earlier.get(&id).cloned() {
            Some(Earlier::Given { lot, amount, paid_debt, expires_at, reversed }) => {
                let mut moved = 0;
                while reversed + moved < amount {
                    if let Some(own) = self.points.iter().position(|point| point.lot == lot) {
                        self.points.remove(own);
                    } else if expires_at.is_some_and(|end| end <= at) {
                        if reversed + moved >= paid_debt {
                            break;
                        }
                        if !self.take_another(at, negative) {
                            break;
                        }
                    } else if let Some((joined, _)) = self.joined(expires_at) {
                        let place = self.points.iter().position(|point| point.lot == joined);
                        self.points.remove(place.expect("it was found just now"));
                    } else if !self.take_another(at, negative) {
                        break;
                    }
                    moved += 1;
                }
                let reversed = reversed + moved;
                self.earlier.insert(id, Earlier::Given { lot, amount, paid_debt, expires_at, reversed });
                self.reversed += moved;
                moved
            }
            Some(Earlier::Taken { points, owed, reversed: false }) => {
                let moved = count(&points) + owed;
                for _ in 0..owed {
                    if self.debt > 0 {
                        self.debt -= 1;
                    } else {
                        self.points.push(Point { lot: id, times: fresh });
                    }
                }
                for point in &points {
                    self.points.push(*point);
                    if self.debt > 0 && point.can_be_spent(at) {
                        self.points.pop();
                        self.debt -= 1;
                    }
                }
                self.earlier.insert(id, Earlier::Taken { points, owed, reversed: true });
                self.spent -= moved;
                moved
            }
            _ => 0,
        }
    }

    /// Takes in another wallet.
    pub(crate) fn absorb(&mut self, other: Self, at: Timestamp) {
        self.points.extend(other.points);
        self.earlier.extend(other.earlier);
        self.debt += other.debt;
        while let Some(point) = self.next_to_spend(at).filter(|_| self.debt > 0) {
            self.points.remove(point);
            self.debt -= 1;
        }
        self.earned += other.earned;
        self.spent += other.spent;
        self.expired += other.expired;
        self.reversed += other.reversed;
    }

    /// What the member has, beyond or below zero.
    pub(crate) fn left(&self) -> i64 {
        count(&self.points) - self.debt
    }

    /// Compares with the real wallet: the same points in the same lots, with the same times.
    pub(crate) fn check(&self, wallet: &Wallet) -> Result<(), String> {
        let mut lots: BTreeMap<GroupId, (i64, LotTimes)> = BTreeMap::new();
        for point in &self.points {
            lots.entry(point.lot).or_insert((0, point.times)).0 += 1;
        }
        let real: BTreeMap<_, _> =
            wallet.lots.iter().map(|(id, lot)| (*id, (lot.left, lot.times()))).collect();
        if lots == real && self.debt == wallet.debt {
            return Ok(());
        }
        Err(format!("expected {lots:#?} and a debt of {}, got {real:#?} and {}", self.debt, wallet.debt))
    }
}

fn count<T>(points: impl IntoIterator<Item = T>) -> i64 {
    points.into_iter().map(|_| 1).sum()
}
