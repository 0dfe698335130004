//! The ledger from outside: each rule in numbers, its encodings, and the promise that it balances over long
//! random histories.

mod amounts;
mod book;
mod dates;
mod encoding;
mod example;
mod histories;
mod moves;
mod naive;
mod office;
mod reversals;
mod rules;
