//! The ledger from outside: each rule in numbers, its encodings, and the promise that it balances over long
//! random histories.

mod book;
mod rules;
